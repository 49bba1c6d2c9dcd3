// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A first-in first-out ring of small numbers, strictly lock-free: the half of a
/// `LockFreeMPMCQueue`, which says where it comes from.
///
/// It has room for `2 * n` entries and never holds more than `n` numbers below `n`: whoever uses it
/// keeps to that. So a push into it always finds room, and only ends without success once the ring
/// is closed.
@frozen
@usableFromInline
@safe
struct IndexRing: @unchecked Sendable {
    // Layout: a ticket is a position times two; it wraps at 2^64, which every capacity divides.
    //   line 0     head       ticket of the next pop
    //   line 1     tail       ticket of the next push; bit 0 is set once the ring is closed, and
    //                         then tickets mean nothing any more
    //              end        where tail was when it was closed; odd before
    //   line 2     threshold  how many more pops may fail before they need not look; < 0: empty
    //   from 3     entries    one word each; neighbours in the order of tickets lie on lines apart
    //
    //   entry:  ┌───────────────────────────┬──────┬───────────────┐
    //           │ cycle: a ticket's high    │ safe │ index, or     │
    //           │ bits, the others cut off  │      │ none: all ones│
    //           └───────────────────────────┴──────┴───────────────┘
    //
    // A push takes a ticket from tail, and puts its index into the ticket's entry, if that is of an
    // older cycle, empty, and no pop has gone past: else it takes another ticket. A pop takes a
    // ticket from head. An entry of its cycle is its own. One that is older is brought to its cycle
    // if empty, or marked unsafe if not: the push of the same ticket will see that this pop has
    // gone, and not leave its index where nobody looks for it.
    //
    // Invariants: I1  an index is in at most one entry
    //             I2  an entry's cycle never goes back
    //             I3  an index at position p is found by the pop whose ticket is p's, or by none
    //                 before head has reached p
    //             I4  while an index lies at or behind head, threshold is not negative
    //
    // I4: a push leaves threshold at its maximum once its entry is written. A pop takes one off
    // after each entry in which it found nothing. Between head and the entry are fewer than 2 * n
    // tickets: n indices leave at most n of the entries occupied for n tries, and give at most n
    // more tickets to those who hold one. The pops that had looked before the entry was written
    // take off one each. So 2 * n - 1 + threadCountMax is enough, and the article's 3 * n - 1 is
    // the same with n threads.
    //
    // Edges: E1  hand over  push's store of an entry → pop's load   carries what the index names
    //        E2  passed     pop's mark of an entry → push's load    carries where head is
    //        E3  close      or on tail, store of end → their loads  carries what the closer wrote
    //        E4  order      head, tail and threshold                carries nothing: see below
    //
    // E4 is sequentially consistent, for I4. A push that reads the maximum leaves it there, and
    // must not have missed that pops took it all off: its index would lie in a ring that says
    // "empty". The count above needs one order of what is done to the three words: which pops had
    // looked before, and how far head was when the push took its ticket. The article assumes as
    // much of every access. With all of E4 relaxed, the models find the lost index; with one access
    // weaker by a step, they are too small to show it, and only the argument asks for it.
    //
    // The other accesses are relaxed. An entry that is emptied carries nothing: its index does, by
    // way of the other ring. A first look at threshold may find an old one: it then says "empty" to
    // a push that did not happen before it.

    @usableFromInline
    let head: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let tail: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let end: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let threshold: UnsafeMutablePointer<Atomic<Int64>>

    @usableFromInline
    let entries: UnsafeMutablePointer<Atomic<UInt64>>

    /// The index that is none, and the mask of positions: the number of entries less one.
    @usableFromInline
    let none: UInt64

    /// By how many bits a position is turned to find its entry.
    @usableFromInline
    let turn: UInt64

    @usableFromInline
    let counterTurn: UInt64

    @usableFromInline
    let thresholdMax: Int64

