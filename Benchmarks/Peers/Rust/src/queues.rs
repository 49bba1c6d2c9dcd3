// SPDX-License-Identifier: MIT

use crossbeam_queue::{ArrayQueue, SegQueue};

use crate::trial::{wait, NamedQueue, Subject};

pub const QUEUES: &[NamedQueue] = &[
    ("crossbeam-array", |capacity| Box::new(ArrayQueue::<u64>::new(capacity))),
    ("crossbeam-seg", |_| Box::new(SegQueue::<u64>::new())),
    ("crossbeam-array-64", |capacity| Box::new(ArrayQueue::<Wide>::new(capacity))),
    ("crossbeam-seg-64", |_| Box::new(SegQueue::<Wide>::new())),
];

/// What goes through a queue in a trial: it holds a number.
trait TrialElement: Send {
    fn of(number: u64) -> Self;
    fn number(&self) -> u64;
}

impl TrialElement for u64 {
    fn of(number: u64) -> u64 {
        number
    }
    fn number(&self) -> u64 {
        *self
    }
}

/// Sixty-four bytes: the number stands at both ends.
struct Wide([u64; 8]);

impl TrialElement for Wide {
    fn of(number: u64) -> Wide {
        Wide([number, 1, 2, 3, 4, 5, 6, number])
    }
    fn number(&self) -> u64 {
        self.0[0] & self.0[7]
    }
}

/// A queue of elements that a trial can use.
trait TrialQueue: Sync {
    /// False if there is no room.
    fn offer(&self, number: u64) -> bool;
    fn take(&self) -> Option<u64>;
}

impl<E: TrialElement> TrialQueue for ArrayQueue<E> {
    #[inline(always)]
    fn offer(&self, number: u64) -> bool {
        self.push(E::of(number)).is_ok()
    }
    #[inline(always)]
    fn take(&self) -> Option<u64> {
        self.pop().map(|element| element.number())
    }
}

impl<E: TrialElement> TrialQueue for SegQueue<E> {
    #[inline(always)]
    fn offer(&self, number: u64) -> bool {
        self.push(E::of(number));
        true
    }
    #[inline(always)]
    fn take(&self) -> Option<u64> {
        self.pop().map(|element| element.number())
    }
}

#[inline(always)]
fn offer(queue: &impl TrialQueue, number: u64) {
    let mut tries = 0;
    while !queue.offer(number) {
        wait(&mut tries);
    }
}

#[inline(always)]
fn take(queue: &impl TrialQueue) -> u64 {
    let mut tries = 0;
    loop {
        if let Some(number) = queue.take() {
            return number;
        }
        wait(&mut tries);
    }
}

impl<Q: TrialQueue> Subject for Q {
    fn push(&self, first: u64, count: u64) {
        for number in first..first + count {
            offer(self, number);
        }
    }

    fn pop(&self, count: u64) -> u64 {
        let mut sum = 0u64;
        for _ in 0..count {
            sum = sum.wrapping_add(take(self));
        }
        sum
    }

    fn pairs(&self, first: u64, count: u64) -> u64 {
        let mut sum = 0u64;
        for number in first..first + count {
            offer(self, number);
            sum = sum.wrapping_add(take(self));
        }
        sum
    }
}
