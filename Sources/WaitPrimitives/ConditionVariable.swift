// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Where those wait who hold a `FairLock` and find its value not as they need it: a wait gives the
/// lock back, sleeps until it is signalled, and takes the lock again.
///
/// | Guarantee | `signal` / `broadcast` / `FairLock.withLock(on:when:)`                           |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `signal`, `broadcast`: a short lock; they never wait for the `FairLock`. A wait  |
/// |           | blocks for a signal and then for all before it in the lock's queue               |
/// | Order     | FIFO: `signal` goes to who has waited longest, `broadcast` to all, in order      |
/// | Wake-ups  | none is lost: who waits is in the queue before the lock is free; a waiter that   |
/// |           | was signalled and then gives up on the lock passes the signal on. None is seen   |
/// |           | by the caller: the condition is looked at with the lock before the body runs     |
/// | Cost      | a signal: one short lock, and a wake if somebody waits; a wait: one sleep for    |
/// |           | the signal and one for the lock if another has it. A waiting task costs a heap   |
/// |           | block for each, a waiting thread none                                            |
/// | Memory    | one block of 128 bytes; it must outlive every wait                               |
/// | Edges     | those of the lock: whatever changed the value before is seen                     |
/// | Threads   | any number; signals may come with the lock or without it                         |
///
/// Source: C. A. R. Hoare, "Monitors: An Operating System Structuring Concept", 1974, with the
/// signals of Mesa (B. Lampson, D. Redell, 1980): a signaller goes on, and the waiter looks again.
/// The form is the conditional critical region of P. Brinch Hansen, 1972: lock, condition, body.
///
/// Change the value with the lock, then signal, there or after it. `signal` will do if any one
/// waiter can use the change; if waiters look for different things, `broadcast`. All waits on one
/// condition variable are with the same lock.
///
/// Not for conditions of lock-free structures: use `EventCount`. Not for a number of permits: use
/// `CountingSemaphore`. Not for a wake-up that must be remembered: use `Notify`.
///
/// Cancellation and deadlines: who gives up, while it waits for a signal or for the lock, leaves
/// the queue, does not run its body, and does not take the lock again for that.
///
/// ```swift
/// let jobs = FairLock([Int]())
/// let notEmpty = ConditionVariable()
/// jobs.withLock { $0.append(7) }
/// notEmpty.signal()
/// let job = jobs.withLock(on: notEmpty, when: { !$0.isEmpty }) { $0.removeFirst() }
/// print(job)  // 7
/// ```
@frozen
@safe
public struct ConditionVariable: ~Copyable, @unchecked Sendable {
    // Layout: the waiter list
    //
    // Invariants: I1  a node is put into the list by who holds the `FairLock`, and the lock is
    //                 given back while the list is still locked: no change and no signal comes
    //                 between, and whoever takes the node out again finds the lock given back
    //                 (no state shows it: `checkInvariants` sees that the list is whole)
    //
    // Edges: none of its own. The list's lock orders the queue, the `FairLock` orders the value
    //        (PermitGate, E1), and a wake carries the signaller's past to the waiter.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let list: WaiterList

    /// Nobody waits.
    public init() {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount))
    }

    /// In the caller's memory: at least `storageByteCount` bytes that begin on a cache line and
    /// outlive it.
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
        // SAFETY: the block is zeroed and as long as `list` lives.
        unsafe list = WaiterList(at: block.base)
        self.block = block
    }

    /// Lets the first waiter look at its condition again. False: nobody waited, and nothing is
    /// remembered.
    @discardableResult
    public func signal() -> Bool {
        var chain = WakeChain()
        list.lock()
        let isGranted = list.grantFirst(&chain)
        list.unlock()
        chain.wakeAll()
        return isGranted
    }

    /// Lets all who wait look at their conditions again; answers how many there were.
    @discardableResult
    public func broadcast() -> Int {
        var chain = WakeChain()
        list.lock()
        let count = list.grantAll(&chain)
        list.unlock()
        chain.wakeAll()
        return count
    }

    #if Checks || DEBUG
        /// Traps unless the list is whole. Call it only while nobody is inside but who waits.
        public func checkInvariants() {
            list.lock()
            defer { list.unlock() }
            list.checkInvariants()
        }
    #endif
}

