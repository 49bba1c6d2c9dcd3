// SPDX-License-Identifier: MIT

internal import CContender
internal import ConcurrentQueues
internal import WorkSupport

/// The loops over a lender.
final class LendingLoops<L: Lender & ~Copyable>: Sendable {
    private let lender: L
    private let threads: Int
    /// Takes loans from the thread that lends to the one that gives back.
    private let way: BoundedSPSCQueue<UInt64>

    static var wayCapacity: Int { 1024 }

    @inline(__always)
    init(_ lender: consuming L, threads: Int) {
        self.lender = lender
        self.threads = threads
        way = BoundedSPSCQueue(capacity: Self.wayCapacity)
    }

    /// One at a time.
    @inline(__always)
    func single(_ thread: Int, _ count: UInt64) -> UInt64 {
        let part = work_part(UInt32(thread), UInt32(threads), count)
        var sum: UInt64 = 0
        for number in part.first..<part.first + part.count {
            sum &+= lender.giveBack(lender.lend(number))
        }
        return sum
    }

    /// As many as a burst before the first is given back.
    @inline(__always)
    func deep(_ thread: Int, _ count: UInt64) -> UInt64 {
        let part = work_part(UInt32(thread), UInt32(threads), count)
        let burst = UInt64(WORK_BURST)
        var loans = InlineArray<64, UInt64>(repeating: 0)
        var sum: UInt64 = 0
        var first = part.first
        while first < part.first + part.count {
            let depth = min(burst, part.first + part.count - first)
            for step in 0..<Int(depth) { loans[step] = lender.lend(first + UInt64(step)) }
            for step in 0..<Int(depth) { sum &+= lender.giveBack(loans[step]) }
            first += depth
        }
        return sum
    }

    /// The first thread lends, the other gives back.
    @inline(__always)
    func across(_ thread: Int, _ count: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        for number in 0..<count {
            if thread == 0 { send(lender.lend(number)) } else { sum &+= lender.giveBack(next()) }
        }
        return sum
    }

    @inline(__always)
    private func send(_ loan: UInt64) {
        var tries: UInt32 = 0
        while way.tryPush(loan) != nil { unsafe queue_trial_wait(&tries) }  // SAFETY: ours.
    }

    @inline(__always)
    private func next() -> UInt64 {
        var tries: UInt32 = 0
        while true {  // Ends: the other thread sends as many.
            if let loan = way.tryPop() { return loan }
            unsafe queue_trial_wait(&tries)  // SAFETY: a number of ours.
        }
    }
}
