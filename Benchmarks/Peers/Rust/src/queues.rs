// SPDX-License-Identifier: MIT

use crossbeam_queue::{ArrayQueue, SegQueue};

use crate::trial::{wait, NamedQueue, Subject};

pub const QUEUES: &[NamedQueue] = &[
    ("crossbeam-array", |capacity| Box::new(ArrayQueue::new(capacity))),
    ("crossbeam-seg", |_| Box::new(SegQueue::new())),
];

/// A queue of numbers that a trial can use.
trait TrialQueue: Sync {
    /// False if there is no room.
    fn offer(&self, number: u64) -> bool;
    fn take(&self) -> Option<u64>;
}

impl TrialQueue for ArrayQueue<u64> {
    fn offer(&self, number: u64) -> bool {
        self.push(number).is_ok()
    }
    fn take(&self) -> Option<u64> {
        self.pop()
    }
}

impl TrialQueue for SegQueue<u64> {
    fn offer(&self, number: u64) -> bool {
        self.push(number);
        true
    }
    fn take(&self) -> Option<u64> {
        self.pop()
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
