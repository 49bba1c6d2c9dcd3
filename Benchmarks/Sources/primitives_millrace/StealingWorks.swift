// SPDX-License-Identifier: MIT

internal import CContender
internal import ConcurrentQueues
internal import WorkSupport

/// A thread's own work, and another that takes of it.
enum StealingWorks {
    static let all =
        kinds("deque") { DequeOfOwner(capacity: $0) } + kinds("ring") { RingOfOwner(capacity: $0) }

    @inline(__always)
    private static func kinds<Q: StealableQueue & ~Copyable>(
        _ name: String, _ make: @escaping @Sendable (Int) -> Q
    ) -> [NamedWork] {
        [
            NamedWork("\(name)-owner") { size, _ in
                let loops = StealingLoops(make(size))
                return Work { loops.alone($0, $1) }
            },
            NamedWork("\(name)-thief") { size, _ in
                let loops = StealingLoops(make(size))
                return Work { loops.thief($0, $1) }
            },
            NamedWork("\(name)-both") { size, _ in
                let loops = StealingLoops(make(size))
                return Work { loops.both($0, $1) }
            },
        ]
    }
}

/// A queue with an owner and a thief.
protocol StealableQueue: Sendable, ~Copyable {
    func push(_ number: UInt64) -> Bool
    func pop() -> UInt64?
    /// The sum of what was taken, and how many; a thief may take several.
    func steal() -> (sum: UInt64, count: UInt64)
}

struct DequeOfOwner: StealableQueue, ~Copyable {
    private let deque: WorkStealingDeque<UInt64>

    init(capacity: Int) { deque = WorkStealingDeque(capacity: capacity) }

    @inline(__always)
    func push(_ number: UInt64) -> Bool { deque.tryPush(number) == nil }
    @inline(__always)
    func pop() -> UInt64? { deque.tryPop() }
    @inline(__always)
    func steal() -> (sum: UInt64, count: UInt64) {
        guard let number = deque.trySteal() else { return (0, 0) }
        return (number, 1)
    }
}

struct RingOfOwner: StealableQueue, ~Copyable {
    private let ring: StealingRing<UInt64>
    private let thiefs: StealingRing<UInt64>

    init(capacity: Int) {
        ring = StealingRing(capacity: capacity)
        thiefs = StealingRing(capacity: capacity)
    }

    @inline(__always)
    func push(_ number: UInt64) -> Bool { ring.tryPush(number) == nil }
    @inline(__always)
    func pop() -> UInt64? { ring.tryPop() }
    @inline(__always)
    func steal() -> (sum: UInt64, count: UInt64) {
        guard let first = ring.trySteal(into: thiefs) else { return (0, 0) }
        var sum = first
        var count: UInt64 = 1
        while let number = thiefs.tryPop() {
            sum &+= number
            count += 1
        }
        return (sum, count)
    }
}

/// The loops over it: thread 0 is the owner.
private final class StealingLoops<Q: StealableQueue & ~Copyable>: Sendable {
    private let queue: Q

    private static var burst: UInt64 { UInt64(WORK_BURST) }

    @inline(__always)
    init(_ queue: consuming Q) { self.queue = queue }

    /// Bursts that nobody touches.
    @inline(__always)
    func alone(_ thread: Int, _ count: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        var next: UInt64 = 0
        while next < count {
            let end = min(next + Self.burst, count)
            while next < end, queue.push(next) { next += 1 }
            while let number = queue.pop() { sum &+= number }
        }
        return sum
    }

    /// The owner only pushes.
    @inline(__always)
    func thief(_ thread: Int, _ count: UInt64) -> UInt64 {
        if thread > 0 { return steal(count) }
        var tries: UInt32 = 0
        for number in 0..<count {
            while !queue.push(number) { unsafe queue_trial_wait(&tries) }  // SAFETY: ours.
        }
        return 0
    }

    /// The owner pops half of each burst, and at the end what is left.
    @inline(__always)
    func both(_ thread: Int, _ count: UInt64) -> UInt64 {
        if thread > 0 { return steal(.max) }
        var sum: UInt64 = 0
        var next: UInt64 = 0
        while next < count {
            let end = min(next + Self.burst, count)
            while next < end, queue.push(next) { next += 1 }
            for _ in 0..<Self.burst / 2 {
                guard let number = queue.pop() else { break }
                sum &+= number
            }
        }
        while let number = queue.pop() { sum &+= number }
        work_finish()
        return sum
    }

    /// Takes so many, or until the owner has finished.
    @inline(__always)
    private func steal(_ count: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        var rest = count
        var tries: UInt32 = 0
        while rest > 0 {  // Ends: the owner pushes as many, or says that it has finished.
            let isOver = work_is_over()
            let taken = queue.steal()
            if taken.count == 0 {
                if isOver { break }
                unsafe queue_trial_wait(&tries)  // SAFETY: a number of ours.
                continue
            }
            sum &+= taken.sum
            rest -= taken.count
        }
        return sum
    }
}
