// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A flag that lets everybody through while it is set, and holds everybody up until it is.
///
/// | Guarantee | `set` / `reset` / `isSet` / `wait`                                               |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `isSet`: wait-free; `reset`, `set` while nobody waits, and a wait for a flag     |
/// |           | that is set: lock-free. Otherwise a short lock                                   |
/// | Order     | a set lets all through who wait, in order of arrival                             |
/// | Cost      | `set`, `reset`: one compare-exchange; a wait for a set flag: one load. A waiting |
/// |           | task costs one heap block, a waiting thread none                                 |
/// | Memory    | one block of 128 bytes; it must outlive the return of every `set`                |
/// | Edges     | what was done before a set is seen by whom the flag lets through, and by the     |
/// |           | reset that clears it                                                             |
/// | Threads   | any number in all roles                                                          |
///
/// Source: the manual-reset event of Windows NT. In ours who waits when `set` is called passes,
/// also if a `reset` follows at once.
///
/// Not for one waiter per set: use `AutoResetEvent`. Not for an end that comes once, whose waiter
/// frees the memory: use `Latch`. Not for a condition of other words: use `EventCount`.
///
/// To wait for work again and again: `reset`, then look for work, then wait. Work that was
/// announced before the reset is found by the look, later work sets the flag again.
///
/// Cancellation and deadlines: a waiter that gives up leaves the queue and the flag as it is.
///
/// ```swift
/// let event = ManualResetEvent()
/// event.set()
/// print(event.isSet, event.blockingWait(until: .now))  // true true
/// event.reset()
/// print(event.isSet)  // false
/// ```
@frozen
@safe
public struct ManualResetEvent: ~Copyable, @unchecked Sendable {
    // Layout: word = 0 not set · 1 not set, somebody waits · 2 set
    //
    // Invariants: I1  outside the lock, the word is 1 if and only if the list has a member
    //             I2  while the word is 1 only the lock's holder changes it (no state shows who)
    //
    // Edges: E1  set compare-exchange or exchange → load or reset   carries what the setter did
    //            before; a set that finds the flag set is an RMW too, so that nothing of it is
    //            lost. Who is in the list gets it by its own wake edge.
    //        Setting and clearing the waiting state is relaxed: the list is guarded by the lock.
    //        Loads before a compare-exchange and failed ones are guesses.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt32>>
    @usableFromInline
    let list: WaiterList

    @inlinable
    static var idle: UInt32 { 0 }
    @inlinable
    static var waiting: UInt32 { 1 }
    @inlinable
    static var raised: UInt32 { 2 }

    /// An event that is set, or not.
    public init(isSet: Bool = false) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), isSet: isSet)
    }

    /// An event in the caller's memory: at least `storageByteCount` bytes that begin on a cache
    /// line and outlive the event.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, isSet: Bool = false) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block, isSet: isSet)
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock, isSet: Bool) {
        // SAFETY: the block is zeroed and lives as long as the pointers.
        unsafe word = block.base.bindMemory(to: Atomic<UInt32>.self, capacity: 1)
        unsafe word.initialize(to: Atomic(isSet ? Self.raised : Self.idle))  // SAFETY: as above.
        // SAFETY: as above.
        unsafe list = WaiterList(at: block.base + MemoryLayout<UInt64>.stride)
        self.block = block
    }

    /// Whether the flag is set just now.
    @inlinable
    public var isSet: Bool {
        // SAFETY: the block lives as long as `self`.
        unsafe word.pointee.load(ordering: .acquiring) == Self.raised  // E1
    }

    /// Sets the flag and lets all through who wait.
    @inlinable
    public func set() {
        // SAFETY: the block lives as long as `self`.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old != Self.waiting {  // Retries only after another thread changed the word.
            // Also when it is set: who passes must see what this setter did.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: Self.raised, successOrdering: .releasing,  // E1
                failureOrdering: .relaxed)
            if isExchanged { return }
            old = current
        }
        setForWaiters()
    }

    /// Clears the flag and answers whether it was set. Who waits goes on waiting.
    @inlinable
    @discardableResult
    public func reset() -> Bool {
        // SAFETY: the block lives as long as `self`.
        let (isExchanged, _) = unsafe word.pointee.compareExchange(
            expected: Self.raised, desired: Self.idle, successOrdering: .acquiring,  // E1
            failureOrdering: .relaxed)
        return isExchanged
    }

    /// Waits until the flag is set; the calling thread sleeps. False: the deadline passed.
    @available(*, noasync, message: "this blocks the thread: tasks use `wait()`")
    public func blockingWait(until deadline: MonotonicInstant) -> Bool {
        if isSet { return true }
        return parkThread(until: deadline)
    }

    /// Somebody waited when this was called.
    @usableFromInline
    func setForWaiters() {
        var chain = WakeChain()
        list.lock()
        list.grantAll(&chain)
        // Whether somebody still waits or not: the flag is set now, and the list empty.
        // SAFETY: the block lives as long as `self`. An RMW, so that the sets before it keep their
        // edges.
        _ = unsafe word.pointee.exchange(Self.raised, ordering: .releasing)  // E1
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
            precondition((seen == Self.waiting) == isAnyWaiting, "I1: the word is wrong")
            precondition(seen <= Self.raised, "the word means nothing")
        }
    #endif
}

extension ManualResetEvent: WaitSource {
    /// Lets the node through if the flag is set, or queues it until then.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        list.lock()
        defer { list.unlock() }
        if unsafe list.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        while true {  // Retries only after another thread has set or reset the flag.
            if isSet {
                unsafe list.admit(node)  // SAFETY: the caller's node.
                return .granted
            }
            // SAFETY: the block lives as long as `self`.
            let (isExchanged, current) = unsafe word.pointee.compareExchange(
                expected: Self.idle, desired: Self.waiting, ordering: .relaxed)
            if isExchanged || current == Self.waiting { break }
        }
        unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
        return .queued
    }

    /// Gives a wait up; if that is too `late`, the flag was set.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        let withdrawal = unsafe list.remove(node)  // SAFETY: the caller's node.
        if case .removed = withdrawal, list.isEmpty {
            // SAFETY: the block lives as long as `self`; the word is 1, so only we write (I2).
            unsafe word.pointee.store(Self.idle, ordering: .relaxed)
        }
        return withdrawal
    }
}
