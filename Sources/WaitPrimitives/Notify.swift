// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Lets one waiter go on, and remembers that if nobody waits; or lets all go on who wait now, and
/// remembers nothing.
///
/// | Guarantee | `notifyOne` / `notifyAll` / `tryWait` / `wait`                                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `tryWait`, `ticket` and the notifies while nobody waits: lock-free. Otherwise a  |
/// |           | short lock                                                                       |
/// | Order     | FIFO: `notifyOne` goes to the first waiter; `notifyAll` lets all go on who wait, |
/// |           | and all whose ticket is older, also if they begin to wait later                  |
/// | Wake-ups  | never spurious: each wait that ends was notified                                 |
/// | Cost      | uncontended: one compare-exchange; `ticket`: one load. A waiting task costs one  |
/// |           | heap block, a waiting thread none                                                |
/// | Memory    | one block of 128 bytes                                                           |
/// | Edges     | what was done before a notify is seen by whom it lets go on; a `notifyOne` that  |
/// |           | finds one remembered hands its work to the same waiter; who takes a ticket sees  |
/// |           | what was done before each `notifyAll` that the ticket counts                     |
/// | Threads   | any number in both roles                                                         |
///
/// Source: `Notify` of Tokio, 2020. In ours a wait whose ticket is out of date does not take the
/// remembered `notifyOne`: it stays for somebody else.
///
/// To wait for a condition that `notifyAll` announces: take a ticket, look at the condition, wait
/// with the ticket. A condition that came true after the look makes the wait end at once.
///
/// Not for one waiter per set without `notifyAll`: use `AutoResetEvent`, whose word is smaller. Not
/// for conditions announced so often that the announcer should pay one load while nobody waits: use
/// `EventCount`. Not for a state that stays: use `ManualResetEvent`. Not for a condition under a
/// lock: use `ConditionVariable`.
///
/// Cancellation and deadlines: a waiter that gives up leaves the queue. If it was notified first,
/// its wait succeeds: the notify is its to use, or to pass on by another `notifyOne`.
///
/// ```swift
/// let notify = Notify()
/// notify.notifyOne()
/// notify.notifyOne()
/// print(notify.tryWait(), notify.tryWait())  // true false
/// let ticket = notify.ticket
/// notify.notifyAll()
/// print(notify.blockingWait(after: ticket, until: .now), notify.tryWait())  // true false
/// ```
@frozen
@safe
public struct Notify: ~Copyable, @unchecked Sendable {
    // Layout: word = calls of `notifyAll` × 4 + 2 if a `notifyOne` is remembered
    //                + 1 if somebody waits
    //
    // Invariants: I1  outside the lock, the waiting bit is set if and only if the list has a member
    //             I2  nothing is remembered while the bit is set, and only the lock's holder
    //                 changes the word then (who changes it, `checkInvariants` does not see)
    //             I3  who is in the list waits with a ticket of the count in the word
    //
    // Edges: E1  notify compare-exchange → take compare-exchange   carries what was done before;
    //            a second notify that finds the first remembered is an RMW too
    //        E2  notifyAll RMW → load of a ticket or its comparison   carries what was done before
    //            all calls counted. No write but an RMW touches the word, so each later value is
    //            in the release sequence of every call.
    //        Whom the list lets go on is behind its notifier by its wake edge. Setting and clearing
    //        the waiting bit is relaxed: the list is guarded by the lock. Loads before a
    //        compare-exchange and failed ones are guesses.
    //
    // Why no wake-up is lost: the waiting bit is set by a compare-exchange of a word that still has
    // the ticket's count. A `notifyAll` is an RMW of that word: it comes before, and then the count
    // differs, or behind, and then it finds the bit.
    //
    // Limits: the count has 62 bits and wraps; a ticket must be used within 2⁶² calls.

    /// How many calls of `notifyAll` there have been: a wait with it ends with the next one.
    @frozen
    public struct Ticket: Sendable, Equatable {
        /// The key of a raw wait (`WaitNode.key`).
        public let rawValue: UInt64

        @inlinable
        init(word: UInt64) {
            rawValue = word &>> 2
        }
    }

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt64>>
    @usableFromInline
    let list: WaiterList

    @inlinable
    static var waitingBit: UInt64 { 1 }
    @inlinable
    static var permitBit: UInt64 { 2 }
    @inlinable
    static var oneCall: UInt64 { 4 }

