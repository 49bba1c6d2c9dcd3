// SPDX-License-Identifier: MIT

// Work stealing: thread 0 is the owner, thread 1 the thief. The deque has no bound of its own; the
// owner waits while `size` are there, as that of a bounded one must.

use std::sync::Mutex;

use crossbeam_deque::{Steal, Stealer, Worker};

use crate::trial::{finish, is_over, wait, NamedWork, Work, BURST};

pub const WORKS: &[NamedWork] = &[
    ("lifo-owner", |size, _| deque(size, Way::Owner, false)),
    ("lifo-thief", |size, _| deque(size, Way::Thief, false)),
    ("lifo-both", |size, _| deque(size, Way::Both, false)),
    ("fifo-owner", |size, _| deque(size, Way::Owner, true)),
    ("fifo-thief", |size, _| deque(size, Way::Thief, true)),
    ("fifo-both", |size, _| deque(size, Way::Both, true)),
];

enum Way {
    Owner,
    Thief,
    Both,
}

struct Deque {
    worker: Mutex<Option<Worker<u64>>>,
    stealer: Stealer<u64>,
    size: usize,
    way: Way,
    /// Whether the thief takes several at a time into a deque of its own.
    in_batches: bool,
}

fn deque(size: usize, way: Way, is_fifo: bool) -> Box<dyn Work> {
    let worker = if is_fifo { Worker::new_fifo() } else { Worker::new_lifo() };
    let stealer = worker.stealer();
    Box::new(Deque { worker: Mutex::new(Some(worker)), stealer, size, way, in_batches: is_fifo })
}

impl Work for Deque {
    fn run(&self, thread: u32, count: u64) -> u64 {
        if thread > 0 {
            let most = if let Way::Both = self.way { u64::MAX } else { count };
            return if self.in_batches { self.steal_batches(most) } else { self.steal(most) };
        }
        let worker = self.worker.lock().unwrap().take().unwrap();
        match self.way {
            Way::Owner => alone(&worker, count),
            Way::Thief => self.push_all(&worker, count),
            Way::Both => self.share(&worker, count),
        }
    }
}

/// Bursts that nobody touches.
fn alone(worker: &Worker<u64>, count: u64) -> u64 {
    let (mut sum, mut next) = (0u64, 0);
    while next < count {
        let end = count.min(next + BURST);
        for number in next..end {
            worker.push(number);
        }
        next = end;
        while let Some(number) = worker.pop() {
            sum = sum.wrapping_add(number);
        }
    }
    sum
}

impl Deque {
    /// Pushes once it has seen that there is room; it asks again after as many as there was for.
    fn push_all(&self, worker: &Worker<u64>, count: u64) -> u64 {
        let mut tries = 0;
        let mut room = self.size;
        for number in 0..count {
            while room == 0 {
                room = self.size - worker.len();
                if room == 0 {
                    wait(&mut tries);
                }
            }
            worker.push(number);
            room -= 1;
        }
        0
    }

    /// The owner pops half of each burst, and at the end what is left.
    fn share(&self, worker: &Worker<u64>, count: u64) -> u64 {
        let (mut sum, mut next) = (0u64, 0);
        while next < count {
            let end = count.min(next + BURST);
            while next < end && worker.len() < self.size {
                worker.push(next);
                next += 1;
            }
            for _ in 0..BURST / 2 {
                match worker.pop() {
                    Some(number) => sum = sum.wrapping_add(number),
                    None => break,
                }
            }
        }
        while let Some(number) = worker.pop() {
            sum = sum.wrapping_add(number);
        }
        finish();
        sum
    }

    fn steal(&self, most: u64) -> u64 {
        let (mut sum, mut rest, mut tries) = (0u64, most, 0);
        while rest > 0 {
            let is_last = is_over();
            match self.stealer.steal() {
                Steal::Success(number) => {
                    sum = sum.wrapping_add(number);
                    rest -= 1;
                }
                Steal::Retry => continue,
                Steal::Empty if is_last => break,
                Steal::Empty => wait(&mut tries),
            }
        }
        sum
    }

    fn steal_batches(&self, most: u64) -> u64 {
        let own = Worker::new_fifo();
        let (mut sum, mut rest, mut tries) = (0u64, most, 0);
        while rest > 0 {
            let is_last = is_over();
            match self.stealer.steal_batch_and_pop(&own) {
                Steal::Success(first) => {
                    sum = sum.wrapping_add(first);
                    rest -= 1;
                    while let Some(number) = own.pop() {
                        sum = sum.wrapping_add(number);
                        rest -= 1;
                    }
                }
                Steal::Retry => continue,
                Steal::Empty if is_last => break,
                Steal::Empty => wait(&mut tries),
            }
        }
        sum
    }
}