    /// A ring in a block that is kept alive by the owner.
    ///
    /// - Parameters:
    ///   - indexCount: a power of two. All indices are below it.
    ///   - isFull: whether all indices are in the ring, in order, or none.
    ///   - firstPosition: of the first index.
    @unsafe
    init(
        in block: borrowing SharedBlock, at offsets: Offsets, indexCount: Int,
        threadCountMax: Int, isFull: Bool, firstPosition: UInt64
    ) {
        let bitCount = UInt64((2 * indexCount).trailingZeroBitCount)
        none = UInt64(2 * indexCount - 1)
        // A line has room for 16 entries; a ring that is on one line stays as it is.
        turn = bitCount > 4 ? 4 : 0
        counterTurn = bitCount - turn
        thresholdMax = Int64(2 * indexCount - 1 + max(threadCountMax, 1))
        // SAFETY: the parts lie in the block, apart from each other; nobody uses them yet.
        unsafe head = block.pointer(at: offsets.head, to: Atomic<UInt64>.self)
        unsafe tail = block.pointer(at: offsets.tail, to: Atomic<UInt64>.self)
        unsafe end = tail + 1  // SAFETY: as above.
        // SAFETY: as above.
        unsafe threshold = block.pointer(at: offsets.threshold, to: Atomic<Int64>.self)
        // SAFETY: as above.
        unsafe entries = block.pointer(at: offsets.entries, to: Atomic<UInt64>.self)
        let first = firstPosition &<< 1
        let fullCount = isFull ? UInt64(indexCount) : 0
        unsafe head.initialize(to: Atomic(first))  // SAFETY: as above.
        unsafe tail.initialize(to: Atomic(first &+ fullCount &<< 1))  // SAFETY: as above.
        unsafe end.initialize(to: Atomic(1))  // SAFETY: as above.
        unsafe threshold.initialize(to: Atomic(isFull ? thresholdMax : -1))  // SAFETY: as above.
        for step in 0...none {
            let ticket = first &+ step &<< 1
            let isTaken = step < fullCount
            let cycle = cycle(of: isTaken ? ticket : ticket &- (none &+ 1) &<< 1)
            let word = cycle | safe | (isTaken ? step : none)
            unsafe entry(of: ticket).initialize(to: Atomic(word))  // SAFETY: as above.
        }
    }

    // MARK: - Operations

    /// Puts an index behind the others. Returns false if the ring is closed.
    @inlinable
    @inline(__always)
    func push(_ index: UInt64) -> Bool {
        // A ticket fails only if its entry is occupied, at most `n` in a row, or if pops have gone
        // past it, each of which took a ticket for this.
        while true {
            let (ticket, _) = unsafe tail.pointee  // SAFETY: the owner's block is there.
                .wrappingAdd(2, ordering: .sequentiallyConsistent)  // E4
            if ticket & 1 != 0 { return false }
            if place(index, ticket) { break }
        }
        // SAFETY: as above.
        if unsafe threshold.pointee.load(ordering: .sequentiallyConsistent) != thresholdMax {  // E4
            unsafe threshold.pointee.store(thresholdMax, ordering: .sequentiallyConsistent)  // E4
        }
        return true
    }

    /// Takes the oldest index, or nil if there is none.
    @inlinable
    @inline(__always)
    func pop() -> UInt64? {
        if unsafe threshold.pointee.load(ordering: .relaxed) < 0, !hasEndToReach {  // SAFETY: ours.
            return nil
        }
        while true {  // At most `thresholdMax` turns without a push; of a closed ring, to its end.
            let (ticket, _) = unsafe head.pointee  // SAFETY: the owner's block is there.
                .wrappingAdd(2, ordering: .sequentiallyConsistent)  // E4
            if let index = take(ticket) { return index }
            let end = unsafe tail.pointee.load(ordering: .sequentiallyConsistent)  // E4
            let isLast = Int64(bitPattern: (end & ~1) &- (ticket &+ 2)) <= 0
            if isLast, end & 1 == 0 { catchUp(from: end, to: ticket &+ 2) }
            let (_, left) = unsafe threshold.pointee  // SAFETY: as above.
                .wrappingSubtract(1, ordering: .sequentiallyConsistent)  // E4
            if isLast || left < 0 && end & 1 == 0 { return nil }
        }
    }

    /// Refuses later pushes. Returns whether this call closed the ring.
    @inlinable
    func close() -> Bool {
        // SAFETY: the owner's block is there.
        let (before, _) = unsafe tail.pointee.bitwiseOr(1, ordering: .releasing)  // E3
        if before & 1 != 0 { return false }
        unsafe end.pointee.store(before, ordering: .releasing)  // E3. SAFETY: as above.
        return true
    }

    /// Whether `close` was called.
    @inlinable
    var isClosed: Bool {
        unsafe tail.pointee.load(ordering: .acquiring) & 1 != 0  // E3. SAFETY: ours.
    }

    /// Whether the ring was closed and pops have taken all tickets from before.
    @inlinable
    @inline(__always)
    var isDrained: Bool {
        let end = unsafe end.pointee.load(ordering: .acquiring)  // E3. SAFETY: ours.
        return end & 1 == 0 && remaining(to: end) <= 0
    }

