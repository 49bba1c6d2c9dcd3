// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed-capacity ring in which each subscriber sees each element that is published after it has
/// subscribed, in one order for all. Publishers overwrite the oldest element; a subscriber that was
/// not fast enough is told how many it has missed.
///
/// | Guarantee | `tryPublish` / `tryReceive`                                                      |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | neither waits. `tryReceive` is lock-free. `tryPublish` is not, strictly: a       |
/// |           | subscriber stalled in the middle of a copy keeps that slot, and publications are |
/// |           | `occupied` once the ring has come round to it. A publisher stalled before its    |
/// |           | element is in place hides what comes behind it from subscribers, and is in the   |
/// |           | way of others a lap later. `publish` spins meanwhile                             |
/// | Order     | one order of all elements, the same for each subscriber; each publisher's keep   |
/// |           | theirs                                                                           |
/// | Cost      | publish: two compare-exchanges and a store; receive: two RMWs of the slot's word |
/// |           | and a copy, and nothing of what all share; no allocation                         |
/// | Memory    | `capacity` slots of element + 8 bytes, allocated in `init`. An element lives     |
/// |           | until it is overwritten, or the ring goes away, whether or not all have seen it  |
/// | Threads   | any number of publishers and subscribers; a cursor is one thread's at a time     |
///
/// Lag: a subscriber that has fallen behind by more than `capacity` elements is given, once,
/// `.lagged` with the exact number that it will not see, and goes on with the oldest that is kept.
/// Publishers do not wait for the slow; the ring is for news, where what is old may be lost. Laps
/// are counted modulo 2^46: who stays away for 2^45 of them is told nonsense.
///
/// Completeness: an element whose publication began behind the return of `subscribe()` is seen or
/// counted as missed; one whose publication had ended before the call is not seen. Of those in
/// flight at that moment, either. Nil means that the next element is not there, or not yet in its
/// place; a publication that happened before is found unless an older one is in flight.
///
/// `close()` falls between two publications: those accepted before it stay to be received, and all
/// others are refused. A subscriber has seen the end when `isDrained(by:)` says so.
///
/// Not where each element must be done by somebody, once: that is `BoundedMPMCQueue`. Not where no
/// element may be missed: give each consumer a queue of its own, and push to all. Not for the last
/// value alone, without a history.
///
/// Source: the way of lagging is that of Tokio's `broadcast` channel, whose slots have a read-write
/// lock each and whose senders have one together. The other known design, LMAX' Disruptor (M.
/// Thompson and others, 2011), lets publishers wait for the slowest subscriber, which must be
/// registered and may then stop everybody: that is a queue with back-pressure, not a broadcast of
/// news. Ours has no lock: a slot's word counts those who copy, and a publisher claims the slot by
/// the same word. A sequence lock (H.-J. Boehm, "Can Seqlocks Get Along With Programming Language
/// Memory Models?", MSPC 2012), where a subscriber writes nothing, needs elements that are made of
/// atomic words: it cannot copy a reference, whose count it would have to raise before it knows
/// that it still exists.
///
/// ```swift
/// let ring = BroadcastRing<Int>(capacity: 4)
/// var cursor = ring.subscribe()
/// for number in 1...6 { ring.publish(number) }
/// print(ring.tryReceive(by: &cursor)!)  // lagged(missedCount: 2)
/// print(ring.tryReceive(by: &cursor)!)  // element(3)
/// ```
@frozen
@safe
public struct BroadcastRing<Element: Sendable>: ~Copyable, @unchecked Sendable {
    // Layout: a ticket is a position times two; it wraps at 2^64, which every capacity divides.
    //   line 0     tail   ticket of the next publication; bit 0 is set once the ring is closed
    //   from 1     slots  word, element; not padded
    //   the word of a slot:
    //     bits 0–15   how many subscribers copy its element just now
    //     bit 16      a publisher has claimed it, and its element is not in place yet
    //     bit 17      it holds an element (not in the first lap)
    //     bits 18–63  the lap: which ticket's element it holds, or was claimed for. In a ring of
    //                 more than 2^17 slots the bits of the ticket suffice, unshifted
    //
    // Invariants: I1  the tail passes a ticket only when its slot is claimed for it
    //             I2  a ticket is accepted when the tail passes it; the tail does not move once its
    //                 bit 0 is set
    //             I3  a slot is claimed only while nobody copies, for the lap behind its own, and
    //                 nobody copies while it is claimed: the claimant alone touches the element,
    //                 and only once its ticket is accepted
    //             I4  when nobody is inside, the words have no claim and count nobody, and their
    //                 laps are those of the last `capacity` tickets
    //
    // Edges: E1  publish  store of word → receive, claim compare-exchange   carries the element
    //        E2  leave    receive subtract of word → claim compare-exchange carries that the copy
    //                     is made. The RMWs of others between continue the release sequence
    //        E3  close    or on tail → isClosed, isDrained load   carries what the closer wrote
    //        The tail is relaxed otherwise: a ticket carries no data, E1 and E2 do. The first load
    //        of a word is relaxed: its compare-exchange acquires. A claim that is taken back is
    //        relaxed: nothing was written, and an RMW continues the release sequences.
    //
    // Why a claim comes before its ticket. A publisher that had its ticket first would have to wait
    // for those who copy, and everybody behind it too. So it claims the slot at the tail, and then
    // moves the tail, unless others have done it for it: the claim says for which ticket it is.
    // The tail decides, so that the close is one bit: a claim whose ticket the closed tail does not
    // pass is taken back, by its publisher or by a subscriber who finds it.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let tail: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let slots: UnsafeMutableRawPointer

