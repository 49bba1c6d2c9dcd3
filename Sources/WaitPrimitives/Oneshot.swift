// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Why a `Oneshot` gave no value.
@frozen
public enum OneshotError: Error, Hashable, Sendable {
    /// It was closed before a value was set.
    case closed
    /// Another receiver has taken the value.
    case taken
    /// The deadline passed; the value may still come.
    case timedOut
    /// The task was cancelled; the value may still come, or is there and was not taken.
    case cancelled
}

/// One value, from whoever sets it first to one receiver.
///
/// | Guarantee | `set` / `close` / `tryReceive` / `receive`                                       |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `tryReceive`: lock-free; `set`, `close`: lock-free, a short lock if somebody     |
/// |           | waits; a setter that stalls between claim and publication holds receivers up     |
/// | Order     | one setter wins, one receiver takes; the others are told                         |
/// | Cost      | two RMWs to set, one to take; a waiting task costs one heap block, a thread none |
/// | Memory    | one block of 32 bytes and the value, rounded up to whole cache lines             |
/// | Threads   | any number of setters and receivers                                              |
///
/// Source: the oneshot channel of tokio; ours lives in one block, needs no halves, and keeps a
/// value that nobody took: it is destroyed with the oneshot.
///
/// Not for more values than one: use `BoundedChannel` in `Channels`. Not for one that several shall
/// see: one receiver takes it; use `BroadcastChannel`. Not to know that it was received: use
/// `RendezvousChannel`. Not for an end without a value, for which any number wait: use `Latch`.
///
/// Closing an empty oneshot releases the receivers and refuses later values. Closing does not
/// destroy a value that was set before: it can still be received. A receiver that is cancelled or
/// times out leaves everything as it is.
///
/// ```swift
/// let reply = Oneshot<Int>()
/// let refused = reply.set(42)  // nil: it was accepted
/// let value = reply.tryReceive()  // 42
/// ```
@frozen
@safe
public struct Oneshot<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout: word = phase (bits 0…7) · 256 if somebody waits
    //         empty ─► writing ─► full ─► taken
    //           └────► closed
    //
    // Invariants: I1  the cell holds a value in the phase `full` only; between claim and publish it
    //                 is the setter's, after the take the receiver's
    //             I2  outside the lock, the bit is set if the list has a member
    //             I3  nobody is in the list once those who waited for the end were released
    // What is in the cell, no state shows: of I1, `checkInvariants` sees that no set is under way.
    //
    // Edges: E1  set publish RMW → tryReceive compare-exchange   carries the value
    //        E2  close compare-exchange → receiver's load   carries what the closer did before
    //        The claim is relaxed: it promises a value and carries none. Setting and clearing the
    //        bit is relaxed: the lock guards the list.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt32>>
    @usableFromInline
    let list: WaiterList

    @inlinable
    static var empty: UInt32 { 0 }
    @inlinable
    static var writing: UInt32 { 1 }
    @inlinable
    static var full: UInt32 { 2 }
    @inlinable
    static var taken: UInt32 { 3 }
    @inlinable
    static var closed: UInt32 { 4 }
    @inlinable
    static var waitingBit: UInt32 { 256 }

    /// An empty oneshot.
    public init() {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount))
    }

    /// A oneshot in the caller's memory: at least `storageByteCount` bytes that begin on a cache
    /// line and outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block)
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int {
        var layout = BlockLayout()
        _ = layout.appendPadded(UInt8.self, count: valueOffset + MemoryLayout<Value>.size)
        return layout.byteCount
    }

    @inlinable
    static var valueOffset: Int {
        let alignment = MemoryLayout<Value>.alignment
        let headByteCount = MemoryLayout<UInt64>.stride + WaiterList.byteCount
        return (headByteCount + alignment - 1) / alignment * alignment
    }

    private init(block: consuming SharedBlock) {
        // SAFETY: the block is zeroed and lives as long as the pointers.
        unsafe word = block.pointer(at: 0, to: Atomic<UInt32>.self)
        // SAFETY: as above.
        unsafe list = WaiterList(at: block.base + MemoryLayout<UInt64>.stride)
        self.block = block
    }

    deinit {
        // SAFETY: nobody else uses the oneshot any more; its last user's end was ordered before.
        let phase = unsafe word.pointee.load(ordering: .relaxed) & ~Self.waitingBit
        assert(phase != Self.writing)
        if phase == Self.full { _ = unsafe cell.move() }  // SAFETY: a full cell holds a value (I1).
    }

    @inlinable
    @unsafe
    var cell: SharedCell<Value> {
        // SAFETY: the block has room for a value at this offset.
        unsafe SharedCell(block.pointer(at: Self.valueOffset, to: Value.self))
    }
}

