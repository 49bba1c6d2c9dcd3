// SPDX-License-Identifier: MIT

// Waiting until a number of jobs have ended, wherever they run; what they wrote before is seen.
//
//     swift run -c release example_wait_group

import AtomicSupport
import StressSupport
import WaitPrimitives

/// What the jobs share.
final class Work: Sendable {
    let group = WaitGroup()
    let sum = Atomic<Int>(0)
}

let work = Work()
let jobCount = 3

// Counted before the threads start, so that nobody finds the group empty too early.
work.group.add(jobCount)
ThreadTeam.run(count: jobCount + 1) { index in
    if index < jobCount {
        let square = (index + 1) * (index + 1)
        work.sum.add(square, ordering: .relaxed)  // `done` publishes it.
        work.group.done()
    } else {
        let soon = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000_000)
        let isDone = work.group.blockingWait(until: soon)
        print("all \(jobCount) jobs done: \(isDone), sum \(work.sum.load(ordering: .relaxed))")
    }
}

// It can be used again, and a wait can have a limit.
work.group.add()
let shortly = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
print("a job that never ends: \(work.group.blockingWait(until: shortly) ? "ended" : "timed out")")
work.group.done()
print("left: \(work.group.count)")