extension ConditionVariable: WaitSource {
    /// Queues for a signal. The caller holds the `FairLock`, by a grant of its own
    /// (`withGrantedLock`), gives it back after this, and asks for it again when it is woken.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        list.lock()
        defer { list.unlock() }
        if unsafe list.isWithdrawn(node) { return .withdrawn }  // SAFETY: the caller's node.
        unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
        return .queued
    }

    /// Gives a wait up; if that is too `late`, it was signalled: the caller looks at its condition
    /// or passes the signal on by `signal`.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        return unsafe list.remove(node)  // SAFETY: the caller's node.
    }
}

/// One wait for a signal by who holds the lock: to queue gives the lock back.
@frozen
@usableFromInline
@safe
struct ConditionWait: WaitSource {
    @usableFromInline
    let list: WaiterList
    @usableFromInline
    let gate: PermitGate

    @usableFromInline
    init(on list: WaiterList, givingBack gate: PermitGate) {
        self.list = list
        self.gate = gate
    }

    /// Queues the node and gives the lock back, also if the node was withdrawn before.
    @usableFromInline
    @unsafe
    func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        var chain = WakeChain()
        list.lock()
        let isWithdrawn = unsafe list.isWithdrawn(node)  // SAFETY: the caller's node.
        // SAFETY: the caller keeps the node until its wake.
        if !isWithdrawn { unsafe list.append(node) }
        // Before the list is unlocked: a task whose wait is over by then may end the lock's life.
        gate.giveOne(&chain)
        list.unlock()
        chain.wakeAll()
        return isWithdrawn ? .withdrawn : .queued
    }

    @usableFromInline
    @unsafe
    func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        return unsafe list.remove(node)  // SAFETY: the caller's node.
    }
}

extension FairLock where Value: ~Copyable {
    /// Runs `body` with the lock when `predicate` holds. While it does not, the calling thread
    /// gives the lock back and sleeps until `condition` is signalled.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @inlinable
    public func withLock<Result: ~Copyable, Failure: Error>(
        on condition: borrowing ConditionVariable, when predicate: (borrowing Value) -> Bool,
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let isLocked = lockThread(until: .never, on: condition, when: predicate)
        assert(isLocked)
        return try runAndUnlock(body)
    }

    /// As `withLock(on:when:_:)`; nil, and the body is not run, if the deadline passes first. The
    /// condition is looked at once even if it has passed already, if the lock is free.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @inlinable
    public func withLock<Result: ~Copyable, Failure: Error>(
        on condition: borrowing ConditionVariable, when predicate: (borrowing Value) -> Bool,
        until deadline: MonotonicInstant, _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if !lockThread(until: deadline, on: condition, when: predicate) { return nil }
        return try runAndUnlock(body)
    }

    /// Takes the lock when the predicate holds; false, and the lock is not held: the deadline
    /// passed.
    @available(*, noasync, message: "this blocks the thread: tasks use the async form")
    @usableFromInline
    func lockThread(
        until deadline: MonotonicInstant, on condition: borrowing ConditionVariable,
        when predicate: (borrowing Value) -> Bool
    ) -> Bool {
        if !gate.tryTake() && !gate.parkThread(until: deadline) { return false }
        while !holds(predicate) {  // Each round but the first follows a signal.
            let wait = ConditionWait(on: condition.list, givingBack: gate)
            if !wait.parkThread(until: deadline) { return false }
            if !gate.tryTake() && !gate.parkThread(until: deadline) {
                condition.signal()  // Ours, which somebody else can use.
                return false
            }
        }
        return true
    }

    /// With the lock held.
    func holds(_ predicate: (borrowing Value) -> Bool) -> Bool {
        predicate(unsafe address.pointee)  // SAFETY: the holder alone touches it (I1).
    }
}