    // MARK: - Steps

    /// Puts an index into the entry of a ticket. Returns false if that cannot be.
    @inlinable
    @inline(__always)
    func place(_ index: UInt64, _ ticket: UInt64) -> Bool {
        let entry = unsafe entry(of: ticket)  // SAFETY: masked to the entries.
        let cycle = cycle(of: ticket)
        while true {  // Repeated only after another changed the entry, which it can twice a cycle.
            let found = unsafe entry.pointee.load(ordering: .acquiring)  // E2. SAFETY: as above.
            let isOlder = Int64(bitPattern: self.cycle(of: found) &- cycle) < 0
            guard isOlder, found & none == none else { return false }
            if found & safe == 0 {
                let next = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: as above.
                if Int64(bitPattern: next &- ticket) > 0 { return false }
            }
            // SAFETY: as above.
            if unsafe entry.pointee.compareExchange(
                expected: found, desired: cycle | safe | index, ordering: .releasing  // E1
            ).exchanged {
                return true
            }
        }
    }

    /// Takes the index of a ticket, or leaves its entry so that nobody will put it there.
    @inlinable
    @inline(__always)
    func take(_ ticket: UInt64) -> UInt64? {
        let entry = unsafe entry(of: ticket)  // SAFETY: masked to the entries.
        let cycle = cycle(of: ticket)
        while true {  // Repeated only after another changed the entry, which it can twice a cycle.
            let found = unsafe entry.pointee.load(ordering: .acquiring)  // E1. SAFETY: as above.
            let lead = Int64(bitPattern: self.cycle(of: found) &- cycle)
            if lead == 0 {
                assert(found & none != none, "I3: two pops with one ticket")
                unsafe entry.pointee.bitwiseOr(none, ordering: .relaxed)  // SAFETY: as above.
                return found & none
            }
            if lead > 0 { return nil }
            let isEmpty = found & none == none
            let left = isEmpty ? cycle | found & safe | none : found & ~safe
            // Also where nothing changes: a push must see that this pop was here (E2).
            // SAFETY: as above.
            if unsafe entry.pointee.compareExchange(
                expected: found, desired: left, ordering: .releasing  // E2
            ).exchanged {
                return nil
            }
        }
    }

    /// Brings tail to where head is, so that pushes need not try the tickets that pops have passed.
    /// Not needed: a single try is enough.
    @inlinable
    func catchUp(from end: UInt64, to head: UInt64) {
        // SAFETY: the owner's block is there.
        _ = unsafe tail.pointee.compareExchange(
            expected: end, desired: head, ordering: .sequentiallyConsistent)  // E4
    }

    /// Whether the ring is closed and pops have not come to its end: a push that has a ticket may
    /// still use it, until a pop with the same ticket forbids it.
    @inlinable
    var hasEndToReach: Bool {
        let end = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        return end & 1 != 0 && remaining(to: end) > 0
    }

    /// How many tickets of a tail the pops have not taken yet.
    @inlinable
    func remaining(to end: UInt64) -> Int64 {
        let first = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        return Int64(bitPattern: (end & ~1) &- first) &>> 1
    }

    // MARK: - Words

    /// The bit of an entry that is clear once a pop has gone past an older index.
    @inlinable
    @inline(__always)
    var safe: UInt64 { none &+ 1 }

    /// The cycle of a ticket, or of an entry.
    @inlinable
    @inline(__always)
    func cycle(of word: UInt64) -> UInt64 { word & ~(none &<< 1 | 1) }

    @inlinable
    @inline(__always)
    @unsafe
    func entry(of ticket: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let position = ticket &>> 1 & none
        let turned = (position &<< turn | position &>> counterTurn) & none
        return unsafe entries + Int(truncatingIfNeeded: turned)  // SAFETY: masked to the entries.
    }

    /// Where the parts of a ring lie in a block.
    struct Offsets {
        var head: Int
        var tail: Int
        var threshold: Int
        var entries: Int
    }

    static func append(to layout: inout BlockLayout, indexCount: Int) -> Offsets {
        Offsets(
            head: layout.appendPadded(Atomic<UInt64>.self),
            tail: layout.appendPadded(Atomic<UInt64>.self, count: 2),
            threshold: layout.appendPadded(Atomic<Int64>.self),
            entries: layout.appendPadded(Atomic<UInt64>.self, count: 2 * indexCount))
    }
}
