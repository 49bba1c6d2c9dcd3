// SPDX-License-Identifier: MIT

// A tree of work: each job may make others, so no bound fits. Three workers take jobs from one
// queue without bound and put new ones in; who finishes the last one closes it. The queue grows
// while there is much to do, and has given its memory back at the end.
//
//     swift run -c release example_unbounded_queue

import AtomicSupport
import CLinuxShims
import ConcurrentQueues
import StressSupport

/// A node of a binary tree, which is all that there is to a job.
struct Job {
    let depth: Int
    let number: Int
}

/// What the workers share.
final class Forest: Sendable {
    let jobs = UnboundedMPMCQueue<Job>(segmentCapacity: 64, threadCountMax: 4)
    /// Jobs that are queued or at work.
    let openCount = Atomic<Int>(0)
    let openMax = Atomic<Int>(0)
    let doneCount = Atomic<Int>(0)
    let sum = Atomic<Int>(0)
}

let forest = Forest()
let depthMax = 16

@Sendable func add(_ job: Job) {
    let (_, open) = forest.openCount.add(1, ordering: .relaxed)
    forest.openMax.max(open, ordering: .relaxed)
    let isRefused = forest.jobs.tryPush(job) != nil
    precondition(!isRefused, "nobody closes while a job is open")
}

/// Does a job: notes its number, and adds the two below it.
@Sendable func run(_ job: Job) {
    forest.sum.add(job.number, ordering: .relaxed)
    forest.doneCount.add(1, ordering: .relaxed)
    if job.depth < depthMax {
        add(Job(depth: job.depth + 1, number: job.number * 2))
        add(Job(depth: job.depth + 1, number: job.number * 2 + 1))
    }
    let (_, open) = forest.openCount.subtract(1, ordering: .acquiringAndReleasing)
    if open == 0 { forest.jobs.close() }  // The last one, and it has added none.
}

add(Job(depth: 0, number: 1))
ThreadTeam.run(count: 3) { _ in
    while !forest.jobs.isDrained {  // Ends when the last job is done.
        if let job = forest.jobs.tryPop() { run(job) } else { millrace_thread_yield() }
    }
}

let jobCount = (1 << (depthMax + 1)) - 1
let sum = forest.sum.load(ordering: .relaxed)
let expected = jobCount * (jobCount + 1) / 2
print("jobs \(forest.doneCount.load(ordering: .relaxed)) of \(jobCount)")
print("sum \(sum), expected \(expected): \(sum == expected ? "each job once" : "WRONG")")
print("more than a segment was open at a time: \(forest.openMax.load(ordering: .relaxed) > 64)")
forest.jobs.releaseSegments()
print("emptied segments that are kept: \(forest.jobs.retiredSegmentCount)")
