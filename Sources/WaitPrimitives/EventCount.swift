// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Waiting for any condition of a lock-free structure, without a lock around the condition and
/// without losing a wake-up.
///
/// A waiter announces itself (`prepareWait`), looks at its condition once more, and then either
/// sleeps (`commitWait`) or goes on (`cancelWait`). Whoever makes the condition true calls `notify`
/// afterwards.
///
/// | Guarantee | `notifyOne` / `notifyAll` / `prepareWait` / `commitWait`                         |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | wait-free while nobody sleeps; else a short lock                                 |
/// | Order     | sleepers are woken in order of arrival; wakes may be spurious: look again        |
/// | Cost      | `notify` with nobody waiting: one RMW, or one load (see `Publication`);          |
/// |           | `prepareWait`: one RMW. A sleeping task costs one heap block, a thread none      |
/// | Memory    | one block of 128 bytes                                                           |
/// | Edges     | what was done before a notify is seen by whom it wakes                           |
/// | Threads   | any number in both roles                                                         |
///
/// Source: D. Vyukov, "Eventcount", 2008, and its descendants in Eigen and folly; the idea is D.
/// P. Reed's and R. K. Kanodia's (1979). Ours needs no fence: where theirs has one, a read-modify-
/// write of the one word stands.
///
/// Not for a condition under a lock: use `ConditionVariable`. Not for a wake-up that is remembered:
/// use `Notify` or `AutoResetEvent`. Not for a flag alone: use `ManualResetEvent`. Not for words so
/// small or so many that none has room for a list: use `ParkingLot`.
///
/// A `notifyOne` wakes the first sleeper, and lets those go on who had prepared but not yet slept,
/// because it cannot know which of the two its condition was for. It wakes nobody who prepared
/// after it. A waiter that gives up after it
/// was notified is told so (`true`): it looks at its condition, or notifies another.
///
/// ```swift
/// let events = EventCount()
/// let key = events.prepareWait()
/// let isReady = true  // the condition, looked at again
/// if isReady { events.cancelWait(key) } else { _ = events.blockingWait(key, until: .never) }
/// events.notifyOne()
/// ```
@frozen
@safe
public struct EventCount: ~Copyable, @unchecked Sendable {
    // Layout: word = epoch (high 32 bits, one more with each notify) · number of waiters that have
    //         prepared and were neither cancelled nor woken (low 32 bits)
    //
    // Invariants: I1  outside the lock, the list has at most as many members as the word counts
    //             I2  a member of the list was appended in the epoch of its key, so that the keys
    //                 in the list do not fall
    //
    // Edges: E1  notify RMW → waiter's load of the epoch   carries what was done before the notify
    //        E2  prepareWait RMW ↔ notify RMW or load   carries nothing: it puts the two in order
    //        A notify does not acquire: what it finds of the waiters is under the list's lock.
    //        Counting down is relaxed: a count that is too large for a moment costs a notifier a
    //        look at an empty list.
    //
    // Why E2 holds. Either a notify sees the waiter, or the waiter's second look sees the change:
    //   releasing      Both are RMWs of one word. If the notify comes first, the waiter's RMW reads
    //                  from it (or from a later RMW of its release sequence) and acquires: the
    //                  condition's write happens before the second look. Otherwise the notify reads
    //                  a count that has the waiter in it.
    //   sequentiallyConsistent   The notify only loads. Its write of the condition, its load, the
    //                  waiter's RMW and the waiter's second look are all sequentially consistent,
    //                  so there is one order of the four; if the load comes before the RMW, then so
    //                  does the write before the second look. This is Dekker's store-buffering
    //                  pattern, which acquire and release do not forbid: a processor may let the
    //                  load overtake the write.

    /// How the change of the condition was made visible before the notify.
    @frozen
    public enum Publication: Sendable {
        /// By any releasing write, or under a lock: the notify is one RMW.
        case releasing
        /// By a sequentially consistent write, and the waiters look with sequentially consistent
        /// loads: the notify is one load while nobody waits.
        case sequentiallyConsistent
    }

    /// Which epoch a waiter prepared in. It ends in `commitWait`, `blockingWait` or `cancelWait`;
    /// one that is dropped makes every later notify slow.
    ///
    /// The epoch has 32 bits: a waiter that is stopped between its second look and its sleep for
    /// exactly 2³² notifies would sleep on.
    @frozen
    public struct Key: ~Copyable, Sendable {
        @usableFromInline
        let epoch: UInt64

        @inlinable
        package init(epoch: UInt64) { self.epoch = epoch }

        /// The key of the `WaitNode` that commits a raw waiter; `enqueue` ends it.
        @inlinable
        public consuming func takeRawValue() -> UInt64 { epoch }
    }

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt64>>
    @usableFromInline
    let list: WaiterList

    @inlinable
    static var epochStep: UInt64 { 1 << 32 }
    @inlinable
    static var waiterMask: UInt64 { epochStep - 1 }

