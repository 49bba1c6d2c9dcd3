// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A flag that lets one waiter through for each time it is set, and remembers one set that nobody
/// waited for.
///
/// | Guarantee | `set` / `tryWait` / `wait`                                                       |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `tryWait`, and `set` while nobody waits: lock-free. Otherwise a short lock       |
/// | Order     | FIFO: a set goes to the first waiter                                             |
/// | Cost      | uncontended: one compare-exchange. A waiting task costs one heap block, a        |
/// |           | waiting thread none                                                              |
/// | Memory    | one block of 128 bytes                                                           |
/// | Threads   | any number in both roles                                                         |
///
/// Source: the auto-reset event of Windows NT; ours is a semaphore whose count stops at one.
///
/// Not for sets that all count: use `CountingSemaphore`. Not for a flag that stays set, and lets
/// all through: use `ManualResetEvent`. Not to wake all who wait just now: use `Notify`. Not for a
/// condition of other words: use `EventCount`.
///
/// A set that finds the flag set is forgotten, but what its thread did before is still seen by
/// whom the flag lets through. A waiter that gives up leaves the flag as it is; if it was let
/// through first, its wait succeeds.
///
/// ```swift
/// let event = AutoResetEvent()
/// event.set()
/// event.set()
/// print(event.tryWait(), event.tryWait())  // true false
/// ```
@frozen
@safe
public struct AutoResetEvent: ~Copyable, @unchecked Sendable {
    // Layout, invariants and edges: see PermitGate.swift.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let gate: PermitGate

    /// An event that is not set.
    public init() {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount))
    }

    /// An event in the caller's memory: at least `storageByteCount` bytes that begin on a cache
    /// line and outlive the event.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block)
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock) {
        // SAFETY: the block is zeroed and as long as `gate` lives.
        unsafe gate = PermitGate(at: block.base, permitCount: 0)
        self.block = block
    }

    /// Whether the flag is set just now; never while somebody waits.
    @inlinable
    public var isSet: Bool { gate.permitCount > 0 }

    /// Lets the first waiter through, or sets the flag for the next.
    @inlinable
    public func set() {
        let isGiven = gate.give(1, maximum: 1, isSaturating: true)
        assert(isGiven)
    }

    /// Clears the flag and answers whether it was set.
    @inlinable
    @inline(__always)
    public func tryWait() -> Bool { gate.tryTake() }

    /// Waits for the flag and clears it; the calling thread sleeps. False: the deadline passed.
    @available(*, noasync, message: "this blocks the thread: tasks use `wait()`")
    public func blockingWait(until deadline: MonotonicInstant) -> Bool {
        if gate.tryTake() { return true }
        return gate.parkThread(until: deadline)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() { gate.checkInvariants(maximum: 1) }
    #endif
}

extension AutoResetEvent: WaitSource {
    /// Clears the flag or queues for the next set.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        unsafe gate.enqueue(node)  // SAFETY: passed on to the caller.
    }

    /// Gives a wait up; if that is too `late`, the caller was let through and may `set` again.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        unsafe gate.withdraw(node)  // SAFETY: passed on to the caller.
    }
}
