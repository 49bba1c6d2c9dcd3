// SPDX-License-Identifier: MIT

public import AtomicSupport
internal import MemoryReclamation

/// A segment of an `UnboundedMPMCQueue`, by address. Layout, invariants and edges are the queue's.
@frozen
@usableFromInline
@safe
struct TicketSegment<Element: ~Copyable>: @unchecked Sendable {
    // Edges: see UnboundedMPMCQueue.swift

    @usableFromInline
    let base: UnsafeMutableRawPointer

    @usableFromInline
    let capacity: Int

    @inlinable
    @inline(__always)
    @unsafe
    init(base: UnsafeMutableRawPointer, capacity: Int) {
        unsafe self.base = base  // SAFETY: storing an address reads no memory.
        self.capacity = capacity
    }

    /// Allocates an empty segment. It keeps its memory itself, until `end`.
    @inlinable
    static func make(capacity: Int) -> TicketSegment<Element> {
        let byteCount = TicketSegmentMemory.slotsOffset + capacity * slotStride
        // SAFETY: fresh memory of that size.
        let segment = unsafe TicketSegment<Element>(
            base: TicketSegmentMemory.allocate(byteCount: byteCount), capacity: capacity)
        unsafe segment.next.initialize(to: unsafe Atomic(nil))  // SAFETY: as above.
        unsafe segment.popped.initialize(to: Atomic(0))  // SAFETY: as above.
        unsafe segment.pushed.initialize(to: Atomic(0))  // SAFETY: as above.
        unsafe segment.awaited.initialize(to: Atomic(.max))  // SAFETY: as above.
        for index in 0..<capacity {
            unsafe segment.state(at: index).initialize(to: Atomic(0))  // SAFETY: as above.
        }
        return segment
    }

    /// Gives the memory back. Nobody else may use the segment, and its slots are empty.
    @inlinable
    func end() {
        unsafe TicketSegmentMemory.end(base)  // SAFETY: `make` made it.
    }

    // MARK: - Tickets

    /// Takes the next ticket of a push: twice its index. Of a segment that is full, or of a queue
    /// that is closed, none is taken: the index is the capacity then, or bit 0 is set.
    @inlinable
    @inline(__always)
    func takePushTicket() -> UInt64 {
        var backoff = Backoff()
        // SAFETY: the caller protects the segment, here and below.
        var word = unsafe pushed.pointee.load(ordering: .relaxed)
        // Repeated only after another push took a ticket, or the close came.
        while word & 1 == 0, word &>> 1 < UInt64(truncatingIfNeeded: capacity) {
            // SAFETY: as above.
            let (isTaken, found) = unsafe pushed.pointee.compareExchange(
                expected: word, desired: word &+ 2, ordering: .relaxed)
            if isTaken { return word }
            backoff.spin()
            word = found  // Old by now if others are busy: it fails again, and pauses longer.
        }
        return word
    }

    /// Takes the ticket of one pop: the index of its slot. Nil if no push has a ticket that is left
    /// to take.
    @inlinable
    @inline(__always)
    func takePopTicket() -> Int? {
        var backoff = Backoff()
        var index = poppedCount
        while index < capacity {  // Repeated only after another pop took a ticket.
            // A slot that is full has a push; only else we look at what all pushes write. That is
            // read behind popped, so it is not older (E5).
            if !isFull(index), !isFilledSoon(index), pushedCount == index { return nil }
            if trySetPopped(from: &index, to: index &+ 1) { return index }
            backoff.spin()
        }
        return nil
    }

    /// Takes up to so many tickets of pops, as far as pushes have taken theirs.
    @inlinable
    func takePopTickets(max countMax: Int) -> Range<Int> {
        var backoff = Backoff()
        var first = poppedCount
        while true {  // Repeated only after another pop took a ticket.
            let waiting = pushedCount &- first  // As above (E5).
            assert(waiting >= 0)  // I1
            if waiting == 0 { return first..<first }
            let end = first &+ min(waiting, countMax)
            if trySetPopped(from: &first, to: end) { return first..<end }
            backoff.spin()
        }
    }