    /// An event count without waiters.
    public init() {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), epoch: 0)
    }

    /// For tests: epochs start near their maximum.
    package init(epoch: UInt32) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), epoch: epoch)
    }

    /// An event count in the caller's memory: at least `storageByteCount` bytes that begin on a
    /// cache line and outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        block.clear()
        self.init(block: block, epoch: 0)
    }

    /// How many bytes `init(storage:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock, epoch: UInt32) {
        // SAFETY: the block is zeroed and lives as long as the pointers.
        unsafe word = block.base.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        unsafe word.initialize(to: Atomic(UInt64(epoch) << 32))  // SAFETY: as above.
        // SAFETY: as above.
        unsafe list = WaiterList(at: block.base + MemoryLayout<UInt64>.stride)
        self.block = block
    }

    /// How many waiters have prepared and were neither cancelled nor woken, just now.
    @inlinable
    public var waiterCount: Int {
        // SAFETY: the block lives as long as `self`.
        Int(unsafe word.pointee.load(ordering: .relaxed) & Self.waiterMask)
    }

    /// Announces a waiter. Look at the condition again afterwards.
    @inlinable
    public func prepareWait() -> Key {
        // SAFETY: the block lives as long as `self`.
        let old = unsafe word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)  // E2
        return Key(epoch: old.oldValue &>> 32)
    }

    /// Takes the announcement back: the condition is true.
    @inlinable
    public func cancelWait(_ key: consuming Key) {
        _ = key.takeRawValue()
        countDown(1)
    }

    /// Sleeps until a notify that came after the key's `prepareWait`. False: the deadline passed.
    @available(*, noasync, message: "this blocks the thread: tasks use `commitWait`")
    public func blockingWait(_ key: consuming Key, until deadline: MonotonicInstant) -> Bool {
        let epoch = key.takeRawValue()
        if isOver(epoch: epoch) {
            countDown(1)
            return true
        }
        return parkThread(key: epoch, until: deadline)
    }

    /// Wakes one waiter, if there is one.
    @inlinable
    public func notifyOne(after publication: Publication = .releasing) {
        if let epoch = beginEpoch(publication) { wake(preparedBefore: epoch, countMax: 1) }
    }

    /// Wakes up to `countMax` waiters, those that have waited longest; by one RMW if nobody waits.
    @inlinable
    public func notify(max countMax: Int, after publication: Publication = .releasing) {
        precondition(countMax > 0, "nobody is to be woken")
        if let epoch = beginEpoch(publication) { wake(preparedBefore: epoch, countMax: countMax) }
    }

    /// Wakes all waiters.
    @inlinable
    public func notifyAll(after publication: Publication = .releasing) {
        if let epoch = beginEpoch(publication) { wake(preparedBefore: epoch, countMax: .max) }
    }

    /// Starts a new epoch and answers it, or nil if nobody can sleep in an old one.
    @inlinable
    @inline(__always)
    func beginEpoch(_ publication: Publication) -> UInt64? {
        if case .sequentiallyConsistent = publication {
            // SAFETY: the block lives as long as `self`.
            let seen = unsafe word.pointee.load(ordering: .sequentiallyConsistent)  // E2
            if seen & Self.waiterMask == 0 { return nil }
        }
        // SAFETY: the block lives as long as `self`.
        let (old, new) = unsafe word.pointee.wrappingAdd(
            Self.epochStep, ordering: .releasing)  // E1
        return old & Self.waiterMask == 0 ? nil : new &>> 32
    }

    /// Wakes sleepers, but none that prepared in this epoch: its condition was not theirs. (I2)
    @usableFromInline
    func wake(preparedBefore epoch: UInt64, countMax: Int) {
        var chain = WakeChain()
        var count = 0
        list.lock()
        while count < countMax, let key = list.firstKey, isEarlier(key, than: epoch) {
            list.grantFirst(&chain)
            count += 1
        }
        if count > 0 { countDown(UInt64(count)) }
        list.unlock()
        chain.wakeAll()
    }

    /// Whether an epoch comes before another one, also when the counter has wrapped between.
    private func isEarlier(_ epoch: UInt64, than other: UInt64) -> Bool {
        Int32(truncatingIfNeeded: other &- epoch) > 0
    }

    /// Whether a notify came after the epoch.
    func isOver(epoch: UInt64) -> Bool {
        // SAFETY: the block lives as long as `self`.
        unsafe word.pointee.load(ordering: .acquiring) &>> 32 != epoch  // E1
    }

    @usableFromInline
    func countDown(_ count: UInt64) {
        // SAFETY: the block lives as long as `self`.
        let old = unsafe word.pointee.wrappingSubtract(count, ordering: .relaxed).oldValue
        assert(old & Self.waiterMask >= count)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside but who waits.
        public func checkInvariants() {
            list.lock()
            defer { list.unlock() }
            // SAFETY: the block lives as long as `self`.
            let seen = unsafe word.pointee.load(ordering: .relaxed)
            var before: UInt64?
            let memberCount = list.checkInvariants { key in
                let isAhead = isEarlier(seen &>> 32, than: key)
                precondition(!isAhead, "I2: a key is of an epoch to come")
                if let before { precondition(!isEarlier(key, than: before), "I2: the keys fall") }
                before = key
            }
            precondition(memberCount <= seen & Self.waiterMask, "I1: who sleeps is not counted")
        }
    #endif
}

extension EventCount: WaitSource {
    /// Commits a raw waiter whose node has the key of a `prepareWait`.
    @unsafe
    public func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission {
        list.lock()
        defer { list.unlock() }
        // SAFETY: the caller's node, here and below.
        if unsafe list.isWithdrawn(node) {
            countDown(1)
            return .withdrawn
        }
        if isOver(epoch: unsafe node.pointee.key) {  // SAFETY: as above.
            countDown(1)
            unsafe list.admit(node)  // SAFETY: as above.
            return .granted
        }
        unsafe list.append(node)  // SAFETY: the caller keeps the node until its wake.
        return .queued
    }

    /// Gives a wait up; if that is too `late`, the caller was notified.
    @unsafe
    public func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal {
        list.lock()
        defer { list.unlock() }
        let withdrawal = unsafe list.remove(node)  // SAFETY: the caller's node.
        if case .removed = withdrawal { countDown(1) }
        return withdrawal
    }
}