    /// One less than the number of slots.
    @usableFromInline
    let mask: UInt64

    /// What brings the part of a ticket that counts laps to its place in a slot's word.
    @usableFromInline
    let lapShift: UInt64

    /// A ring of `capacity` slots, rounded up to a power of two.
    ///
    /// - Parameter capacity: at least one, which keeps the last element alone.
    public init(capacity: Int) {
        self.init(capacity: capacity, firstPosition: 0)
    }

    /// A ring in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the ring.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(block: block, capacity: capacity, firstPosition: 0)
    }

    /// A ring whose first element has a position of the test's choice.
    package init(capacity: Int, firstPosition: UInt64) {
        let block = SharedBlock(byteCount: Self.storageByteCount(capacity: capacity))
        self.init(block: block, capacity: capacity, firstPosition: firstPosition)
    }

    private init(block: consuming SharedBlock, capacity: Int, firstPosition: UInt64) {
        let layout = Self.layout(capacity: capacity)
        let slotCount = RingCapacity.rounded(capacity)
        self.mask = UInt64(slotCount - 1)
        self.lapShift = UInt64(max(0, 17 - slotCount.trailingZeroBitCount))
        // SAFETY: the two parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.tail = block.pointer(at: layout.tail, to: Atomic<UInt64>.self)
        unsafe self.slots = block.base + layout.slots
        self.block = block
        let first = firstPosition &<< 1
        unsafe tail.initialize(to: Atomic(first))  // SAFETY: as above.
        for step in 0..<UInt64(slotCount) {
            let ticket = first &+ step &<< 1
            let free = lap(of: ticket) &- lapStep
            unsafe word(of: slot(of: ticket)).initialize(to: Atomic(free))  // SAFETY: as above.
        }
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the ring.
        for index in 0...mask {
            let slot = unsafe slot(of: index &<< 1)  // SAFETY: in bounds.
            // SAFETY: as above.
            let found = unsafe word(of: slot).pointee.load(ordering: .relaxed)
            assert(found & (Self.copyMask | Self.claimBit) == 0, "I4: somebody is inside")
            // SAFETY: the slot is full, and emptied once, here.
            if found & Self.fullBit != 0 { _ = unsafe cell(of: slot).move() }
        }
    }
}

// MARK: - Facts