    /// Answers whether the tickets of pops are taken; if not, what was found in place of `first`.
    @inlinable
    @inline(__always)
    func trySetPopped(from first: inout Int, to end: Int) -> Bool {
        // SAFETY: the caller protects the segment.
        let (isTaken, found) = unsafe popped.pointee.compareExchange(
            expected: UInt64(truncatingIfNeeded: first), desired: UInt64(truncatingIfNeeded: end),
            successOrdering: .releasing,  // E5
            failureOrdering: .acquiring)  // E5
        if !isTaken { first = Int(truncatingIfNeeded: found) }  // As in `takePushTicket`.
        return isTaken
    }

    /// How many tickets of pops have been taken.
    @inlinable
    @inline(__always)
    var poppedCount: Int {
        // SAFETY: as above.
        Int(truncatingIfNeeded: unsafe popped.pointee.load(ordering: .acquiring))  // E5
    }

    /// How many tickets of pushes have been taken.
    @inlinable
    @inline(__always)
    var pushedCount: Int {
        // SAFETY: as above.
        Int(truncatingIfNeeded: unsafe pushed.pointee.load(ordering: .relaxed) &>> 1)
    }

    /// Makes sure that no ticket of a push is taken any more.
    @inlinable
    func closeTickets() {
        // SAFETY: as above.
        _ = unsafe pushed.pointee.bitwiseOr(1, ordering: .relaxed)
    }

    // MARK: - Slots

    /// Puts the element of a push into its slot. Hands it back if a pop has come before.
    @inlinable
    @inline(__always)
    func fill(_ index: Int, with element: consuming Element) -> Element? {
        // SAFETY: the ticket makes the element's place this push's (I1, I2).
        unsafe cell(at: index).initialize(to: element)
        // SAFETY: as above.
        let (isFull, _) = unsafe state(at: index).pointee.compareExchange(
            expected: 0, desired: 1, successOrdering: .releasing,  // E1
            failureOrdering: .relaxed)
        if isFull { return nil }
        return unsafe cell(at: index).move()  // SAFETY: the pop takes nothing (I2).
    }

    /// Takes the element of a pop out of its slot. A push that has the slot and is not yet there
    /// gets a moment; then the slot is taken away from it, and nothing comes out.
    @inlinable
    @inline(__always)
    func takeOut(_ index: Int) -> sending Element? {
        // SAFETY: the caller protects the segment; full, and this pop's (I2).
        if isFull(index) { return unsafe cell(at: index).move() }
        if !waitForPush(index), !claimEarly(index) { return nil }
        return unsafe cell(at: index).move()  // SAFETY: as above.
    }

    /// Whether a push comes within twelve spin hints. The first pop that finds a slot empty waits
    /// so long, once: a consumer that keeps up with its producer would else look at each line just
    /// before it is written, and the two would go at the pace of the misses.
    @usableFromInline
    func isFilledSoon(_ index: Int) -> Bool {
        // SAFETY: the caller protects the segment, here and below.
        let number = UInt64(truncatingIfNeeded: index)
        if unsafe awaited.pointee.load(ordering: .relaxed) == number { return false }
        unsafe awaited.pointee.store(number, ordering: .relaxed)  // SAFETY: as above.
        var backoff = Backoff()
        backoff.spin()
        backoff.spin()
        return isFull(index)
    }

    @inlinable
    @inline(__always)
    func isFull(_ index: Int) -> Bool {
        // SAFETY: the caller protects the segment.
        unsafe state(at: index).pointee.load(ordering: .acquiring) == 1  // E1
    }

    /// Whether a push has come, within some hundred spin hints.
    @usableFromInline
    func waitForPush(_ index: Int) -> Bool {
        var backoff = Backoff()
        while !backoff.isExhausted {  // As many turns as a back-off has steps.
            backoff.spin()
            if isFull(index) { return true }
        }
        return false
    }

