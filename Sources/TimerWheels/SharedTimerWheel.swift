// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed number of timers over 64-bit ticks for any number of threads: a `TimerWheel` under a
/// short lock, which no handler runs with.
///
/// | Guarantee | `insert` / `cancel` / `reschedule` / `advance` / `nextDeadline`                  |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | blocking: a preempted holder of the lock stalls all others. It is held for one   |
/// |           | operation of the wheel, by `advance` for at most sixteen expiries at a time and  |
/// |           | the slots that move down meanwhile                                               |
/// | Order     | linearizable but for `advance`: each batch of sixteen is one step. One thread    |
/// |           | that advances fires by tick, FIFO within a tick; see "Batches" below             |
/// | Cost      | the wheel's, O(1), and one uncontended lock for each call or batch; no           |
/// |           | allocation. `advance` has room for sixteen payloads in its frame                 |
/// | Memory    | 128 bytes and those of a wheel, one block                                        |
/// | Edges     | what was done before a timer was armed or moved is seen by its handler, and by   |
/// |           | who cancels it                                                                   |
/// | Threads   | any number in all roles; usually one advances                                    |
///
/// Source: the wheel's (Varghese and Lauck, 1987). Handlers run without the lock, as in Linux
/// (`kernel/time/timer.c`), where it is let go and taken for each timer; here, for each sixteen.
///
/// **Cancel and expiry.** A timer settles once: either `cancel` gives the payload back, or it was
/// taken to be fired. That nothing was to be cancelled says that its handler runs, has run, or is
/// about to: up to fifteen others of its batch may come first. Who must know that a handler is over
/// has it say so.
///
/// **Batches.** A handler may arm, cancel and move timers, and even advance. What it arms comes
/// behind those that left the wheel with its own timer, although they may be for later ticks; and
/// what it arms for a tick that is due already fires in a later batch, or, if there is none, when
/// somebody advances next, for which `nextDeadline()` says that it is time. A payload that is
/// refused or dropped is destroyed without the lock as well.
///
/// **Sleeping.** Who advances sleeps until `nextDeadline()`, or until it is woken by one whose
/// arming says that it `isEarliest`. The wake must be remembered if it comes before the sleep
/// (`AutoResetEvent`, an eventfd). Then nobody oversleeps: as long as no arming has said so, no
/// timer is due before the tick that was told. A later arming relies on the wake of the one that
/// came first, also where both are early.
///
/// Not for timers of one thread: use `TimerWheel`, which costs no lock. Not for threads that each
/// run a loop: a wheel for each, and a message to the loop that has the timer.
///
/// ```swift
/// let wheel = SharedTimerWheel<Int>(capacity: 1024, origin: 0)
/// let arming = wheel.insert(deadline: 250, payload: 7)
/// print(arming?.isEarliest ?? false)  // true
/// _ = wheel.insert(deadline: 300, payload: 8)
/// wheel.advance(to: 260) { _, payload in print(payload) }  // 7
/// print(wheel.nextDeadline() ?? 0)  // 300, or somewhat less
/// ```
@frozen
@safe
public struct SharedTimerWheel<Payload: ~Copyable & Sendable>: ~Copyable, @unchecked Sendable {
    // Layout: block = lock word · promise · the wheel's own fields · (next line) the wheel's block
    //
    // Invariants: I1  promise <= nextDeadline of the wheel, outside the lock (none: the last tick)
    //             I2  the promise is lowered only by an arming that is told so
    //
    // The promise is the earliest tick at which somebody has been told to look, by `nextDeadline`
    // or by an arming. Who was told N and not woken since has N <= promise, by I2, and so nothing
    // is due before N, by I1. An arming that is not behind the promise leaves I1 as it is: a slot
    // that begins before the promise cannot reach behind it, because the promise is the start of a
    // slot as well, seen from the same tick or an earlier one.
    //
    // Edges: none of its own. All is done under the lock (InternalLock, E1), which carries payloads
    //        from who arms to who cancels or advances.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let lock: InternalLock
    @usableFromInline
    let promiseWord: UnsafeMutablePointer<UInt64>
    @usableFromInline
    let wheel: UnsafeMutablePointer<TimerWheel<Payload>>

    /// How many timers can be armed at one time.
    public let capacity: Int

