// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A number of permits, and waiters to whom permits are handed directly: the common part of the
/// semaphore and the auto-reset event.
///
/// While somebody waits there are no permits, so nobody can barge past the queue: a new permit goes
/// to the first waiter without ever being free.
@frozen
@usableFromInline
@safe
struct PermitGate: WaitSource, @unchecked Sendable {
    // Layout: word = permits × 2 + 1 if somebody waits
    //
    // Invariants: I1  outside the lock, the waiting bit is set if and only if the list has a member
    //             I2  the word is 0 permits while the bit is set, and only the lock's holder
    //                 changes it then (who changes it, `checkInvariants` does not see)
    //             I3  there are never more permits than the owner says: a lock has one
    //
    // Edges: E1  give compare-exchange or store → take compare-exchange   carries what the giver
    //            did before; the RMWs between are one release sequence, so a taker is ordered
    //            after every giver whose permit it may hold. A permit handed to a waiter travels
    //            by the waiter's own wake edge.
    //        Loads before a compare-exchange and failed ones are guesses. Setting and clearing the
    //        bit is relaxed: the list is guarded by the lock, and no permit moves.

    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt64>>
    @usableFromInline
    let list: WaiterList

    @inlinable
    static var waitingBit: UInt64 { 1 }
    @inlinable
    static var permitCountMax: Int { Int(Int32.max) }

    @inlinable
    static var byteCount: Int { MemoryLayout<UInt64>.stride + WaiterList.byteCount }

    /// The gate at the start of a primitive's block; the list's part starts as zeroes.
    @usableFromInline
    @unsafe
    init(at address: UnsafeMutableRawPointer, permitCount: Int) {
        // SAFETY: the owner reserved `byteCount` bytes.
        unsafe word = address.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        unsafe word.initialize(to: Atomic(UInt64(permitCount) * 2))  // SAFETY: as above.
        // SAFETY: as above.
        unsafe list = WaiterList(at: address + MemoryLayout<UInt64>.stride)
    }

    @inlinable
    var permitCount: Int {
        Int(unsafe word.pointee.load(ordering: .relaxed) &>> 1)  // SAFETY: the owner's block lives.
    }

    /// Takes a permit if there is one.
    @inlinable
    @inline(__always)
    func tryTake() -> Bool {
        // SAFETY: the owner's block lives.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old > Self.waitingBit {  // Retries only after another thread changed the word.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: old &- 2, successOrdering: .acquiring,  // E1
                failureOrdering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return false
    }

    /// Hands `count` permits to the first waiters and keeps the rest, at most `maximum`. If the
    /// rest would be more, either it is cut (`isSaturating`) or nothing happens and the answer is
    /// false.
    @inlinable
    @inline(__always)
    func give(_ count: Int, maximum: Int, isSaturating: Bool) -> Bool {
        // SAFETY: the owner's block lives.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old & Self.waitingBit == 0 {  // Retries only after another thread changed the word.
            let free = Int(old &>> 1)
            let isTooMany = count > maximum &- free
            if isTooMany && !isSaturating { return false }
            let new = isTooMany ? maximum : free &+ count
            // Also when nothing changes: whoever takes the permit must see what this giver did.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: UInt64(new) &* 2, successOrdering: .releasing,  // E1
                failureOrdering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return giveToWaiters(count, maximum: maximum, isSaturating: isSaturating)
    }

    @usableFromInline
    func giveToWaiters(_ count: Int, maximum: Int, isSaturating: Bool) -> Bool {
        if count > maximum { return false }
        var chain = WakeChain()
        let isAnyWaiting = grant(count, &chain)
        chain.wakeAll()
        if isAnyWaiting { return true }
        return give(count, maximum: maximum, isSaturating: isSaturating)
    }

    /// Gives a permit, and leaves it to the caller to wake whoever it went to.
    func giveOne(_ chain: inout WakeChain) {
        while !grant(1, &chain) {  // Retries only after the last waiter has given up.
            // SAFETY: the owner's block lives.
            let old = unsafe word.pointee.load(ordering: .relaxed)
            if old & Self.waitingBit != 0 { continue }
            // SAFETY: as above.
            let (isExchanged, _) = unsafe word.pointee.compareExchange(
                expected: old, desired: old &+ 2, successOrdering: .releasing,  // E1
                failureOrdering: .relaxed)
            if isExchanged { return }
        }
    }

    /// Hands permits to those who wait; false, and nothing is given, if nobody does.
    private func grant(_ count: Int, _ chain: inout WakeChain) -> Bool {
        list.lock()
        // SAFETY: the owner's block lives.
        let isAnyWaiting = unsafe word.pointee.load(ordering: .relaxed) & Self.waitingBit != 0
        if isAnyWaiting {
            assert(!list.isEmpty)  // I1
            var rest = count
            while rest > 0 && list.grantFirst(&chain) { rest -= 1 }  // Bounded by `count`.
            assert(rest == 0 || list.isEmpty)
            if list.isEmpty {
                // SAFETY: as above; while the bit is set only the lock's holder writes (I2).
                unsafe word.pointee.store(UInt64(rest) * 2, ordering: .releasing)  // E1
            }
        }
        list.unlock()
        return isAnyWaiting
    }

    @usableFromInline
    @unsafe
    func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        list.lock()
        defer { list.unlock() }
        if unsafe list.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        while true {  // Retries only after another thread changed the word.
            if tryTake() {
                unsafe list.admit(node)  // SAFETY: the caller's node.
                return .granted
            }
            // Zero permits, and either nobody waits or the bit is already set.
            // SAFETY: the owner's block lives.
            let (isExchanged, current) = unsafe word.pointee.compareExchange(
                expected: 0, desired: Self.waitingBit, ordering: .relaxed)
            if isExchanged || current == Self.waitingBit { break }
        }
        unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
        return .queued
    }

    @usableFromInline
    @unsafe
    func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        let withdrawal = unsafe list.remove(node)  // SAFETY: the caller's node.
        if case .removed = withdrawal, list.isEmpty {
            // SAFETY: the owner's block lives; the bit was set, so only we write (I2).
            unsafe word.pointee.store(0, ordering: .relaxed)
        }
        return withdrawal
    }

    #if Checks || DEBUG
        func checkInvariants(maximum: Int) {
            list.lock()
            defer { list.unlock() }
            let isAnyWaiting = list.checkInvariants() > 0
            // SAFETY: the owner's block lives.
            let seen = unsafe word.pointee.load(ordering: .relaxed)
            precondition((seen & Self.waitingBit != 0) == isAnyWaiting, "I1: the bit is wrong")
            precondition(!isAnyWaiting || seen >> 1 == 0, "I2: a permit is free, and one waits")
            precondition(seen >> 1 <= UInt64(maximum), "I3: more permits than there may be")
        }
    #endif
}