    /// Whether a push has come after all; if not, it loses the slot.
    @usableFromInline
    func claimEarly(_ index: Int) -> Bool {
        // SAFETY: the caller protects the segment.
        let before = unsafe state(at: index).pointee.exchange(2, ordering: .acquiring)  // E1
        assert(before != 2)  // I1
        return before == 1
    }

    /// Puts an element into the first slot of a segment that nobody else knows.
    @inlinable
    func start(with element: consuming Element) {
        unsafe cell(at: 0).initialize(to: element)  // SAFETY: ours alone.
        unsafe state(at: 0).pointee.store(1, ordering: .relaxed)  // SAFETY: as above.
        unsafe pushed.pointee.store(2, ordering: .relaxed)  // SAFETY: as above.
    }

    /// Takes the element out again that `start` put in; still nobody else knows the segment.
    @inlinable
    func takeBack() -> Element {
        unsafe cell(at: 0).move()  // SAFETY: ours alone, and full.
    }

    /// Destroys what is in the segment. Nobody else is inside.
    @inlinable
    func destroyElements() {
        for index in poppedCount..<pushedCount {
            // SAFETY: the segment is the caller's alone.
            guard unsafe state(at: index).pointee.load(ordering: .relaxed) == 1 else { continue }
            _ = unsafe cell(at: index).move()  // SAFETY: full, and no pop came for it.
        }
    }

    // MARK: - What is behind

    /// What is behind the segment.
    @inlinable
    @inline(__always)
    var successor: TicketSegmentSuccessor {
        // SAFETY: the caller protects the segment.
        unsafe successor(of: next.pointee.load(ordering: .acquiring))  // E2
    }

    /// Puts a segment behind this one, if nothing is there; answers what was.
    @inlinable
    func append(_ segment: TicketSegment<Element>) -> TicketSegmentSuccessor {
        // SAFETY: the caller protects this segment and owns the other.
        unsafe setNext(to: segment.base)
    }

    /// Forbids that one comes behind, if nothing is there; answers what was.
    @inlinable
    func forbidNext() -> TicketSegmentSuccessor {
        unsafe setNext(to: base)  // SAFETY: as above.
    }

    @inlinable
    @unsafe
    func setNext(to address: UnsafeMutableRawPointer) -> TicketSegmentSuccessor {
        // SAFETY: as above.
        let (_, found) = unsafe next.pointee.compareExchange(
            expected: nil, desired: address, successOrdering: .releasing,  // E2
            failureOrdering: .acquiring)  // E2
        return unsafe successor(of: found)  // SAFETY: as above.
    }

    @inlinable
    @unsafe
    func successor(of found: UnsafeMutableRawPointer?) -> TicketSegmentSuccessor {
        guard let found = unsafe found else { return unsafe .none }  // SAFETY: an address alone.
        if unsafe found == base { return unsafe .forbidden }  // SAFETY: as above.
        return unsafe .segment(found)  // SAFETY: as above.
    }

    // MARK: - Places

    @inlinable
    @inline(__always)
    var next: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>> {
        // SAFETY: a part of the header.
        unsafe (base + TicketSegmentMemory.nextOffset).assumingMemoryBound(
            to: Atomic<UnsafeMutableRawPointer?>.self)
    }

