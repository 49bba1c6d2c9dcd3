// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed-capacity queue for any number of producers and consumers that gives up the one order of
/// all elements: several lanes, each of which is first in, first out.
///
/// | Guarantee | `tryPush` / `tryPop`                                                             |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; a peer stalled in mid-operation makes its lane look full (or empty) |
/// | Order     | what was pushed through one handle is taken in that order: of two such elements, |
/// |           | the later is never claimed by a pop before the earlier. Between handles: none    |
/// | Cost      | push: one compare-exchange and one store. Pop: the same, and a look into each    |
/// |           | lane that has nothing; no allocation                                             |
/// | Memory    | `laneCount` rings of `laneCapacity` slots, allocated in `init`                   |
/// | Threads   | any number on either side; a handle is one thread's at a time                    |
///
/// A push goes to the lane of its handle, and to no other: it is refused if that lane is full, also
/// while others have room. So the order of a handle is kept. A pop of `makeHandle()` takes from the
/// same lane, and one element of another when that has nothing, or after `turnCountMax` pops unless
/// somebody is taking from it, so that no lane is forgotten. Threads that push, and pop mostly what
/// they pushed themselves, stay out of each other's way: that is what it is for. A pop of
/// `makeConsumerHandle()` stays where it found something, for as many pops at most, and so gives
/// each lane its share.
///
/// Emptiness: nil means that each lane, at a moment during the call, had nothing to take. While
/// others push, these are different moments: what comes to a lane behind the look into it is not
/// found. An element that was there before the call and is there after it is found, or another one
/// instead, unless an older push to its lane is in flight. `isEmpty` is true only if every push
/// that happened before has been claimed by a pop. Park on `isEmpty`, end on `isDrained`, and never
/// on a nil alone.
///
/// `close()` closes lane after lane. A push that finds its lane open is accepted, and its element
/// stays to be taken; behind the return of a `close` every push is refused.
///
/// Not where elements of different producers have an order that matters, nor where one producer
/// must be able to use all of the capacity: that is `BoundedMPMCQueue`.
///
/// Source: sets of sub-queues with tokens are C. Desrochers' "moodycamel::ConcurrentQueue", 2014,
/// whose sub-queues have one producer each and grow. Ours are bounded rings that any handles share.
///
/// ```swift
/// let queue = RelaxedMPMCQueue<Int>(laneCount: 4, laneCapacity: 64)
/// var handle = queue.makeHandle()
/// if let refused = queue.tryPush(1, by: handle) { print("lane full, or closed:", refused) }
/// while let element = queue.tryPop(by: &handle) { print(element) }
/// ```
@frozen
@safe
public struct RelaxedMPMCQueue<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout:
    //   line 0     nextLane  how many handles were made; relaxed: it is a number
    //   from 1     lanes     the rings themselves, `BoundedMPMCQueue`, side by side; read only
    //   behind it  storage   of each ring, on lines of its own
    //
    // Invariants: I1  a lane is closed only after those before it: the last says that all are
    //             I2  a handle's pushes go to one lane
    //
    // The edges are the lanes' (`BoundedMPMCQueue`): nothing else passes between threads.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let nextLane: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let lanes: UnsafeMutablePointer<BoundedMPMCQueue<Element>>

    /// How many lanes there are.
    public let laneCount: Int

    /// How many elements a handle takes from one lane in a row while others may have some. A look
    /// into a lane in use costs two misses, here and there: seldom enough not to be noticed.
    @inlinable
    public static var turnCountMax: Int { 256 }

    /// A queue of lanes.
    ///
    /// - Parameters:
    ///   - laneCount: at least one; best as many as threads use the queue at one time.
    ///   - laneCapacity: slots of each, at least two, rounded up to a power of two.
    public init(laneCount: Int, laneCapacity: Int) {
        self.init(laneCount: laneCount, laneCapacity: laneCapacity, firstPosition: 0)
    }

    /// A queue in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(laneCount:laneCapacity:)` bytes, and outlives the queue.
    ///
    /// - Parameters:
    ///   - storage: need not be zeroed.
    ///   - laneCount: as above.
    ///   - laneCapacity: as above.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, laneCount: Int, laneCapacity: Int
    ) {
        let byteCount = Self.storageByteCount(laneCount: laneCount, laneCapacity: laneCapacity)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(
            block: block, laneCount: laneCount, laneCapacity: laneCapacity, firstPosition: 0)
    }

    /// A queue whose lanes begin at a position of the test's choice.
    package init(laneCount: Int, laneCapacity: Int, firstPosition: UInt64) {
        let byteCount = Self.storageByteCount(laneCount: laneCount, laneCapacity: laneCapacity)
        self.init(
            block: SharedBlock(byteCount: byteCount), laneCount: laneCount,
            laneCapacity: laneCapacity, firstPosition: firstPosition)
    }

    private init(
        block: consuming SharedBlock, laneCount: Int, laneCapacity: Int, firstPosition: UInt64
    ) {
        let layout = Self.layout(laneCount: laneCount, laneCapacity: laneCapacity)
        let laneByteCount = BoundedMPMCQueue<Element>.storageByteCount(capacity: laneCapacity)
        // SAFETY: the parts lie in the block, apart from each other; nobody uses them yet.
        let nextLane = unsafe block.pointer(at: layout.nextLane, to: Atomic<UInt64>.self)
        // SAFETY: as above.
        let lanes = unsafe block.pointer(at: layout.lanes, to: BoundedMPMCQueue<Element>.self)
        unsafe nextLane.initialize(to: Atomic(0))  // SAFETY: as above.
        for lane in 0..<laneCount {
            let start = unsafe block.base + layout.storage + lane * laneByteCount
            // SAFETY: a part of the block, which lives longer than the lane does.
            let storage = unsafe UnsafeMutableRawBufferPointer(start: start, count: laneByteCount)
            // SAFETY: as above.
            unsafe (lanes + lane).initialize(
                to: BoundedMPMCQueue(
                    storage: storage, capacity: laneCapacity, firstPosition: firstPosition))
        }
        self.laneCount = laneCount
        unsafe self.nextLane = nextLane  // SAFETY: as above.
        unsafe self.lanes = lanes  // SAFETY: as above.
        self.block = block
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the queue.
        unsafe lanes.deinitialize(count: laneCount)  // SAFETY: initialized in `init`.
    }
}

