// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed number of timers over 64-bit ticks, owned by one thread: arming, cancelling and moving a
/// timer cost the same whatever the number of timers.
///
/// | Guarantee | `insert` / `cancel` / `reschedule` / `postpone` / `popExpired`                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; nothing is shared, so no peer can stall it                          |
/// | Order     | by tick, FIFO within a tick, but for timers that were postponed; a timer armed   |
/// |           | for a past tick: see below                                                       |
/// | Cost      | all but `popExpired`: O(1), no allocation. `popExpired`: O(1)                    |
/// |           | amortised (a timer moves down at most nine levels, usually one or two); the call |
/// |           | that reaches a cascade point moves that whole slot. Empty slots cost nothing     |
/// | Memory    | 13 kB + 24 bytes and the payload for each of `capacity` timers, one block;       |
/// |           | places that were never used are never touched                                    |
/// | Threads   | one owner at a time (`mutating`); may move to another thread between calls       |
///
/// Not for several threads (`SharedTimerWheel`), nor for a handful of timers, which a sorted array
/// holds in less memory.
///
/// Source: G. Varghese and T. Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, scheme 7.
/// Ours keeps a bitmap of the occupied slots, so that time jumps over empty ones, and has a level
/// of 1,024 slots and nine of 64 above it, so that every 64-bit deadline has a place and there is
/// no overflow list.
///
/// **Past ticks.** A timer for a tick that was already fired (`deadline <= now`) becomes due at
/// once, but not within the pass that is under way: a pass (the calls of `popExpired` until one
/// answers nil) takes the past timers that it finds at its start, and later ones when it goes on to
/// a later tick, ahead of that tick's timers. So a handler that re-arms itself for the past is
/// called once for each tick, ends no pass late, and starves nobody; `nextDeadline()` tells the
/// caller not to sleep meanwhile.
///
/// ```swift
/// var wheel = TimerWheel<Int>(capacity: 1024, origin: 0)
/// let token = wheel.insert(deadline: 250, payload: 7)
/// _ = wheel.insert(deadline: 100, payload: 8)
/// while let payload = wheel.popExpired(now: 120) { print(payload) }  // 8
/// if let token { _ = wheel.cancel(token) }  // 7
/// ```
@frozen
@safe
public struct TimerWheel<Payload: ~Copyable>: ~Copyable {
    // Layout: block = bitmap of the slots · head and tail of each list · nodes
    //         lists 0…1023 = slots of level 0, 64 for each level above; lists 1600 and 1601 hold
    //         past timers: those of this pass and those for later, in turn (`lateList`).
    //         A timer lies on the level of the highest digit (ten bits, then six each) in which its
    //         deadline differs from `position`, in the slot that this digit of the deadline names.
    //         `position` never passes the start of an occupied slot without emptying it, so the
    //         place is a function of deadline and position: timers of one tick share one list, in
    //         the order of arming.
    //         A postponed timer stays where an earlier deadline had put it until that is reached.
    //
    // Invariants: I1  every slot list above level 0 lies ahead: its number > that digit of position
    //             I2  the level-0 slot of position's own digit holds only timers that are due now
    //                 or were postponed; the past lists only timers that are due
    //             I3  a bitmap bit is set if and only if its list has a member
    //             I4  a node's generation is odd if and only if it is in a list
    //             I5  nodes at and behind `usedCount` were never touched
    //
    // Edges: none. The wheel has one owner and no atomics.

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let bitmap: UnsafeMutablePointer<UInt64>
    @usableFromInline
    let lists: UnsafeMutablePointer<TimerList>
    @usableFromInline
    let nodes: UnsafeMutableRawPointer

    /// How many timers can be armed at one time.
    public let capacity: Int

    @usableFromInline
    var armedCount: Int
    @usableFromInline
    var position: UInt64
    @usableFromInline
    var occupiedWords: UInt32
    @usableFromInline
    var usedCount: UInt32
    @usableFromInline
    var freeHead: UInt32
    @usableFromInline
    let firstGeneration: UInt32
    @usableFromInline
    var lateList: UInt16
    @usableFromInline
    var isPassOpen: Bool