extension Oneshot where Value: ~Copyable {
    /// Sets the value and releases the receivers. Gives the value back if another was set before,
    /// or if the oneshot is closed.
    @inlinable
    public func set(_ value: consuming sending Value) -> Value? {
        if !claim() { return value }
        unsafe cell.initialize(to: value)  // SAFETY: the claim made the cell ours, and it is empty.
        // SAFETY: the block lives as long as `self`.
        let old = unsafe word.pointee.wrappingAdd(
            Self.full &- Self.writing, ordering: .releasing)  // E1
        assert(old.oldValue & ~Self.waitingBit == Self.writing)
        if old.oldValue & Self.waitingBit != 0 { releaseWaiters() }
        return nil
    }

    /// Refuses values from now on and releases the receivers. Answers false, and does nothing, if a
    /// value was or is being set, or if it was closed before.
    @inlinable
    @discardableResult
    public func close() -> Bool {
        // SAFETY: the block lives as long as `self`.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old & ~Self.waitingBit == Self.empty {  // Retries when a waiter came or went.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: old | Self.closed, successOrdering: .releasing,  // E2
                failureOrdering: .relaxed)
            if isExchanged {
                if old & Self.waitingBit != 0 { releaseWaiters() }
                return true
            }
            old = current
        }
        return false
    }

    /// Takes the value if it is there.
    @inlinable
    public func tryReceive() -> sending Value? {
        // SAFETY: the block lives as long as `self`.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old & ~Self.waitingBit == Self.full {  // Retries when a waiter came or went.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: old ^ Self.full ^ Self.taken,
                successOrdering: .acquiring,  // E1
                failureOrdering: .relaxed)
            if isExchanged { return unsafe cell.move() }  // SAFETY: the take made it ours (I1).
            old = current
        }
        return nil
    }

    /// Takes the value; the calling thread sleeps until it is there.
    @available(*, noasync, message: "this blocks the thread: tasks use `receive()`")
    public func blockingReceive(
        until deadline: MonotonicInstant
    ) throws(OneshotError) -> sending Value {
        if let value = tryReceive() { return value }
        let isEnded = parkThread(until: deadline)
        if let value = tryReceive() { return value }
        throw isEnded ? endError : .timedOut
    }

    /// Why there is no value although the wait has ended.
    var endError: OneshotError {
        // SAFETY: the block lives as long as `self`.
        let phase = unsafe word.pointee.load(ordering: .acquiring) & ~Self.waitingBit  // E2
        return phase == Self.closed ? .closed : .taken
    }

    @inlinable
    func claim() -> Bool {
        // SAFETY: the block lives as long as `self`.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old & ~Self.waitingBit == Self.empty {  // Retries when a waiter came or went.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: old | Self.writing, ordering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return false
    }

    @usableFromInline
    func releaseWaiters() {
        var chain = WakeChain()
        list.lock()
        list.grantAll(&chain)
        // SAFETY: the block lives as long as `self`.
        _ = unsafe word.pointee.bitwiseAnd(~Self.waitingBit, ordering: .relaxed)
        list.unlock()
        chain.wakeAll()
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() {
            list.lock()
            defer { list.unlock() }
            let isAnyWaiting = list.checkInvariants() > 0
            // SAFETY: the block lives as long as `self`.
            let seen = unsafe word.pointee.load(ordering: .relaxed)
            let phase = seen & ~Self.waitingBit
            let isMarked = seen & Self.waitingBit != 0
            precondition(phase <= Self.closed, "the word means nothing")
            precondition(phase != Self.writing, "I1: a set has not ended")
            precondition(!isAnyWaiting || isMarked, "I2: one waits, and the bit is not set")
            precondition(phase == Self.empty || !isAnyWaiting, "I3: one waits for what has come")
            precondition(phase == Self.empty || !isMarked, "I3: who waited was not released")
        }
    #endif
}

extension Oneshot: WaitSource where Value: ~Copyable {
    /// Lets the node through once a value was set or the oneshot is closed; `tryReceive` takes.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        list.lock()
        defer { list.unlock() }
        if unsafe list.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        // SAFETY: the block lives as long as `self`.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old & ~Self.waitingBit <= Self.writing {  // Retries after the word has changed.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: old | Self.waitingBit, ordering: .relaxed)
            if isExchanged {
                unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
                return .queued
            }
            old = current
        }
        unsafe list.admit(node)  // SAFETY: the caller's node.
        return .granted
    }

    /// Gives a wait up; the value stays where it is.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        return unsafe list.remove(node)  // SAFETY: the caller's node.
    }
}
