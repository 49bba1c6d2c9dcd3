// SPDX-License-Identifier: MIT

// The last step of a shutdown: no new memory is given out, and one waits until all of it is back.
//
//     swift run -c release example_drain_allocator

import AtomicSupport
import CLinuxShims
import DrainAllocators
import StressSupport

/// What a connection keeps while it lives.
struct Record {
    var number: Int
    var byteCount: Int
}

/// The allocator, and how often it refused.
final class Memory: Sendable {
    let allocator = DrainAllocator(byteCountMax: 1 << 20)
    let refusals = Atomic<Int>(0)
    let served = Atomic<Int>(0)
}

let memory = Memory()

/// Serves connections until the allocator is closed.
@Sendable func serve() {
    for number in 0..<1_000_000 {
        guard var record = memory.allocator.make(Record(number: number, byteCount: 0)) else {
            memory.refusals.add(1, ordering: .relaxed)
            return
        }
        record.withMutableValue { $0.byteCount += 100 }
        memory.served.add(1, ordering: .relaxed)
    }  // The record's memory goes back here.
}

/// Closes after a while, and waits for what is still out.
@Sendable func shutDown() {
    // Ends: the others serve until this closes.
    while memory.served.load(ordering: .relaxed) < 1000 { millrace_thread_yield() }
    memory.allocator.close()
    let soon = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000_000)
    let isDrained = memory.allocator.blockingDrained(until: soon)
    print("drained: \(isDrained), blocks out: \(memory.allocator.outstanding.blockCount)")
}

ThreadTeam.run(count: 3) { index in
    if index == 0 { shutDown() } else { serve() }
}
let served = memory.served.load(ordering: .relaxed)
print("served at least a thousand: \(served >= 1000)")
print("threads refused behind the close: \(memory.refusals.load(ordering: .relaxed))")