    /// A wheel for at most `capacity` timers whose time starts at the tick `origin`.
    public init(capacity: Int, origin: UInt64) {
        self.init(capacity: capacity, origin: origin, firstGeneration: 0)
    }

    /// For tests: generations start near their maximum.
    package init(capacity: Int, origin: UInt64, firstGeneration: UInt32) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the designated `init` initializes the head; nodes are initialized at first use.
        let block = unsafe SharedBlock(uninitializedByteCount: byteCount)
        self.init(
            block: block, capacity: capacity, origin: origin, firstGeneration: firstGeneration)
    }

    /// A wheel in the caller's memory: at least `storageByteCount(capacity:)` bytes that begin on a
    /// cache line, outlive the wheel, and are touched by nobody else meanwhile.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int, origin: UInt64) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(block: block, capacity: capacity, origin: origin, firstGeneration: 0)
    }

    /// How many bytes `init(storage:capacity:origin:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        precondition(capacity > 0, "a wheel needs room for at least one timer")
        precondition(capacity <= Int(Int32.max), "a wheel numbers its timers in 31 bits")
        return nodesOffset + capacity * nodeStride
    }

    private init(
        block: consuming SharedBlock, capacity: Int, origin: UInt64, firstGeneration: UInt32
    ) {
        precondition(firstGeneration % 2 == 0, "a free node has an even generation")
        // SAFETY: the offsets are those that `storageByteCount` added up.
        unsafe bitmap = block.pointer(at: 0, to: UInt64.self)
        // SAFETY: as above.
        unsafe lists = block.pointer(at: Self.listsOffset, to: TimerList.self)
        // SAFETY: as above.
        unsafe nodes = block.base + Self.nodesOffset
        self.block = block
        self.capacity = capacity
        self.firstGeneration = firstGeneration
        armedCount = 0
        position = origin
        occupiedWords = 0
        usedCount = 0
        freeHead = .noTimer
        lateList = Self.pastList
        isPassOpen = false
        // SAFETY: the head of the block is ours and trivial.
        unsafe bitmap.initialize(repeating: 0, count: Self.wordCount)
        // SAFETY: as above.
        unsafe lists.initialize(repeating: TimerList(), count: Self.listCount)
    }

    deinit {
        for index in 0..<usedCount where isArmed(index) {
            // SAFETY: an armed node holds a payload, and nobody uses it after this.
            unsafe payloadAddress(index).deinitialize(count: 1)
        }
    }
}

extension TimerWheel: @unchecked Sendable where Payload: Sendable & ~Copyable {}

extension TimerWheel where Payload: ~Copyable {
    /// The tick that the wheel has reached: all timers for earlier ticks were fired. It never moves
    /// backwards.
    @inlinable
    public var now: UInt64 { position }

    /// How many timers are armed.
    @inlinable
    public var count: Int { armedCount }

    /// Whether no timer is armed.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// Arms a timer for the tick `deadline`. Answers nil, and destroys the payload, if as many
    /// as `capacity` timers are armed.
    @inlinable
    public mutating func insert(deadline: UInt64, payload: consuming Payload) -> TimerToken? {
        let index = takeNode()
        if index == .noTimer { return nil }
        // SAFETY: a node that was just taken is nobody else's and its payload is empty.
        let node = unsafe header(index)
        unsafe node.pointee.generation &+= 1  // SAFETY: as above.
        unsafe node.pointee.deadline = deadline  // SAFETY: as above.
        unsafe payloadAddress(index).initialize(to: payload)  // SAFETY: as above.
        armedCount &+= 1
        link(index, deadline: deadline)
        let generation = unsafe node.pointee.generation  // SAFETY: as above.
        assert(generation % 2 == 1)
        return TimerToken(index: index, generation: generation)
    }

    /// Disarms a timer and gives its payload back; nil if it has fired or was cancelled.
    @inlinable
    public mutating func cancel(_ token: TimerToken) -> Payload? {
        guard isCurrent(token) else { return nil }
        unlink(token.index)
        return giveBack(token.index)
    }