extension BroadcastRing {
    /// How many elements are kept: what was asked for, rounded up to a power of two.
    @inlinable
    public var capacity: Int { Int(mask) &+ 1 }

    /// How many publications were accepted so far, modulo 2^63.
    @inlinable
    public var publishedCount: UInt64 {
        unsafe tail.pointee.load(ordering: .relaxed) &>> 1  // SAFETY: in our block.
    }

    /// How many accepted elements a subscriber has before it; what exceeds `capacity` is lost. A
    /// publication counts when it is accepted, and may not be in its place yet.
    @inlinable
    public func unreadCount(by cursor: BroadcastCursor) -> UInt64 {
        // SAFETY: in our block.
        let last = unsafe tail.pointee.load(ordering: .relaxed) & ~1
        let distance = Int64(bitPattern: last &- cursor.ticket)
        return distance > 0 ? UInt64(distance) &>> 1 : 0
    }

    /// Whether `close()` has been called.
    @inlinable
    public var isClosed: Bool {
        // SAFETY: in our block.
        unsafe tail.pointee.load(ordering: .acquiring) & 1 != 0  // E3
    }

    /// Whether the ring is closed and a subscriber has been given, or told that it missed, every
    /// accepted element.
    @inlinable
    public func isDrained(by cursor: BroadcastCursor) -> Bool {
        // SAFETY: in our block.
        unsafe tail.pointee.load(ordering: .acquiring) == cursor.ticket | 1  // E3
    }

    /// How many bytes `init(storage:capacity:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        layout(capacity: capacity).byteCount
    }
}

// MARK: - Publishers

extension BroadcastRing {
    /// Publishes an element, if nobody is inside the slot that is next.
    @inlinable
    public func tryPublish(_ element: consuming Element) -> PublishOutcome {
        var backoff = Backoff()
        var ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        while true {  // Repeated only after another publisher, or close, changed slot or tail.
            if ticket & 1 != 0 { return .closed }
            let slot = unsafe slot(of: ticket)  // SAFETY: masked to the slot array.
            let free = lap(of: ticket) &- lapStep
            // SAFETY: the slot array lives as long as `self`.
            let found = unsafe word(of: slot).pointee.load(ordering: .relaxed)
            if Int64(bitPattern: (found & Self.lapMask) &- free) > 0 {
                ticket = passTail(ticket)
                continue
            }
            if found & ~Self.fullBit != free { return .occupied }
            let claim = found &+ lapStep | Self.claimBit
            // SAFETY: as above.
            let isClaimed = unsafe word(of: slot).pointee.compareExchange(
                expected: found, desired: claim,
                successOrdering: .acquiring,  // E1, E2
                failureOrdering: .relaxed
            ).exchanged
            if isClaimed {
                if passTail(ticket) & ~1 == ticket {
                    unsafe takeBack(claim, of: slot)  // SAFETY: a slot of ours.
                    return .closed
                }
                // SAFETY: claimed and accepted (I3).
                unsafe fill(slot, with: element, claim: claim)
                return .published
            }
            backoff.spin()
            ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        }
    }

    /// Publishes an element; false if the ring is closed.
    ///
    /// It spins, and gives its time slices away, while somebody is inside the slot that is next:
    /// for the time of one copy by each subscriber that is a whole lap behind, or as long as one of
    /// them is stopped in it.
    @inlinable
    @discardableResult
    public func publish(_ element: Element) -> Bool {
        var backoff = Backoff()
        while true {  // Ends when who is inside leaves, which it does without waiting for anybody.
            switch tryPublish(element) {
            case .published: return true
            case .closed: return false
            case .occupied: backoff.snooze()
            }
        }
    }

    /// Refuses later publications. What was accepted stays to be received. Returns whether this
    /// call closed it.
    @inlinable
    @discardableResult
    public func close() -> Bool {
        // SAFETY: in our block.
        let (before, _) = unsafe tail.pointee.bitwiseOr(1, ordering: .releasing)  // E3
        return before & 1 == 0
    }
}

