// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Where posted jobs go when a loop's inbox is full. A job cannot be refused: two loops that post
/// to each other would wait for each other. So the bound is the inbox for the fast path and memory
/// for this one.
final class OverflowList: @unchecked Sendable {
    // Edges: the lock's, and for the count, which is read outside of it:
    //        E1  append store → count load of the loop   carries what the poster has put into the
    //            inbox before, which must run first. The stores of `take` and `close` are relaxed:
    //            posters learn by them only that the list is empty.
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private var jobs: [LoopJob] = []
    private var isClosed = false
    private let jobCount = Atomic<Int>(0)

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    var isEmpty: Bool { count == 0 }

    var count: Int { jobCount.load(ordering: .acquiring) }  // E1

    /// Adds a job; false if the loop is over.
    func append(_ job: LoopJob) -> Bool {
        lock.withLock {
            guard !isClosed else { return false }
            jobs.append(job)
            jobCount.store(jobs.count, ordering: .releasing)  // E1
            return true
        }
    }

    /// Takes the oldest `count` jobs.
    func take(_ count: Int) -> [LoopJob] {
        lock.withLock {
            let taken = Array(jobs.prefix(count))
            jobs.removeFirst(taken.count)
            jobCount.store(jobs.count, ordering: .relaxed)
            return taken
        }
    }

    /// Takes all jobs; later ones are refused.
    func close() -> [LoopJob] {
        lock.withLock {
            isClosed = true
            let taken = jobs
            jobs = []
            jobCount.store(0, ordering: .relaxed)
            return taken
        }
    }
}