/// Which lanes of a `RelaxedMPMCQueue` a producer or consumer uses. One thread's at a time.
@frozen
public struct RelaxedQueueHandle: Sendable {
    /// The lane that pushes go to.
    @usableFromInline
    let home: Int

    /// Whether pops begin there each time, or with the lane where something was found last.
    @usableFromInline
    let isHomeBound: Bool

    /// The lane that pops begin with.
    @usableFromInline
    var current: Int

    /// The lane where something was found last when that had nothing.
    @usableFromInline
    var visited: Int

    /// How many more pops before the others are looked at.
    @usableFromInline
    var turnsLeft: Int

    @inlinable
    init(home: Int, isHomeBound: Bool, turnsLeft: Int) {
        self.home = home
        self.isHomeBound = isHomeBound
        current = home
        visited = home
        self.turnsLeft = turnsLeft
    }
}

// MARK: - Facts

extension RelaxedMPMCQueue where Element: ~Copyable {
    /// How many elements fit into a lane: what was asked for, rounded up to a power of two.
    @inlinable
    public var laneCapacity: Int { unsafe lanes[0].capacity }  // SAFETY: there is a lane.

    /// How many elements fit into all lanes.
    @inlinable
    public var capacity: Int { laneCount &* laneCapacity }

    /// How many elements are queued: exact when nobody else is inside, else the sum of recent
    /// values of different moments, between zero and `capacity`.
    @inlinable
    public var count: Int {
        var sum = 0
        for lane in 0..<laneCount { unsafe sum &+= lanes[lane].count }  // SAFETY: in bounds.
        return sum
    }

    /// Whether every push that happened before this call has been claimed by a pop.
    @inlinable
    public var isEmpty: Bool {
        // SAFETY: in bounds.
        for lane in 0..<laneCount where unsafe !lanes[lane].isEmpty { return false }
        return true
    }

    /// Whether a `close()` has been done: all pushes are refused.
    @inlinable
    public var isClosed: Bool { unsafe lanes[laneCount &- 1].isClosed }  // SAFETY: the last one.

    /// Whether the queue is closed and every accepted element has been claimed by a pop, so that
    /// nothing will come any more.
    @inlinable
    public var isDrained: Bool {
        // SAFETY: in bounds.
        for lane in 0..<laneCount where unsafe !lanes[lane].isDrained { return false }
        return true
    }

    /// How many bytes `init(storage:laneCount:laneCapacity:)` needs.
    public static func storageByteCount(laneCount: Int, laneCapacity: Int) -> Int {
        layout(laneCount: laneCount, laneCapacity: laneCapacity).byteCount
    }
}

// MARK: - Operations

extension RelaxedMPMCQueue where Element: ~Copyable {
    /// A handle for one who pushes, or pushes and pops: its pops begin with the lane that it pushes
    /// to. Lanes are given out in turn.
    @inlinable
    public func makeHandle() -> RelaxedQueueHandle { makeHandle(isHomeBound: true) }

    /// A handle for one who only pops: it goes from lane to lane.
    @inlinable
    public func makeConsumerHandle() -> RelaxedQueueHandle { makeHandle(isHomeBound: false) }