    /// Moves an armed timer to another tick, behind those already armed for it; the token stays
    /// good. Answers false if the timer has fired or was cancelled.
    @inlinable
    public mutating func reschedule(_ token: TimerToken, deadline: UInt64) -> Bool {
        guard isCurrent(token) else { return false }
        unlink(token.index)
        // SAFETY: a current token names an initialized node.
        unsafe header(token.index).pointee.deadline = deadline
        link(token.index, deadline: deadline)
        return true
    }

    /// Moves an armed timer to a later tick and touches nothing but the timer: it stays in its list
    /// until the tick comes that had put it there, and moves then. Answers false if the timer has
    /// fired or was cancelled. A tick that is earlier, and a timer for a past tick, are as with
    /// `reschedule`.
    ///
    /// For timers that are moved again and again and seldom fire, such as limits of idleness, among
    /// so many that memory is what moving costs. What is given up: among timers of one tick it
    /// comes in any order, and `nextDeadline()` may be early by one wake for each time that a
    /// postponed timer's old tick comes.
    @inlinable
    public mutating func postpone(_ token: TimerToken, deadline: UInt64) -> Bool {
        guard isCurrent(token) else { return false }
        // SAFETY: a current token names an initialized node.
        let node = unsafe header(token.index)
        // SAFETY: as above. One among the past timers would wait for the next pass.
        if unsafe deadline < node.pointee.deadline || node.pointee.list >= Self.pastList {
            return reschedule(token, deadline: deadline)
        }
        unsafe node.pointee.deadline = deadline  // SAFETY: as above.
        return true
    }

    /// The tick that a timer is armed for; nil if it has fired or was cancelled.
    @inlinable
    public func deadline(of token: TimerToken) -> UInt64? {
        guard isCurrent(token) else { return nil }
        // SAFETY: a current token names an initialized node.
        return unsafe header(token.index).pointee.deadline
    }

    /// Takes the payload of the next timer that is due at `now`, or answers nil, which ends the
    /// pass. Between calls the caller may insert, cancel and reschedule; see "Past ticks" above.
    ///
    /// A `now` before the wheel's own counts as the wheel's. `popExpired(now: .max)` until nil
    /// empties the wheel at the end of its life.
    @inlinable
    public mutating func popExpired(now: UInt64) -> Payload? {
        let index = nextExpired(now: now)
        if index == .noTimer { return nil }
        unlink(index)
        return giveBack(index)
    }

    /// Fires what is due at `now`, at most `limit` timers, and answers how many it fired. What the
    /// limit left over is fired by the next call.
    ///
    /// `fire` cannot touch the wheel (the compiler sees to it): a handler that arms timers is
    /// called from a loop over `popExpired`. The token it gets is already spent; it is a name.
    @inlinable
    @discardableResult
    public mutating func advance(
        to now: UInt64, limit: Int = .max, _ fire: (TimerToken, consuming Payload) -> Void
    ) -> Int {
        var firedCount = 0
        while firedCount < limit {
            let index = nextExpired(now: now)
            if index == .noTimer { break }
            // SAFETY: `nextExpired` answers an armed node.
            let generation = unsafe header(index).pointee.generation
            unlink(index)
            fire(TimerToken(index: index, generation: generation), giveBack(index))
            firedCount &+= 1
        }
        return firedCount
    }

    /// A tick until which nothing can fire, for sleeping: never later than the earliest timer; nil
    /// if no timer is armed.
    ///
    /// Exact for a timer in the same run of 1,024 ticks as `now`. For one on level L (1…9) it is
    /// the start of its slot, at most 16 · 64ᴸ − 1 ticks early: the caller wakes, calls
    /// `popExpired`, which moves the slot down, and asks again. A timer causes at most L such
    /// wakes, and as many again each time that it was postponed and its old tick comes.
    @inlinable
    public func nextDeadline() -> UInt64? {
        if count == 0 { return nil }
        if isAnyDue { return position }
        return nextSlot().start
    }
}