// MARK: - Subscribers

extension BroadcastRing {
    /// A subscriber of what is published from now on.
    @inlinable
    public func subscribe() -> BroadcastCursor {
        // SAFETY: in our block.
        BroadcastCursor(ticket: unsafe tail.pointee.load(ordering: .relaxed) & ~1)
    }

    /// Gives a subscriber the next element, or says how many it has missed; nil if there is nothing
    /// at once.
    @inlinable
    public func tryReceive(by cursor: inout BroadcastCursor) -> BroadcastDelivery<Element>? {
        let slot = unsafe slot(of: cursor.ticket)  // SAFETY: masked to the slot array.
        let wanted = lap(of: cursor.ticket)
        var backoff = Backoff()
        // SAFETY: the slot array lives as long as `self`.
        var found = unsafe word(of: slot).pointee.load(ordering: .relaxed)
        while true {  // Repeated only after another thread has changed the slot or the tail.
            if found & ~Self.copyMask == wanted | Self.fullBit {
                // SAFETY: the cursor's own slot, found full.
                if let element = unsafe copy(slot, &found) {
                    cursor.ticket &+= 2
                    return .element(element)
                }
                backoff.spin()
            } else if Int64(bitPattern: (found & Self.lapMask) &- wanted) > 0 {
                if let missedCount = catchUp(&cursor, found) {
                    return .lagged(missedCount: missedCount)
                }
                // SAFETY: as above.
                found = unsafe word(of: slot).pointee.load(ordering: .relaxed)
            } else {
                return nil
            }
        }
    }
}

// MARK: - Inside

extension BroadcastRing {
    @inlinable
    static var copyMask: UInt64 { 0xFFFF }

    @inlinable
    static var claimBit: UInt64 { 1 << 16 }

    @inlinable
    static var fullBit: UInt64 { 1 << 17 }

    @inlinable
    static var lapMask: UInt64 { ~0 << 18 }

    /// The lap of a ticket, at its place in a slot's word.
    @inlinable
    @inline(__always)
    func lap(of ticket: UInt64) -> UInt64 { (ticket & ~(mask &<< 1 | 1)) &<< lapShift }

    /// From one lap to the next.
    @inlinable
    var lapStep: UInt64 { (mask &+ 1) &<< (lapShift &+ 1) }

    /// Moves the tail from a ticket whose slot is claimed for it to the next one, if it is there.
    /// Answers the tail: the ticket itself, with bit 0, if the ring was closed before. (I1, I2)
    @inlinable
    @inline(__always)
    func passTail(_ ticket: UInt64) -> UInt64 {
        // SAFETY: in our block.
        let (isPassed, now) = unsafe tail.pointee.compareExchange(
            expected: ticket, desired: ticket &+ 2, ordering: .relaxed)
        return isPassed ? ticket &+ 2 : now
    }

    /// Puts the element of an accepted claim into its slot. The one that was there dies last, when
    /// others have the slot already: its end may take its time, and may use the ring.
    @inlinable
    @inline(__always)
    @unsafe
    func fill(_ slot: UnsafeMutableRawPointer, with element: consuming Element, claim: UInt64) {
        // SAFETY: the claim makes this thread the only one to touch the element until E1 (I3).
        let cell = unsafe cell(of: slot)
        // SAFETY: as above.
        let overwritten = claim & Self.fullBit != 0 ? unsafe cell.move() : nil
        unsafe cell.initialize(to: element)  // SAFETY: as above.
        let full = claim & Self.lapMask | Self.fullBit
        // SAFETY: the slot array lives as long as `self`.
        unsafe word(of: slot).pointee.store(full, ordering: .releasing)  // E1
        withExtendedLifetime(overwritten) {}
    }

