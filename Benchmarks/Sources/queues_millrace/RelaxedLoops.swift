// SPDX-License-Identifier: MIT

internal import CContender
internal import ConcurrentQueues

/// The loops over the queue of several lanes: each thread has a handle. No methods that a subclass
/// overrides, as in `QueueLoops`.
final class RelaxedLoops<Element: TrialElement> {
    private let queue: RelaxedMPMCQueue<Element>

    init(capacity: Int, threads: Int) {
        queue = RelaxedMPMCQueue(laneCount: threads, laneCapacity: max(2, capacity / threads))
    }

    @inline(__always)
    func push(_ first: UInt64, _ count: UInt64) {
        let handle = queue.makeHandle()
        for number in first..<first &+ count { offer(number, handle) }
    }

    @inline(__always)
    func pop(_ count: UInt64) -> UInt64 {
        var handle = queue.makeConsumerHandle()
        var sum: UInt64 = 0
        for _ in 0..<count { sum &+= take(&handle) }
        return sum
    }

    @inline(__always)
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
        while queue.tryPush(Element(number: number), by: handle) != nil {
            unsafe queue_trial_wait(&tries)  // SAFETY: a number of ours.
        }
    }

    @inline(__always)
    private func take(_ handle: inout RelaxedQueueHandle) -> UInt64 {
        var tries: UInt32 = 0
        while true {  // Ends: as much is pushed as is taken.
            if let element = queue.tryPop(by: &handle) { return element.number }
            unsafe queue_trial_wait(&tries)  // SAFETY: a number of ours.
        }
    }
}

extension Subject {
    @inline(__always)
    convenience init<Element>(_ loops: RelaxedLoops<Element>) {
        self.init(
            push: { loops.push($0, $1) }, pop: { loops.pop($0) }, pairs: { loops.pairs($0, $1) })
    }
}