    @inlinable
    @inline(__always)
    var popped: UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: a line of its own.
        unsafe (base + CacheLine.byteCount).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// The last slot that a pop has waited for. Relaxed: a hint, on the line that pops write.
    @usableFromInline
    var awaited: UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: behind `popped`, on its line.
        unsafe (base + CacheLine.byteCount + 8).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inlinable
    @inline(__always)
    var pushed: UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: a line of its own.
        unsafe (base + 2 &* CacheLine.byteCount).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inlinable
    @inline(__always)
    func state(at index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        // SAFETY: the first word of a slot.
        unsafe slot(at: index).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inlinable
    @inline(__always)
    func cell(at index: Int) -> SharedCell<Element> {
        // SAFETY: the element lies behind the state, at an offset that suits its alignment.
        unsafe SharedCell(
            (slot(at: index) + Self.elementOffset).assumingMemoryBound(to: Element.self))
    }

    @inlinable
    @inline(__always)
    func slot(at index: Int) -> UnsafeMutableRawPointer {
        assert(index >= 0)
        assert(index < capacity)
        // SAFETY: within the segment.
        return unsafe base + (TicketSegmentMemory.slotsOffset &+ index &* Self.slotStride)
    }

    #if Checks || DEBUG
        /// Traps if I1, I2, I5 or I6 is broken for this segment. Nobody else is inside.
        func checkInvariants(isLast: Bool, isClosed: Bool) {
            let word = unsafe pushed.pointee.load(ordering: .relaxed)  // SAFETY: the caller's.
            precondition((word & 1 == 1) == isClosed, "I5: open though closed, or the other way")
            precondition(poppedCount <= pushedCount, "I1: a pop has no push")
            precondition(pushedCount <= capacity, "I1: a ticket has no slot")
            precondition(isLast || pushedCount == capacity, "I6: one is behind, this is not full")
            for index in 0..<capacity {
                // SAFETY: as above.
                let found = unsafe state(at: index).pointee.load(ordering: .relaxed)
                if index < poppedCount {
                    precondition(found == 1 || found == 2, "I2: a pop came to an empty slot")
                } else if index < pushedCount {
                    precondition(found == 1, "I2: an element is not there")
                } else {
                    precondition(found == 0, "I1: a slot was used without a ticket")
                }
            }
        }
    #endif

    @inlinable
    static var elementOffset: Int { max(4, MemoryLayout<Element>.alignment) }

    @inlinable
    static var slotStride: Int {
        let end = elementOffset &+ MemoryLayout<Element>.size
        return (end &+ elementOffset &- 1) & ~(elementOffset &- 1)
    }
}

/// What is behind a segment.
@frozen
@usableFromInline
@unsafe
enum TicketSegmentSuccessor {
    /// Nothing yet.
    case none
    /// The segment at this address.
    case segment(UnsafeMutableRawPointer)
    /// Nothing, for ever: the queue is closed.
    case forbidden
}

/// The memory of a segment, whatever its elements: a header with the domain's node, then the block
/// that it lies in, then the address of the next segment.
@frozen
@usableFromInline
enum TicketSegmentMemory {
    static var homeOffset: Int { 32 }

    @inlinable
    static var nextOffset: Int { 64 }

    /// Behind the header and the two counts of tickets, each with lines of its own.
    @inlinable
    static var slotsOffset: Int { 3 * CacheLine.byteCount }

    /// Memory that keeps its own block and can be retired.
    @usableFromInline
    static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        // SAFETY: the caller initializes what it reads.
        let block = unsafe SharedBlock(uninitializedByteCount: byteCount)
        let base = unsafe block.base  // SAFETY: the block is kept inside, until `end`.
        // SAFETY: fresh memory; the node comes first.
        unsafe base.initializeMemory(as: RetiredNode.self, to: RetiredNode(reclaim: endSegment))
        // SAFETY: behind the node, before the address of the next.
        unsafe (base + homeOffset).bindMemory(to: SharedBlock.self, capacity: 1)
            .initialize(to: block)
        return unsafe base  // SAFETY: as above.
    }

    /// Gives the memory back.
    @usableFromInline
    @unsafe
    static func end(_ base: UnsafeMutableRawPointer) {
        // SAFETY: `allocate` put the block there; nobody uses the memory any more.
        _ = unsafe (base + homeOffset).assumingMemoryBound(to: SharedBlock.self).move()
    }
}

/// What the domain calls when nobody uses a segment any more.
private let endSegment: @convention(c) (UnsafeMutableRawPointer) -> Void = { base in
    unsafe TicketSegmentMemory.end(base)  // SAFETY: retired once; see I4 of the queue.
}