    /// A wheel for at most `capacity` timers whose time starts at the tick `origin`.
    public init(capacity: Int, origin: UInt64) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the designated `init` initializes the head; the wheel, the rest.
        let block = unsafe SharedBlock(uninitializedByteCount: byteCount)
        self.init(block: block, capacity: capacity, origin: origin)
    }

    /// A wheel in the caller's memory: at least `storageByteCount(capacity:)` bytes that begin on a
    /// cache line, outlive the wheel, and are touched by nobody else meanwhile.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int, origin: UInt64) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(block: block, capacity: capacity, origin: origin)
    }

    /// How many bytes `init(storage:capacity:origin:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        headByteCount + TimerWheel<Payload>.storageByteCount(capacity: capacity)
    }

    private init(block: consuming SharedBlock, capacity: Int, origin: UInt64) {
        assert(Self.wheelOffset + MemoryLayout<TimerWheel<Payload>>.size <= Self.headByteCount)
        // SAFETY: the head of the block is ours.
        let word = unsafe block.base.bindMemory(to: Atomic<UInt32>.self, capacity: 1)
        unsafe word.initialize(to: Atomic(0))  // SAFETY: as above.
        unsafe lock = InternalLock(word)  // SAFETY: the word lives as long as the block.
        // SAFETY: as above.
        unsafe promiseWord = (block.base + Self.promiseOffset)
            .bindMemory(to: UInt64.self, capacity: 1)
        unsafe wheel = (block.base + Self.wheelOffset)
            .bindMemory(to: TimerWheel<Payload>.self, capacity: 1)  // SAFETY: as above.
        // SAFETY: what lies behind the head is the wheel's alone and lives as long as it.
        let storage = unsafe UnsafeMutableRawBufferPointer(
            start: block.base + Self.headByteCount, count: block.byteCount - Self.headByteCount)
        // SAFETY: as above.
        unsafe wheel.initialize(
            to: TimerWheel(storage: storage, capacity: capacity, origin: origin))
        self.block = block
        self.capacity = capacity
        // SAFETY: nobody else knows the block yet.
        unsafe SharedCell(promiseWord).initialize(to: .max)
    }

    deinit {
        unsafe wheel.deinitialize(count: 1)  // SAFETY: initialized in `init`, and nobody uses it.
    }
}

// Where the parts of the head lie.
extension SharedTimerWheel where Payload: ~Copyable {
    private static var promiseOffset: Int { 8 }

    private static var wheelOffset: Int { 16 }

    private static var headByteCount: Int { CacheLine.byteCount }
}

// Timers.
extension SharedTimerWheel where Payload: ~Copyable {
    /// Arms a timer for the tick `deadline`. Answers nil, and destroys the payload, if as many
    /// as `capacity` timers are armed.
    @inlinable
    public func insert(deadline: UInt64, payload: consuming Payload) -> TimerArming? {
        lock.lock()
        // SAFETY: under the lock, here and below.
        if unsafe wheel.pointee.count == wheel.pointee.capacity {
            lock.unlock()
            return nil  // The payload dies without the lock.
        }
        // SAFETY: as above.
        let token = unsafe wheel.pointee.insert(deadline: deadline, payload: payload)
        let isEarliest = announce(deadline)
        lock.unlock()
        guard let token else { preconditionFailure("a wheel with room refused") }
        return TimerArming(token: token, isEarliest: isEarliest)
    }

    /// Arms a timer that fires at `deadline` or up to `slack` ticks later, at the tick that
    /// `TimerWheel.coalesced(_:slack:)` names: timers with slack meet, and wake less often. Answers
    /// nil, and destroys the payload, if as many as `capacity` timers are armed.
    @inlinable
    public func insert(
        deadline: UInt64, slack: UInt64, payload: consuming Payload
    ) -> TimerArming? {
        let tick = TimerWheel<Payload>.coalesced(deadline, slack: slack)
        return insert(deadline: tick, payload: payload)
    }

    /// Disarms a timer and gives its payload back; nil if it has fired, is about to, or was
    /// cancelled.
    @inlinable
    public func cancel(_ token: TimerToken) -> Payload? {
        lock.lock()
        defer { lock.unlock() }
        return unsafe wheel.pointee.cancel(token)  // SAFETY: under the lock.
    }

    /// Moves an armed timer to another tick, behind those already armed for it; the token stays
    /// good. Answers nil if the timer has fired, is about to, or was cancelled.
    @inlinable
    public func reschedule(_ token: TimerToken, deadline: UInt64) -> TimerArming? {
        lock.lock()
        defer { lock.unlock() }
        // SAFETY: under the lock.
        let isMoved = unsafe wheel.pointee.reschedule(token, deadline: deadline)
        return isMoved ? TimerArming(token: token, isEarliest: announce(deadline)) : nil
    }

    /// Moves an armed timer to `deadline` or up to `slack` ticks later. Answers nil if the timer
    /// has fired, is about to, or was cancelled.
    @inlinable
    public func reschedule(
        _ token: TimerToken, deadline: UInt64, slack: UInt64
    ) -> TimerArming? {
        reschedule(token, deadline: TimerWheel<Payload>.coalesced(deadline, slack: slack))
    }

    /// Moves an armed timer to a later tick, and touches nothing but the timer: as
    /// `TimerWheel.postpone`, which says what is given up for that. Answers nil if the timer has
    /// fired, is about to, or was cancelled.
    @inlinable
    public func postpone(_ token: TimerToken, deadline: UInt64) -> TimerArming? {
        lock.lock()
        defer { lock.unlock() }
        // SAFETY: under the lock.
        let isMoved = unsafe wheel.pointee.postpone(token, deadline: deadline)
        return isMoved ? TimerArming(token: token, isEarliest: announce(deadline)) : nil
    }

