// SPDX-License-Identifier: MIT

internal import CContender
internal import ConcurrentQueues

/// The loops over the queue of several lanes: each thread has a handle.
final class RelaxedLoops {
    private let queue: RelaxedMPMCQueue<UInt64>

    init(capacity: Int, threads: Int) {
        queue = RelaxedMPMCQueue(laneCount: threads, laneCapacity: max(2, capacity / threads))
    }

    func push(_ first: UInt64, _ count: UInt64) {
        let handle = queue.makeHandle()
        for number in first..<first &+ count { offer(number, handle) }
    }

    func pop(_ count: UInt64) -> UInt64 {
        var handle = queue.makeConsumerHandle()
        var sum: UInt64 = 0
        for _ in 0..<count { sum &+= take(&handle) }
        return sum
    }

    func pairs(_ first: UInt64, _ count: UInt64) -> UInt64 {
        var handle = queue.makeHandle()
        var sum: UInt64 = 0
        for number in first..<first &+ count {
            offer(number, handle)
            sum &+= take(&handle)
        }
        return sum
    }

    @inline(__always)
    private func offer(_ number: UInt64, _ handle: RelaxedQueueHandle) {
        var tries: UInt32 = 0
        // SAFETY: a number of ours.
        while queue.tryPush(number, by: handle) != nil { unsafe queue_trial_wait(&tries) }
    }

    @inline(__always)
    private func take(_ handle: inout RelaxedQueueHandle) -> UInt64 {
        var tries: UInt32 = 0
        while true {  // Ends: as much is pushed as is taken.
            if let number = queue.tryPop(by: &handle) { return number }
            unsafe queue_trial_wait(&tries)  // SAFETY: a number of ours.
        }
    }
}

extension Subject {
    convenience init(_ loops: RelaxedLoops) {
        self.init(push: loops.push, pop: loops.pop, pairs: loops.pairs)
    }
}
