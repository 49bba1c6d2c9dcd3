// SPDX-License-Identifier: MIT

/// A count of what is out, and waiters that pass when it is zero: the common part of wait groups
/// and drain allocators.
///
/// | Guarantee | `add` / `subtract` / `enqueue`                                                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `add`: wait-free; `subtract`: lock-free, unless it ends a phase that somebody    |
/// |           | waits for; that one and `enqueue` take a short lock                              |
/// | Order     | all waiters of a phase pass when it ends, in order of arrival                    |
/// | Cost      | `add`: one RMW; `subtract`: one compare-exchange; no allocation                  |
/// | Memory    | `byteCount` bytes of the owner's block, zeroed                                   |
///
/// When a wait has ended, no `subtract` that it waited for touches the gate any more: the waiter
/// may free it. Hence a wait always takes the lock, which the last `subtract` may still hold.
@frozen
@safe
public struct ZeroGate: WaitSource, @unchecked Sendable {
    // Layout: word = count × 2 + 1 if somebody waits
    //
    // Invariants: I1  outside the lock, the waiting bit is set if and only if the list has a member
    //             I2  the count is not zero while the bit is set: the subtraction that would make
    //                 it so takes the lock and clears both in one step
    //
    // Edges: E1  subtract compare-exchange → the last subtract, if somebody waits for it, or a
    //            load by a waiter or `isZero`   carries what was done before each subtract (the
    //            RMWs of a phase are one release sequence). A subtract under the lock releases
    //            too: `isZero` reads it without the lock. One outside of it has nothing to acquire.
    //        `add` is relaxed: it promises a later subtract and carries nothing. Setting and
    //        clearing the bit alone is relaxed: the list is guarded by the lock. Failed compare-
    //        exchanges and the loads before them are guesses.

    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt64>>
    @usableFromInline
    let list: WaiterList

    @inlinable
    static var waitingBit: UInt64 { 1 }

    /// The largest count.
    @inlinable
    public static var countMax: Int { Int.max / 4 }

    /// How many zeroed bytes a gate needs, aligned to eight.
    @inlinable
    public static var byteCount: Int { MemoryLayout<UInt64>.stride + WaiterList.byteCount }

    /// The gate at an address of the owner's block, whose bytes are zero at first.
    @inlinable
    @unsafe
    public init(at address: UnsafeMutableRawPointer) {
        // SAFETY: the owner reserved `byteCount` bytes.
        unsafe word = address.assumingMemoryBound(to: Atomic<UInt64>.self)
        // SAFETY: as above.
        unsafe list = WaiterList(at: address + MemoryLayout<UInt64>.stride)
    }

    /// How much is out just now.
    @inlinable
    public var count: Int {
        Int(unsafe word.pointee.load(ordering: .relaxed) &>> 1)  // SAFETY: the owner's block lives.
    }

    /// Whether nothing is out just now; if so, what was done before each subtract is seen. The last
    /// subtract may still use the gate: only a wait says that it does not.
    @inlinable
    public var isZero: Bool {
        // SAFETY: the owner's block lives.
        unsafe word.pointee.load(ordering: .acquiring) == 0  // E1
    }

    /// Counts so many more.
    @inlinable
    public func add(_ count: Int) {
        precondition(count >= 0, "a negative count is added by `subtract`")
        // SAFETY: the owner's block lives.
        let old = unsafe word.pointee.wrappingAdd(UInt64(count) &* 2, ordering: .relaxed).oldValue
        precondition(Int(old &>> 1) <= Self.countMax &- count, "more is out than can be counted")
    }

    /// Counts so many less, and wakes those who wait if that was all.
    @inlinable
    public func subtract(_ count: Int) {
        precondition(count >= 0, "a negative count is subtracted by `add`")
        // SAFETY: the owner's block lives.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while true {  // Retries only after another thread changed the word.
            precondition(Int(old &>> 1) >= count, "more was given back than was out")
            let new = old &- UInt64(count) &* 2
            if new == Self.waitingBit { break }
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: new, successOrdering: .releasing,  // E1
                failureOrdering: .relaxed)
            if isExchanged { return }
            old = current
        }
        subtractUnderLock(count)
    }

    /// The subtraction looked like the end of a phase that somebody waits for.
    @usableFromInline
    func subtractUnderLock(_ count: Int) {
        var chain = WakeChain()
        list.lock()
        // SAFETY: the owner's block lives until the waiters have seen this unlock.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while true {  // Retries only after another thread changed the word.
            precondition(Int(old &>> 1) >= count, "more was given back than was out")
            let difference = old &- UInt64(count) &* 2
            let isEnd = difference == Self.waitingBit
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: isEnd ? 0 : difference,
                successOrdering: .acquiringAndReleasing,  // E1
                failureOrdering: .relaxed)
            if isExchanged {
                if isEnd {
                    assert(!list.isEmpty)  // I1
                    list.grantAll(&chain)
                }
                break
            }
            old = current
        }
        list.unlock()
        chain.wakeAll()
    }

    /// Lets the node through if nothing is out, or queues it until that is so.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        list.lock()
        defer { list.unlock() }
        if unsafe list.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        // SAFETY: the owner's block lives.
        var old = unsafe word.pointee.load(ordering: .acquiring)  // E1
        while old != 0 {  // Retries only after another thread changed the word.
            assert(old != Self.waitingBit)  // I2
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: old | Self.waitingBit, successOrdering: .relaxed,
                failureOrdering: .acquiring)  // E1
            if isExchanged {
                unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
                return .queued
            }
            old = current
        }
        unsafe list.admit(node)  // SAFETY: the caller's node.
        return .granted
    }

    /// Gives a wait up.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        let withdrawal = unsafe list.remove(node)  // SAFETY: the caller's node.
        if case .removed = withdrawal, list.isEmpty {
            // SAFETY: the owner's block lives.
            _ = unsafe word.pointee.bitwiseAnd(~Self.waitingBit, ordering: .relaxed)
        }
        return withdrawal
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() {
            list.lock()
            defer { list.unlock() }
            let isAnyWaiting = list.checkInvariants() > 0
            // SAFETY: the owner's block lives.
            let seen = unsafe word.pointee.load(ordering: .relaxed)
            precondition((seen & Self.waitingBit != 0) == isAnyWaiting, "I1: the bit is wrong")
            precondition(seen != Self.waitingBit, "I2: somebody waits for nothing")
        }
    #endif
}