    @inlinable
    func makeHandle(isHomeBound: Bool) -> RelaxedQueueHandle {
        // SAFETY: ours.
        let number = unsafe nextLane.pointee.wrappingAdd(1, ordering: .relaxed).oldValue
        let lane = Int(truncatingIfNeeded: number % UInt64(laneCount))
        return RelaxedQueueHandle(
            home: lane, isHomeBound: isHomeBound, turnsLeft: Self.turnCountMax)
    }

    /// Puts an element behind the others that were pushed by this handle. Returns nil if it was
    /// accepted, or the element if the handle's lane is full, or the queue is closed.
    @inlinable
    @inline(__always)
    public func tryPush(
        _ element: consuming sending Element, by handle: RelaxedQueueHandle
    ) -> sending Element? {
        precondition(handle.home < laneCount, "the handle is another queue's")
        return unsafe lanes[handle.home].tryPush(element)  // SAFETY: in bounds.
    }

    /// Takes the oldest element of some lane, or nil if none has one to take at once.
    @inlinable
    @inline(__always)
    public func tryPop(by handle: inout RelaxedQueueHandle) -> sending Element? {
        precondition(handle.current < laneCount, "the handle is another queue's")
        precondition(handle.visited < laneCount, "the handle is another queue's")
        guard let claim = claimPop(by: &handle) else { return nil }
        return unsafe lanes[claim.lane].takeOut(claim.ticket)  // SAFETY: in bounds, just claimed.
    }

    /// Claims an element of some lane. Elements are taken out in one place, whichever the lane: an
    /// element that comes by two ways is copied once more where these meet.
    @inlinable
    @inline(__always)
    func claimPop(by handle: inout RelaxedQueueHandle) -> (lane: Int, ticket: UInt64)? {
        // SAFETY: in bounds.
        if handle.turnsLeft > 0,
            let ticket = unsafe lanes[handle.current].claimPop(isPersistent: true)
        {
            handle.turnsLeft &-= 1
            return (handle.current, ticket)
        }
        return claimElsewhere(&handle)
    }

    /// Refuses later pushes. What is queued stays to be taken. Returns whether this call closed it.
    @inlinable
    @discardableResult
    public func close() -> Bool {
        let isFirst = unsafe lanes[0].close()  // SAFETY: there is a lane.
        // Also if another is on its way through them: behind the return all are closed.
        for lane in 1..<max(laneCount, 1) { unsafe lanes[lane].close() }  // SAFETY: in bounds.
        return isFirst
    }

    /// Claims from the first lane behind the one visited last that has something; from the handle's
    /// own if no other has. A visit for the sake of fairness does not race for an element: whoever
    /// it meets at a lane works there, and takes what is in it.
    @inlinable
    func claimElsewhere(_ handle: inout RelaxedQueueHandle) -> (lane: Int, ticket: UInt64)? {
        let isNeedy = handle.turnsLeft > 0
        var lane = handle.visited
        for _ in 0..<laneCount {
            lane = lane &+ 1 == laneCount ? 0 : lane &+ 1
            if lane == handle.current { continue }
            // SAFETY: in bounds.
            if let ticket = unsafe lanes[lane].claimPop(isPersistent: isNeedy) {
                handle.visited = lane
                if !handle.isHomeBound { handle.current = lane }
                handle.turnsLeft = Self.turnCountMax &- 1
                return (lane, ticket)
            }
        }
        handle.turnsLeft = Self.turnCountMax
        // SAFETY: in bounds.
        if let ticket = unsafe lanes[handle.current].claimPop(isPersistent: true) {
            return (handle.current, ticket)
        }
        return isNeedy ? nil : claimElsewhere(&handle)  // Once: now there are turns left.
    }
}

// MARK: - Inside

extension RelaxedMPMCQueue where Element: ~Copyable {
    static func layout(
        laneCount: Int, laneCapacity: Int
    ) -> (nextLane: Int, lanes: Int, storage: Int, byteCount: Int) {
        precondition(laneCount >= 1, "a queue needs at least one lane")
        precondition(laneCount <= 1 << 16, "so many lanes are searched for too long")
        let laneByteCount = BoundedMPMCQueue<Element>.storageByteCount(capacity: laneCapacity)
        precondition(laneByteCount <= Int.max >> 20, "lanes of this size cannot be allocated")
        var layout = BlockLayout()
        let nextLane = layout.appendPadded(Atomic<UInt64>.self)
        let lanes = layout.appendPadded(BoundedMPMCQueue<Element>.self, count: laneCount)
        let storage = layout.appendPadded(UInt8.self, count: laneCount * laneByteCount)
        return (nextLane, lanes, storage, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside.
        public func checkInvariants() {
            for lane in 0..<laneCount {
                unsafe lanes[lane].checkInvariants()  // SAFETY: in bounds.
                let isOpen = unsafe !lanes[lane].isClosed  // SAFETY: as above.
                precondition(!isOpen || !isClosed, "I1: a lane is open behind a closed one")
            }
        }
    #endif
}
