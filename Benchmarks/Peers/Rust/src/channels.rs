// SPDX-License-Identifier: MIT

// Channels between threads that sleep when they must wait: half of the threads send.

use crossbeam_channel::{bounded, Receiver, Sender};

use crate::trial::{part, NamedWork, Work};

pub const WORKS: &[NamedWork] = &[
    ("channel-bounded", |size, threads| channel(size, threads)),
    ("channel-rendezvous", |_, threads| channel(0, threads)),
    ("channel-once", |_, _| Box::new(Once)),
];

struct Channel {
    sender: Sender<u64>,
    receiver: Receiver<u64>,
    threads: u32,
}

fn channel(size: usize, threads: u32) -> Box<dyn Work> {
    let (sender, receiver) = bounded(size);
    Box::new(Channel { sender, receiver, threads })
}

impl Work for Channel {
    fn run(&self, thread: u32, count: u64) -> u64 {
        let half = self.threads / 2;
        let mut sum = 0u64;
        for number in part(thread % half, half, count) {
            if thread < half {
                self.sender.send(number).unwrap();
            } else {
                sum = sum.wrapping_add(self.receiver.recv().unwrap());
            }
        }
        sum
    }
}

/// A channel for one value: made, used and dropped.
struct Once;

impl Work for Once {
    fn run(&self, _thread: u32, count: u64) -> u64 {
        let mut sum = 0u64;
        for number in 0..count {
            let (sender, receiver) = bounded(1);
            sender.send(number).unwrap();
            sum = sum.wrapping_add(receiver.recv().unwrap());
        }
        sum
    }
}
