// SPDX-License-Identifier: MIT

// A pipeline of two threads: one makes samples, the other sums them up, in batches as they come.
// Neither waits for the other inside an operation; who finds nothing to do lets others run.
//
//     swift run -c release example_spsc_queue

import AtomicSupport
import CLinuxShims
import ConcurrentQueues
import StressSupport

/// What the two threads share.
final class Pipe: Sendable {
    let queue = BoundedSPSCQueue<UInt32>(capacity: 1024)
    let sum = Atomic<UInt64>(0)
    let batches = Atomic<Int>(0)
}

let pipe = Pipe()
let sampleCount: UInt32 = 1_000_000

/// Makes the samples, a batch at a time, and says when there are no more.
@Sendable func produce() {
    var made: UInt32 = 0
    while made < sampleCount {  // Ends: the consumer makes room.
        let count = pipe.queue.fill(max: min(100, Int(sampleCount - made))) {
            made += 1
            return made
        }
        if count == 0 { millrace_thread_yield() }
    }
    pipe.queue.close()
}

/// Takes what there is, until the queue is closed and empty.
@Sendable func consume() {
    var sum: UInt64 = 0
    var batches = 0
    while !pipe.queue.isDrained {  // Ends behind the producer's `close`.
        let count = pipe.queue.drain(max: 1024) { sum += UInt64($0) }
        if count > 0 { batches += 1 } else { millrace_thread_yield() }
    }
    pipe.sum.store(sum, ordering: .relaxed)
    pipe.batches.store(batches, ordering: .relaxed)
}

ThreadTeam.run(count: 2) { index in
    if index == 0 { produce() } else { consume() }
}
let sum = pipe.sum.load(ordering: .relaxed)
let expected = UInt64(sampleCount) * (UInt64(sampleCount) + 1) / 2
let batches = pipe.batches.load(ordering: .relaxed)
print("sum \(sum), expected \(expected): \(sum == expected ? "nothing lost" : "WRONG")")
print("\(sampleCount) samples in \(batches) batches")
