// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A meeting point: who arrives waits until all of a number have, and then all go on together; the
/// next round begins at once.
///
/// | Guarantee | `wait`                                                                           |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | blocking: a short lock, and the wait for the others                              |
/// | Order     | a phase is made of the arrivals in their order; all of it pass together, woken   |
/// |           | in that order                                                                    |
/// | Cost      | one short lock; the last arrival wakes all others. A waiting task costs one heap |
/// |           | block, a waiting thread none                                                     |
/// | Memory    | one block of 128 bytes; it must outlive the return of every wait                 |
/// | Edges     | what each of a phase did before it arrived is seen by all of them afterwards     |
/// | Threads   | any number; more than the barrier's count make phases of whoever comes           |
///
/// Source: D. Lea's CyclicBarrier in java.util.concurrent, 2004. Where that one breaks for all when
/// one gives up, ours takes the arrival back, and the others wait for somebody else.
///
/// The last arrival of a phase does not sleep and is told that it is the `leader`: one of each
/// phase is. The others go on at the same time; to let the leader work alone first, let all wait
/// twice.
///
/// Not for workers that go away: the count is fixed. Not for one who waits for others that do not:
/// use `Latch` or `WaitGroup`.
///
/// Cancellation and deadlines: a waiter that gives up has not arrived. If the phase was complete
/// first, its wait succeeds.
///
/// ```swift
/// let barrier = CyclicBarrier(memberCount: 1)
/// let role = barrier.blockingWait(until: .never)
/// print(role == .leader)  // true
/// ```
@frozen
@safe
public struct CyclicBarrier: ~Copyable, @unchecked Sendable {
    // Layout: arrivals (64 bits) · the waiter list
    //
    // Invariants: I1  outside the lock, the list has as many members as there are arrivals
    //             I2  arrivals < memberCount outside the lock: the last one clears them
    //
    // Edges: none of its own. Each arrival takes the lock, and the last one takes it after the
    //        others (InternalLock, E1); from there the wakes carry all to all. The count is
    //        relaxed: only the lock's holder changes it, and `arrivalCount` is a guess.

    /// What somebody is in a phase that is over.
    @frozen
    public enum Role: Sendable {
        /// The last to arrive; one of each phase.
        case leader
        /// One of those that waited.
        case follower
    }

    /// How many make a phase.
    public let memberCount: Int

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let arrivals: UnsafeMutablePointer<Atomic<UInt64>>
    @usableFromInline
    let list: WaiterList

    /// A barrier for `memberCount`, at least one.
    public init(memberCount: Int) {
        self.init(
            block: SharedBlock(byteCount: Self.storageByteCount), memberCount: memberCount)
    }

    /// A barrier in the caller's memory: at least `storageByteCount` bytes that begin on a cache
    /// line and outlive the barrier.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, memberCount: Int) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block, memberCount: memberCount)
    }

    /// How many bytes `init(storage:memberCount:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock, memberCount: Int) {
        precondition(memberCount >= 1, "a barrier has at least one member")
        self.memberCount = memberCount
        // SAFETY: the block is zeroed and lives as long as the pointers.
        unsafe arrivals = block.base.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        unsafe arrivals.initialize(to: Atomic(0))  // SAFETY: as above.
        // SAFETY: as above.
        unsafe list = WaiterList(at: block.base + MemoryLayout<UInt64>.stride)
        self.block = block
    }

    /// How many of the phase have arrived just now: fewer than `memberCount`.
    @inlinable
    public var arrivalCount: Int {
        Int(unsafe arrivals.pointee.load(ordering: .relaxed))  // SAFETY: the block lives.
    }

    /// Arrives, and sleeps until all have. Nil: the deadline passed, and the arrival is taken back.
    @available(*, noasync, message: "this blocks the thread: tasks use `wait()`")
    public func blockingWait(until deadline: MonotonicInstant) -> Role? {
        Self.role(after: parkThreadToEnd(until: deadline))
    }

    /// Who was let through without queueing was the last to arrive.
    static func role(after end: WaitEnd) -> Role? {
        switch end {
        case .admitted: .leader
        case .granted: .follower
        case .givenUp: nil
        }
    }

    /// With the lock held.
    private func setArrivals(_ count: Int) {
        assert(count >= 0)
        assert(count < memberCount)  // I2
        // SAFETY: the block lives as long as `self`.
        unsafe arrivals.pointee.store(UInt64(count), ordering: .relaxed)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() {
            list.lock()
            defer { list.unlock() }
            let memberCount = list.checkInvariants()
            precondition(memberCount == arrivalCount, "I1: arrivals and waits differ")
            precondition(arrivalCount < self.memberCount, "I2: a phase is complete and goes on")
        }
    #endif
}

extension CyclicBarrier: WaitSource {
    /// Arrives: `granted` to the last of the phase, the leader; the others are queued.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        var chain = WakeChain()
        list.lock()
        // SAFETY: the caller's node, here and below.
        if unsafe list.isWithdrawn(node) {
            list.unlock()
            return .withdrawn
        }
        let isLast = arrivalCount == memberCount - 1
        if isLast {
            let count = list.grantAll(&chain)
            assert(count == memberCount - 1)  // I1
            setArrivals(0)
            unsafe list.admit(node)  // SAFETY: as above.
        } else {
            setArrivals(arrivalCount + 1)
            unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
        }
        list.unlock()
        chain.wakeAll()
        return isLast ? .granted : .queued
    }

    /// Gives a wait up and takes the arrival back; if that is too `late`, the phase is complete.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        let withdrawal = unsafe list.remove(node)  // SAFETY: the caller's node.
        if case .removed = withdrawal { setArrivals(arrivalCount - 1) }
        return withdrawal
    }
}