    /// Nothing is remembered, nobody waits.
    public init() {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), callCount: 0)
    }

    /// For tests: the calls of `notifyAll` are counted from here.
    package init(callCount: UInt64) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), callCount: callCount)
    }

    /// In the caller's memory: at least `storageByteCount` bytes that begin on a cache line and
    /// outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block, callCount: 0)
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock, callCount: UInt64) {
        // SAFETY: the block is zeroed and lives as long as the pointers.
        unsafe word = block.base.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        unsafe word.initialize(to: Atomic(callCount &* Self.oneCall))  // SAFETY: as above.
        // SAFETY: as above.
        unsafe list = WaiterList(at: block.base + MemoryLayout<UInt64>.stride)
        self.block = block
    }

    /// A ticket of now, to be taken before a condition is looked at.
    @inlinable
    public var ticket: Ticket { Ticket(word: load()) }

    /// Lets the first waiter go on, or remembers that one may.
    @inlinable
    public func notifyOne() {
        if !change({ $0 | Self.permitBit }) { notifyOneWaiter() }
    }

    /// Lets all go on who wait, and all who hold a ticket of before.
    @inlinable
    public func notifyAll() {
        if !change({ $0 &+ Self.oneCall }) { notifyAllWaiters() }
    }

    /// Takes what a `notifyOne` left behind, if there is such a thing.
    @inlinable
    public func tryWait() -> Bool {
        // SAFETY: the block lives as long as `self`.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old & Self.permitBit != 0 {  // Retries only after another thread changed the word.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: old & ~Self.permitBit, successOrdering: .acquiring,  // E1
                failureOrdering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return false
    }

    /// Waits for a notify; the calling thread sleeps. False: the deadline passed.
    @available(*, noasync, message: "this blocks the thread: tasks use `wait()`")
    public func blockingWait(until deadline: MonotonicInstant) -> Bool {
        blockingWait(after: ticket, until: deadline)
    }

    /// As `blockingWait(until:)`; true at once if there was a `notifyAll` since the ticket.
    @available(*, noasync, message: "this blocks the thread: tasks use `wait(after:)`")
    public func blockingWait(after ticket: Ticket, until deadline: MonotonicInstant) -> Bool {
        if isOver(ticket) || tryWait() { return true }
        return parkThread(key: ticket.rawValue, until: deadline)
    }

    /// Whether there was a `notifyAll` since the ticket was taken.
    @inlinable
    public func isOver(_ ticket: Ticket) -> Bool { self.ticket != ticket }
}

extension Notify {
    @inlinable
    func load() -> UInt64 {
        // SAFETY: the block lives as long as `self`.
        unsafe word.pointee.load(ordering: .acquiring)  // E2
    }

    /// A notify while nobody waits; false if somebody does.
    @inlinable
    @inline(__always)
    func change(_ changed: (UInt64) -> UInt64) -> Bool {
        // SAFETY: the block lives as long as `self`.
        var old = unsafe word.pointee.load(ordering: .relaxed)
        while old & Self.waitingBit == 0 {  // Retries only after another thread changed the word.
            // Also when nothing changes: whoever goes on must see what this notifier did.
            // SAFETY: as above.
            let (isExchanged, current) = unsafe word.pointee.weakCompareExchange(
                expected: old, desired: changed(old), successOrdering: .releasing,  // E1, E2
                failureOrdering: .relaxed)
            if isExchanged { return true }
            old = current
        }
        return false
    }

    /// Somebody waited when this was called.
    @usableFromInline
    func notifyOneWaiter() {
        var chain = WakeChain()
        list.lock()
        let isGranted = list.grantFirst(&chain)
        if isGranted, list.isEmpty { clearWaiting() }
        list.unlock()
        chain.wakeAll()
        if !isGranted { notifyOne() }  // It has given up meanwhile.
    }

    /// Somebody waited when this was called.
    @usableFromInline
    func notifyAllWaiters() {
        var chain = WakeChain()
        list.lock()
        let count = list.grantAll(&chain)
        if count > 0 {
            // An RMW, so that the calls before it keep their edges.
            // SAFETY: the block lives as long as `self`.
            _ = unsafe word.pointee.wrappingAdd(
                Self.oneCall &- Self.waitingBit, ordering: .releasing)  // E2
        }
        list.unlock()
        chain.wakeAll()
        if count == 0 { notifyAll() }  // They have given up meanwhile.
    }

    /// With the lock held and the list empty. An RMW, so that earlier calls keep their edges.
    private func clearWaiting() {
        // SAFETY: the block lives as long as `self`.
        _ = unsafe word.pointee.wrappingSubtract(Self.waitingBit, ordering: .relaxed)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() {
            list.lock()
            defer { list.unlock() }
            // SAFETY: the block lives as long as `self`.
            let seen = unsafe word.pointee.load(ordering: .relaxed)
            let ticket = Ticket(word: seen).rawValue
            let memberCount = list.checkInvariants { key in
                precondition(key == ticket, "I3: who waits has an old ticket")
            }
            let isAnyWaiting = memberCount > 0
            precondition((seen & Self.waitingBit != 0) == isAnyWaiting, "I1: the bit is wrong")
            let isRemembered = seen & Self.permitBit != 0
            precondition(!isAnyWaiting || !isRemembered, "I2: one is remembered, and one waits")
        }
    #endif
}

extension Notify: WaitSource {
    /// Lets the node through if its ticket, the key, is out of date or a `notifyOne` was left
    /// behind; else queues it.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        list.lock()
        defer { list.unlock() }
        if unsafe list.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        let key = unsafe node.pointee.key  // SAFETY: as above.
        while true {  // Retries only after another thread changed the word.
            let old = load()
            if Ticket(word: old).rawValue != key || tryWait() {
                unsafe list.admit(node)  // SAFETY: the caller's node.
                return .granted
            }
            if old & Self.waitingBit != 0 { break }
            // Another took what was there. It may be back, and must not stay beside a waiter (I2).
            if old & Self.permitBit != 0 { continue }
            // SAFETY: the block lives as long as `self`.
            let (isExchanged, _) = unsafe word.pointee.compareExchange(
                expected: old, desired: old | Self.waitingBit, ordering: .relaxed)
            if isExchanged { break }
        }
        unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
        return .queued
    }

    /// Gives a wait up; if that is too `late`, it was notified.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        let withdrawal = unsafe list.remove(node)  // SAFETY: the caller's node.
        if case .removed = withdrawal, list.isEmpty { clearWaiting() }
        return withdrawal
    }
}
