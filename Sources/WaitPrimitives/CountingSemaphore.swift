// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A bounded number of permits: who waits for one gets it in turn.
///
/// | Guarantee | `tryWait` / `wait` / `signal`                                                    |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `tryWait`, and `signal` while nobody waits: lock-free. Otherwise a short lock    |
/// | Order     | FIFO: a permit goes to the first waiter; nobody barges, `tryWait` neither        |
/// | Cost      | uncontended: one compare-exchange. A waiting task costs one heap block, a        |
/// |           | waiting thread none                                                              |
/// | Memory    | one block of 128 bytes                                                           |
/// | Threads   | any number in both roles                                                         |
///
/// Source: E. W. Dijkstra, "Over seinpalen", EWD 74, 1963. Ours hands permits over directly, as D.
/// Lea's synchronizer framework can (2005), and has a maximum that a signal cannot exceed.
///
/// Not for a lock around a value: use `FairLock`. Not for one wake-up that is remembered: use
/// `AutoResetEvent` or `Notify`. Not for the end of work that is under way: use `WaitGroup`. Not
/// for how often something happens: use `TokenBucket`.
///
/// Cancellation and deadlines: a waiter that gives up leaves the queue; if its permit was granted
/// first, the wait succeeds, and the permit is the caller's to give back.
///
/// ```swift
/// let semaphore = CountingSemaphore(permitCount: 4, permitCountMax: 4)
/// if semaphore.tryWait() {
///     // at most four are here at a time
///     semaphore.signal()
/// }
/// ```
@frozen
@safe
public struct CountingSemaphore: ~Copyable, @unchecked Sendable {
    // Layout, invariants and edges: see PermitGate.swift.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let gate: PermitGate

    /// The largest number of permits that can be free at one time.
    public let permitCountMax: Int

    /// A semaphore with `permitCount` free permits, and never more than `permitCountMax`.
    public init(permitCount: Int, permitCountMax: Int = Int(Int32.max)) {
        self.init(
            block: SharedBlock(byteCount: Self.storageByteCount),
            permitCount: permitCount, permitCountMax: permitCountMax)
    }

    /// A semaphore in the caller's memory: at least `storageByteCount` bytes that begin on a cache
    /// line and outlive the semaphore.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, permitCount: Int,
        permitCountMax: Int = Int(Int32.max)
    ) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block, permitCount: permitCount, permitCountMax: permitCountMax)
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock, permitCount: Int, permitCountMax: Int) {
        precondition(permitCountMax >= 1, "a semaphore has at least one permit")
        precondition(permitCountMax <= PermitGate.permitCountMax, "permits are counted in 31 bits")
        precondition(permitCount >= 0, "the number of permits is negative")
        precondition(permitCount <= permitCountMax, "more permits than the maximum")
        self.permitCountMax = permitCountMax
        // SAFETY: the block is zeroed and as long as `gate` lives.
        unsafe gate = PermitGate(at: block.base, permitCount: permitCount)
        self.block = block
    }

    /// How many permits are free just now; zero while somebody waits.
    @inlinable
    public var permitCount: Int { gate.permitCount }

    /// Takes a permit if one is free.
    @inlinable
    @inline(__always)
    public func tryWait() -> Bool { gate.tryTake() }

    /// Takes a permit; the calling thread sleeps until it gets one. False: the deadline passed.
    @available(*, noasync, message: "this blocks the thread: tasks use `wait()`")
    public func blockingWait(until deadline: MonotonicInstant) -> Bool {
        if gate.tryTake() { return true }
        return gate.parkThread(until: deadline)
    }

    /// Gives `count` permits: to waiters first, in their order, and the rest back. Answers false
    /// and does nothing if `count` is more than the maximum, or more would be free.
    @inlinable
    @discardableResult
    public func signal(_ count: Int = 1) -> Bool {
        precondition(count >= 0, "a negative number of permits")
        return gate.give(count, maximum: permitCountMax, isSaturating: false)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() { gate.checkInvariants(maximum: permitCountMax) }
    #endif
}

extension CountingSemaphore: WaitSource {
    /// Takes a permit or queues for one.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        unsafe gate.enqueue(node)  // SAFETY: passed on to the caller.
    }

    /// Gives a wait up; if that is too `late`, the caller has a permit.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        unsafe gate.withdraw(node)  // SAFETY: passed on to the caller.
    }
}
