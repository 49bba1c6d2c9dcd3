// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A value and the lock that guards it: who waits gets the lock in turn, threads and tasks alike.
///
/// | Guarantee | `withLock` / `withLockIfFree`                                                    |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `withLockIfFree`: lock-free up to its body. `withLock` waits for all before it,  |
/// |           | and a holder that is preempted stalls them; not recursive: it would wait for ever|
/// | Order     | FIFO with hand-over: nobody barges, `withLockIfFree` neither                     |
/// | Cost      | uncontended: two compare-exchanges. Contended: a wake for each turn, which is    |
/// |           | slower than barging. A waiting task costs one heap block, a waiting thread none  |
/// | Memory    | one block: `storageByteCount`, 128 bytes for values up to 96                     |
/// | Edges     | what a holder did is seen by the next                                            |
/// | Threads   | any number; a thread never blocks in the async form                              |
///
/// Source: the fair mode of D. Lea's synchronizer framework, 2005, by hand-over as in `PermitGate`.
///
/// Not for short sections of threads under heavy contention, where fairness costs a switch for
/// each turn: use the standard library's `Mutex`. Not for counting: use `CountingSemaphore`.
///
/// Cancellation and deadlines: a waiter that gives up leaves the queue. If the lock was handed to
/// it first, its wait succeeds and the body runs.
///
/// ```swift
/// let lock = FairLock(0)
/// let sum = lock.withLock { value in
///     value += 1
///     return value
/// }
/// print(sum)  // 1
/// ```
@frozen
@safe
public struct FairLock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout: the gate (PermitGate.swift, with one permit: the lock) · the value
    //
    // Invariants: I1  the value is touched by the permit's holder only (no state shows who)
    //             and those of the gate
    //
    // Edges: those of PermitGate, from each unlock to the next lock.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let gate: PermitGate

    /// A free lock around a value.
    public init(_ value: consuming sending Value) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), value: value)
    }

    /// A free lock in the caller's memory: at least `storageByteCount` bytes that begin on a cache
    /// line and outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, _ value: consuming sending Value) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block, value: value)
    }

    /// How many bytes `init(storage:_:)` needs.
    public static var storageByteCount: Int {
        var layout = BlockLayout()
        _ = layout.appendPadded(UInt8.self, count: valueOffset + MemoryLayout<Value>.size)
        return layout.byteCount
    }

    @inlinable
    static var valueOffset: Int {
        let alignment = MemoryLayout<Value>.alignment
        return (PermitGate.byteCount + alignment - 1) / alignment * alignment
    }

    private init(block: consuming SharedBlock, value: consuming Value) {
        // SAFETY: the block is zeroed and as long as `gate` lives.
        unsafe gate = PermitGate(at: block.base, permitCount: 1)
        // SAFETY: the block has room for a value at this offset, and nothing is there.
        unsafe block.pointer(at: Self.valueOffset, to: Value.self).initialize(to: value)
        self.block = block
    }

    deinit {
        assert(gate.permitCount == 1, "a lock ends while it is held")
        // SAFETY: the value was initialized in `init`, and nobody uses it any more.
        unsafe address.deinitialize(count: 1)
    }

    @inlinable
    @unsafe
    var address: UnsafeMutablePointer<Value> {
        // SAFETY: the value lies at this offset.
        unsafe block.pointer(at: Self.valueOffset, to: Value.self)
    }

    /// Whether somebody holds the lock just now.
    @inlinable
    public var isLocked: Bool { gate.permitCount == 0 }
}

extension FairLock where Value: ~Copyable {
    /// Runs `body` with the lock; the calling thread sleeps until it has it.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @inlinable
    public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !gate.tryTake() {
            let isTaken = gate.parkThread(until: .never)
            assert(isTaken)
        }
        return try runAndUnlock(body)
    }

    /// Runs `body` with the lock; nil, and the body is not run, if the deadline passes first.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @inlinable
    public func withLock<Result: ~Copyable, Failure: Error>(
        until deadline: MonotonicInstant, _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if !gate.tryTake() && !gate.parkThread(until: deadline) { return nil }
        return try runAndUnlock(body)
    }

    /// Runs `body` if the lock is free and nobody waits for it; else answers nil.
    @inlinable
    public func withLockIfFree<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if !gate.tryTake() { return nil }
        return try runAndUnlock(body)
    }

    /// The caller has the permit.
    @inlinable
    func runAndUnlock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { unlock() }
        return try body(&(unsafe address.pointee))  // SAFETY: the holder alone touches it (I1).
    }

    @inlinable
    func unlock() {
        let isGiven = gate.give(1, maximum: 1, isSaturating: false)
        assert(isGiven, "a free lock was given back")
    }

    #if Checks || DEBUG
        /// Traps if an invariant of the gate is broken. Call it only while nobody is inside but who
        /// holds the lock or waits for it.
        public func checkInvariants() { gate.checkInvariants(maximum: 1) }
    #endif
}

extension FairLock: WaitSource where Value: ~Copyable {
    /// Takes the lock or queues for it. Who is granted it calls `withGrantedLock` once.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        unsafe gate.enqueue(node)  // SAFETY: passed on to the caller.
    }

    /// Gives a wait up; if that is too `late`, the caller has the lock.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        unsafe gate.withdraw(node)  // SAFETY: passed on to the caller.
    }

    /// Runs `body` with the lock that a raw wait was granted, and gives it back. The caller says
    /// that it was, and that this is the only call for that grant.
    @unsafe
    @inlinable
    public func withGrantedLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try runAndUnlock(body)
    }
}
