// SPDX-License-Identifier: MIT

// Two workers with a run queue each. All jobs begin at the first, whose ring is too small for them:
// what does not fit goes to a queue that both share, half of the ring at a time. The second worker
// finds its ring empty and steals half of the first's.
//
//     swift run -c release example_stealing_ring

import AtomicSupport
import CLinuxShims
import ConcurrentQueues
import StressSupport

/// What the workers share.
final class Office: Sendable {
    let first = StealingRing<Int>(capacity: 64)
    let second = StealingRing<Int>(capacity: 64)
    let shared = BoundedMPMCQueue<Int>(capacity: 1 << 17)
    let doneCount = Atomic<Int>(0)
    let sum = Atomic<Int>(0)
    let ones = Atomic<Int>(0)
    let stealCount = Atomic<Int>(0)
    let overflowCount = Atomic<Int>(0)
}

let office = Office()
let jobCount = 100_000

/// Puts a job into the first ring; if that is full, its older half moves to the shared queue.
@Sendable func submit(_ job: Int) {
    guard let refused = office.first.tryPush(job) else { return }
    office.overflowCount.add(1, ordering: .relaxed)
    office.first.drain(max: 32) { moved in
        let isRefused = office.shared.tryPush(moved) != nil
        precondition(!isRefused, "the shared queue has room for all jobs")
    }
    if let again = office.first.tryPush(refused) {  // A thief is moving out what it took.
        let isRefused = office.shared.tryPush(again) != nil
        precondition(!isRefused, "the shared queue has room for all jobs")
    }
}

/// Does a job, which is to count some bits, and notes that it is done.
@Sendable func run(_ job: Int) {
    var ones = 0
    for number in job..<(job + 2000) { ones += number.nonzeroBitCount }
    office.ones.add(ones, ordering: .relaxed)
    office.sum.add(job, ordering: .relaxed)
    office.doneCount.add(1, ordering: .relaxed)
}

/// A job of the other worker, or nil.
@Sendable func steal(for worker: Int) -> Int? {
    let job =
        worker == 0
        ? office.second.trySteal(into: office.first) : office.first.trySteal(into: office.second)
    if job != nil { office.stealCount.add(1, ordering: .relaxed) }
    return job
}

/// The oldest job that both share; the next ones come into the worker's own ring.
@Sendable func fetch(for worker: Int) -> Int? {
    let first = office.shared.tryPop()
    for _ in 1..<32 where first != nil {
        guard let job = office.shared.tryPop() else { break }
        let refused = worker == 0 ? office.first.tryPush(job) : office.second.tryPush(job)
        if let refused { run(refused) }
    }
    return first
}

ThreadTeam.run(count: 2) { worker in
    if worker == 0 {
        for job in 1...jobCount { submit(job) }
    }
    while office.doneCount.load(ordering: .relaxed) < jobCount {  // Ends: each job is done once.
        let own = worker == 0 ? office.first.tryPop() : office.second.tryPop()
        if let job = own ?? steal(for: worker) ?? fetch(for: worker) {
            run(job)
        } else {
            millrace_thread_yield()
        }
    }
}
let sum = office.sum.load(ordering: .relaxed)
let expected = jobCount * (jobCount + 1) / 2
print("sum \(sum), expected \(expected): \(sum == expected ? "each job once" : "WRONG")")
print("\(office.overflowCount.load(ordering: .relaxed)) overflows")
print("\(office.stealCount.load(ordering: .relaxed)) steals")