    /// Gives a slot back that was claimed for a ticket which the closed tail does not pass. If it
    /// is not claimed any more, another has done so.
    @usableFromInline
    @unsafe
    func takeBack(_ claim: UInt64, of slot: UnsafeMutableRawPointer) {
        // SAFETY: the slot array lives as long as `self`.
        _ = unsafe word(of: slot).pointee.compareExchange(
            expected: claim, desired: (claim &- lapStep) & ~Self.claimBit, ordering: .relaxed)
    }

    /// Copies the element of a slot that was found full, or answers what is found there now.
    @inlinable
    @inline(__always)
    @unsafe
    func copy(_ slot: UnsafeMutableRawPointer, _ found: inout UInt64) -> Element? {
        // SAFETY: the slot array lives as long as `self`.
        let word = unsafe word(of: slot)
        if found & Self.copyMask == Self.copyMask {  // As many as can be counted.
            found = unsafe word.pointee.load(ordering: .relaxed)  // SAFETY: as above.
            return nil
        }
        // SAFETY: as above.
        let (isCounted, now) = unsafe word.pointee.compareExchange(
            expected: found, desired: found &+ 1,
            successOrdering: .acquiring,  // E1
            failureOrdering: .relaxed)
        guard isCounted else {
            found = now
            return nil
        }
        // SAFETY: full, and nobody claims the slot while this thread is counted (I3).
        let element = unsafe cell(of: slot).load()
        unsafe word.pointee.subtract(1, ordering: .releasing)  // E2
        return element
    }

    /// Moves a subscriber whose slot was claimed for a later lap to the oldest element that is
    /// kept. Answers how many it misses; nil if it misses none, and shall look again.
    @usableFromInline
    func catchUp(_ cursor: inout BroadcastCursor, _ found: UInt64) -> UInt64? {
        let span = (mask &+ 1) &<< 1
        // The claim may have come before its ticket. (I1)
        let next = cursor.ticket &+ span
        let last = passTail(next)
        let excess = Int64(bitPattern: (last & ~1) &- next)
        if excess > 0 {
            cursor.ticket &+= UInt64(excess)
            return UInt64(excess) &>> 1
        }
        if last == next | 1, found & Self.claimBit != 0 {
            unsafe takeBack(found, of: slot(of: next))  // SAFETY: masked to the slot array.
        }
        return nil
    }

    @inlinable
    @inline(__always)
    func slot(of ticket: UInt64) -> UnsafeMutableRawPointer {
        // SAFETY: the mask keeps the index below `capacity`.
        unsafe slots + Int(truncatingIfNeeded: ticket &>> 1 & mask) &* WordedSlot<Element>.stride
    }

    @inlinable
    @inline(__always)
    func word(of slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe WordedSlot<Element>.word(of: slot)  // SAFETY: the ring's slots are such.
    }

    @inlinable
    @inline(__always)
    func cell(of slot: UnsafeMutableRawPointer) -> SharedCell<Element> {
        unsafe WordedSlot<Element>.cell(of: slot)  // SAFETY: as above.
    }

    static func layout(capacity: Int) -> (tail: Int, slots: Int, byteCount: Int) {
        var layout = BlockLayout()
        let tail = layout.appendPadded(Atomic<UInt64>.self)
        let slots = layout.appendSlots(of: Element.self, count: RingCapacity.rounded(capacity))
        return (tail, slots, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside.
        public func checkInvariants() {
            // SAFETY: in our block.
            let last = unsafe tail.pointee.load(ordering: .relaxed) & ~1
            var isFull = false
            for step in 0...mask {
                let ticket = last &- (mask &+ 1 &- step) &<< 1
                // SAFETY: masked to the slot array.
                let found = unsafe word(of: slot(of: ticket)).pointee.load(ordering: .relaxed)
                precondition(found & Self.copyMask == 0, "I4: somebody copies")
                precondition(found & Self.claimBit == 0, "I4: a claim was left behind")
                precondition(found & Self.lapMask == lap(of: ticket), "I4: a slot out of step")
                let holds = found & Self.fullBit != 0
                precondition(holds || !isFull, "I4: an element is missing behind another")
                isFull = holds
            }
        }
    #endif
}