    /// The tick that a timer is armed for; nil if it has fired, is about to, or was cancelled.
    @inlinable
    public func deadline(of token: TimerToken) -> UInt64? {
        lock.lock()
        defer { lock.unlock() }
        return unsafe wheel.pointee.deadline(of: token)  // SAFETY: under the lock.
    }
}

// Time.
extension SharedTimerWheel where Payload: ~Copyable {
    /// Fires what is due at `now`, at most `limit` timers, and answers how many it fired. What the
    /// limit left over is fired by the next call.
    ///
    /// `fire` is called without the lock and may use the wheel. The token it gets is already spent;
    /// it is a name. A `now` before the wheel's own counts as the wheel's: two threads that advance
    /// need no order of their clocks. Each call that finds no more ends the pass for both, so that
    /// a handler that re-arms itself for the past may be called more than once for a tick then.
    @inlinable
    @discardableResult
    public func advance(
        to now: UInt64, limit: Int = .max, _ fire: (TimerToken, consuming Payload) -> Void
    ) -> Int {
        var batch = ExpiredBatch<Payload>()
        var firedCount = 0
        while firedCount < limit {  // Ends with the limit or the pass.
            let countMax = min(limit &- firedCount, ExpiredBatch<Payload>.capacity)
            let count = collect(into: &batch, now: now, countMax: countMax)
            batch.fireAll(fire)
            firedCount &+= count
            if count < countMax { break }
        }
        return firedCount
    }

    /// Takes the payload of the next timer that is due at `now`, or answers nil, which ends the
    /// pass: for one who cannot fire in a closure, such as a task that waits meanwhile. It takes
    /// the lock once for each timer.
    @inlinable
    public func popExpired(now: UInt64) -> Payload? {
        lock.lock()
        defer { lock.unlock() }
        return unsafe wheel.pointee.popExpired(now: now)  // SAFETY: under the lock.
    }

    /// A tick until which nothing can fire, for sleeping; nil if no timer is armed. See "Sleeping"
    /// above, and `TimerWheel.nextDeadline()` for how early it may be.
    ///
    /// It is for those who sleep and wake when an arming `isEarliest`. To others that ask, it
    /// answers as well, and costs a sleeper a wake at most.
    @inlinable
    public func nextDeadline() -> UInt64? {
        lock.lock()
        defer { lock.unlock() }
        let next = unsafe wheel.pointee.nextDeadline()  // SAFETY: under the lock.
        promise = next ?? .max
        return next
    }

    /// The tick that the wheel has reached: all timers for earlier ticks were taken to be fired. It
    /// never moves backwards.
    @inlinable
    public var now: UInt64 {
        lock.lock()
        defer { lock.unlock() }
        return unsafe wheel.pointee.now  // SAFETY: under the lock.
    }

    /// How many timers are armed just now.
    @inlinable
    public var count: Int {
        lock.lock()
        defer { lock.unlock() }
        return unsafe wheel.pointee.count  // SAFETY: under the lock.
    }

    /// Whether no timer is armed just now.
    @inlinable
    public var isEmpty: Bool { count == 0 }
}

// Under the lock.
extension SharedTimerWheel where Payload: ~Copyable {
    @inlinable
    @inline(__always)
    var promise: UInt64 {
        // SAFETY: the block lives as long as `self`, and the caller has the lock.
        get { unsafe SharedCell(promiseWord).load() }
        // SAFETY: as above.
        nonmutating set { unsafe SharedCell(promiseWord).store(newValue) }
    }

    /// Answers whether a timer that was just armed is due before the promise, and lowers that.
    @inlinable
    func announce(_ deadline: UInt64) -> Bool {
        // SAFETY: the caller has the lock, here and below.
        let earliest = max(deadline, unsafe wheel.pointee.now)
        if promise <= earliest { return false }
        guard let next = unsafe wheel.pointee.nextDeadline() else {  // SAFETY: as above.
            preconditionFailure("a wheel lost the timer that was just armed")
        }
        assert(next <= earliest)
        promise = next
        return true
    }

    /// Moves what is due into the batch, and answers how much.
    @inlinable
    func collect(into batch: inout ExpiredBatch<Payload>, now: UInt64, countMax: Int) -> Int {
        assert(batch.count == 0)
        lock.lock()
        defer { lock.unlock() }
        // SAFETY: under the lock.
        return unsafe wheel.pointee.advance(to: now, limit: countMax) { token, payload in
            batch.append(token, payload)
        }
    }

    #if Checks || DEBUG
        /// Traps unless the invariants hold, the wheel's and I1. O(count): for tests.
        public func checkInvariants() {
            lock.lock()
            defer { lock.unlock() }
            unsafe wheel.pointee.checkInvariants()  // SAFETY: under the lock.
            let next = unsafe wheel.pointee.nextDeadline() ?? .max  // SAFETY: as above.
            precondition(promise <= next, "I1: somebody may oversleep")
        }
    #endif
}
