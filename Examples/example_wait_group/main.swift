// SPDX-License-Identifier: MIT

// Waiting until a number of jobs have ended, wherever they run, in a thread or in a task; what they
// wrote before is seen.
//
//     swift run -c release example_wait_group

import AtomicSupport
import StressSupport
import WaitPrimitives

/// What the jobs share.
final class Work: Sendable {
    let group = WaitGroup()
    let sum = Atomic<Int>(0)

    /// Waits for so long; whether all was done by then.
    func isDone(within nanoseconds: UInt64) -> Bool {
        group.blockingWait(until: .now.advanced(byNanoseconds: nanoseconds))
    }
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
        let isDone = work.isDone(within: 1_000_000_000)
        print("all \(jobCount) jobs done: \(isDone), sum \(work.sum.load(ordering: .relaxed))")
    }
}

// It can be used again. Jobs may be tasks, and a task that waits holds no thread.
work.group.add(jobCount)
let tasks = (1...jobCount).map { number in
    Task.detached {
        work.sum.add(10 * number, ordering: .relaxed)  // As above.
        work.group.done()
    }
}
try await work.group.wait()
print("and as many tasks: sum \(work.sum.load(ordering: .relaxed))")

// A wait can have a limit.
work.group.add()
print("a job that never ends: \(work.isDone(within: 5_000_000) ? "ended" : "timed out")")
work.group.done()
print("left: \(work.group.count)")
for task in tasks { await task.value }
