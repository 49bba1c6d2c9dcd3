// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A first-in first-out queue from one producer to one consumer that grows by segments, and uses
/// them again.
///
/// | Guarantee | `tryPush` / `tryPop` / `fill` / `drain`                                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | wait-free but for the allocation of a segment, whatever the other side does      |
/// | Order     | FIFO; nil may miss what the producer has just done                               |
/// | Cost      | O(1): one load and one store of the own word; no compare-exchange; a segment is  |
/// |           | allocated only if none is there that the consumer has left                       |
/// | Memory    | as many segments as were needed at one time, at most `segmentCountMax`; they are |
/// |           | given back by `trim()` and at the end                                            |
/// | Threads   | one producer and one consumer at a time; a role may pass to another thread if    |
/// |           | something orders the two                                                         |
///
/// In the steady state nothing is allocated: what the consumer has emptied, the producer fills
/// again. A producer that is faster than its consumer for long uses up memory: give
/// `segmentCountMax`, at which pushes are refused.
///
/// The producer ends with `close()`: what was pushed stays to be taken, then `isDrained` is true.
/// The consumer ends with `abandon()`: the producer's next push is refused. One that is in flight
/// at that moment may still be accepted; its element is destroyed with the queue.
///
/// What happened before a call, by some edge, is always seen. Whoever sleeps on a nil must announce
/// that and look again, as an `EventCount` does.
///
/// Not where the number of elements has a bound that is known: `BoundedSPSCQueue` says "full" and
/// lies in memory of the caller's. Not for more than one thread on a side, which nothing here
/// notices: that is `IntrusiveMPSCQueue`, or `BoundedMPMCQueue`.
///
/// Source: a list of rings is D. Vyukov's "Unbounded SPSC Queue", 2010, https://www.1024cores.net,
/// whose producer takes back the nodes behind the consumer, with segments for nodes. Ours tells
/// them by the consumer's ticket alone, so that the two sides share two words.
///
/// ```swift
/// let queue = UnboundedSPSCQueue<Int>()
/// if let refused = queue.tryPush(1) { print("closed, abandoned, or at its limit:", refused) }
/// while let element = queue.tryPop() { print(element) }
/// ```
@frozen
@safe
public struct UnboundedSPSCQueue<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout: a ticket is a position times two; it wraps at 2^64, which a segment's size divides.
    //   line 0   tail          ticket of the next push; bit 0 is set once the queue is closed
    //            last          the producer's: the segment that it fills
    //            lastEnd       the producer's: the ticket behind it; that of tail once the queue is
    //                          closed
    //            oldest        the producer's: the first of the list
    //            oldestEnd     the producer's: the ticket behind it
    //            knownHead     the producer's: a value that head had
    //            segmentCount  the producer's: how many there are
    //            abandoned     not zero once the consumer has gone
    //   line 1   head          ticket of the next pop
    //            first         the consumer's: the segment that it empties
    //            firstEnd      the consumer's: the ticket behind it
    //            knownTail     the consumer's: a value that tail had
    //
    //   oldest ─► … ─► first ─► … ─► last      a segment: its block, next, elements
    //   └ emptied ┘    └ in use         ┘
    //
    // Invariants: I1  knownHead ≤ head ≤ knownTail ≤ tail, apart from bit 0
    //             I2  slots in head ..< tail are full and the consumer's, the others empty and the
    //                 producer's
    //             I3  tail does not move once its bit 0 is set
    //             I4  the consumer does not touch a segment whose end is less than head: it has
    //                 taken an element of the next one, and so had read the link before
    //
    // Edges: E1  publish  store of tail → consumer's load     carries elements, links, the close
    //        E2  recycle  store of head → producer's load     carries empty slots and segments
    //        E3  abandon  store of abandoned → push's load    carries what the consumer wrote
    //        A side's load of its own word is relaxed: nobody else writes it. The loads in count
    //        are relaxed: they answer a number and give nothing access.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let producer: UnsafeMutableRawPointer

    @usableFromInline
    let consumer: UnsafeMutableRawPointer

    @usableFromInline
    let mask: UInt64

    @usableFromInline
    let segmentCountMax: Int

    /// An empty queue of one segment.
    ///
    /// - Parameters:
    ///   - segmentCapacity: elements in a segment, at least one, rounded up to a power of two.
    ///   - segmentCountMax: at so many segments, pushes are refused; at least two.
    public init(segmentCapacity: Int = 256, segmentCountMax: Int = .max) {
        self.init(
            segmentCapacity: segmentCapacity, segmentCountMax: segmentCountMax, firstPosition: 0)
    }

    /// A queue whose first element has a position of the test's choice, the first of a segment.
    package init(segmentCapacity: Int, segmentCountMax: Int, firstPosition: UInt64) {
        precondition(segmentCountMax >= 2, "one segment is filled while another is emptied")
        var layout = BlockLayout()
        let producerOffset = layout.appendPadded(UInt64.self, count: 8)
        let consumerOffset = layout.appendPadded(UInt64.self, count: 4)
        let block = SharedBlock(byteCount: layout.byteCount)
        let capacity = RingCapacity.rounded(segmentCapacity, most: 1 << 30)
        let step = UInt64(capacity) &<< 1
        let ticket = firstPosition &<< 1
        precondition(ticket & (step - 1) == 0, "a segment begins at a multiple of its size")
        self.mask = UInt64(capacity - 1)
        self.segmentCountMax = segmentCountMax
        // SAFETY: the two lines lie in the block, apart from each other; nobody uses them yet.
        unsafe self.producer = block.base + producerOffset
        unsafe self.consumer = block.base + consumerOffset  // SAFETY: as above.
        self.block = block
        let segment = QueueSegment<Element>.allocate(capacity: capacity)
        unsafe tail.initialize(to: Atomic(ticket))  // SAFETY: as above.
        unsafe last.initialize(to: segment)  // SAFETY: as above.
        unsafe lastEnd.initialize(to: ticket &+ step)  // SAFETY: as above.
        unsafe oldest.initialize(to: segment)  // SAFETY: as above.
        unsafe oldestEnd.initialize(to: ticket &+ step)  // SAFETY: as above.
        unsafe knownHead.initialize(to: ticket)  // SAFETY: as above.
        unsafe segmentCount.initialize(to: 1)  // SAFETY: as above.
        unsafe abandoned.initialize(to: Atomic(false))  // SAFETY: as above.
        unsafe head.initialize(to: Atomic(ticket))  // SAFETY: as above.
        unsafe first.initialize(to: segment)  // SAFETY: as above.
        unsafe firstEnd.initialize(to: ticket &+ step)  // SAFETY: as above.
        unsafe knownTail.initialize(to: ticket)  // SAFETY: as above.
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the queue.
        while let element = tryPop() { _ = consume element }  // Ends: nobody pushes.
        var segment = unsafe oldest.load()  // SAFETY: ours.
        let end = unsafe last.load()  // SAFETY: ours.
        while unsafe segment.base != end.base {  // As many turns as there are segments.
            let next = unsafe segment.next.move()  // SAFETY: linked, since it is not the last.
            unsafe segment.deallocate()  // SAFETY: empty, and nobody's any more.
            segment = next
        }
        unsafe segment.deallocate()  // SAFETY: as above.
    }
}

// MARK: - Facts

extension UnboundedSPSCQueue where Element: ~Copyable {
    /// How many elements are queued, for any thread: exact when nobody is inside, else a recent
    /// value, at least zero.
    @inlinable
    public var count: Int {
        let first = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        let last = unsafe tail.pointee.load(ordering: .relaxed) & ~1  // SAFETY: ours.
        return max(Int(truncatingIfNeeded: Int64(bitPattern: last &- first) &>> 1), 0)
    }

    /// Whether nothing is queued, as `count` says.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// How many elements a segment holds: what was asked for, rounded up to a power of two.
    @inlinable
    public var segmentCapacity: Int { Int(truncatingIfNeeded: mask) &+ 1 }

    /// How many segments there are, those that wait to be used again among them. The producer's.
    @inlinable
    public var allocatedSegmentCount: Int {
        unsafe segmentCount.load()  // SAFETY: the producer's.
    }

    /// Whether the producer has called `close()`. Any thread.
    @inlinable
    public var isClosed: Bool {
        // SAFETY: ours.
        unsafe tail.pointee.load(ordering: .acquiring) & 1 != 0  // E1
    }

    /// Whether the consumer has called `abandon()`. Any thread.
    @inlinable
    public var isAbandoned: Bool {
        // SAFETY: ours.
        unsafe abandoned.pointee.load(ordering: .acquiring)  // E3
    }

    /// Whether the queue is closed and empty, so that nothing will come any more. The consumer's.
    @inlinable
    public var isDrained: Bool {
        // SAFETY: ours.
        let last = unsafe tail.pointee.load(ordering: .acquiring)  // E1
        let first = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        return last & 1 != 0 && first == last & ~1
    }
}

// MARK: - The producer's operations

extension UnboundedSPSCQueue where Element: ~Copyable {
    /// Puts an element behind the others. Returns nil if it was accepted, or the element if the
    /// queue is closed or abandoned, or has `segmentCountMax` segments and no room in them. The
    /// producer's.
    @inlinable
    @inline(__always)
    public func tryPush(_ element: consuming sending Element) -> sending Element? {
        let ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        guard mayPush(at: ticket) else { return element }
        // SAFETY: the slot is empty and the producer's until E1 (I2).
        unsafe last.load().cell(at: index(of: ticket)).initialize(to: element)
        // SAFETY: ours.
        unsafe tail.pointee.store(ticket &+ 2, ordering: .releasing)  // E1
        return nil
    }

    /// Asks for `countMax` elements and publishes them with one store; for fewer if the queue comes
    /// to its limit, none if it is closed or abandoned. Returns how many. The producer's; `next`
    /// must not use the producer's side.
    @inlinable
    @discardableResult
    public func fill(max countMax: Int, _ next: () -> sending Element) -> Int {
        precondition(countMax > 0, "a fill puts at least one element")
        let ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        var end = ticket
        var count = 0
        while count < countMax, mayPush(at: end) {
            // SAFETY: the slot is empty and the producer's until E1 (I2).
            unsafe last.load().cell(at: index(of: end)).initialize(to: next())
            end &+= 2
            count &+= 1
        }
        // SAFETY: ours.
        if count > 0 { unsafe tail.pointee.store(end, ordering: .releasing) }  // E1
        return count
    }

    /// Nothing more will be pushed: later pushes are refused, what is queued stays to be taken.
    /// Returns whether this call closed it. The producer's.
    @inlinable
    @discardableResult
    public func close() -> Bool {
        let ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        guard ticket & 1 == 0 else { return false }
        unsafe lastEnd.store(ticket | 1)  // SAFETY: the producer's.
        // SAFETY: ours.
        unsafe tail.pointee.store(ticket | 1, ordering: .releasing)  // E1
        return true
    }

    /// Gives the segments back that the consumer has left. Returns how many. The producer's.
    ///
    /// - Complexity: O(n) in that number.
    @discardableResult
    public func trim() -> Int {
        var count = 0
        while let segment = takeOldest() {
            unsafe segment.deallocate()  // SAFETY: emptied, and left by the consumer (I4).
            unsafe segmentCount.store(segmentCount.load() &- 1)  // SAFETY: the producer's.
            count += 1
        }
        return count
    }

    /// Whether an element may go to a ticket's slot. Where a segment ends, it puts the next there.
    /// One comparison says that the segment has not ended, and that the queue is not closed.
    @inlinable
    @inline(__always)
    func mayPush(at ticket: UInt64) -> Bool {
        if isAbandoned { return false }
        return unsafe ticket != lastEnd.load() || addSegment()  // SAFETY: the producer's.
    }

    /// Links a segment behind the last: the oldest, if the consumer has left it, or a new one. Says
    /// false at the limit, and if the queue is closed.
    @usableFromInline
    func addSegment() -> Bool {
        if unsafe lastEnd.load() & 1 != 0 { return false }  // SAFETY: the producer's.
        var segment = takeOldest()
        // SAFETY: the producer's.
        if segment == nil, unsafe segmentCount.load() < segmentCountMax {
            segment = .allocate(capacity: segmentCapacity)
            unsafe segmentCount.store(segmentCount.load() &+ 1)  // SAFETY: as above.
        }
        guard let segment else { return false }
        unsafe last.load().next.initialize(to: segment)  // SAFETY: the last one is not linked.
        unsafe last.store(segment)  // SAFETY: the producer's.
        unsafe lastEnd.store(lastEnd.load() &+ segmentStep)  // SAFETY: as above.
        return true
    }

    /// Takes the oldest segment off the list if the consumer has left it.
    func takeOldest() -> QueueSegment<Element>? {
        let end = unsafe oldestEnd.load()  // SAFETY: the producer's.
        if Int64(bitPattern: unsafe knownHead.load() &- end) <= 0 {  // SAFETY: as above.
            // SAFETY: ours.
            let now = unsafe head.pointee.load(ordering: .acquiring)  // E2
            unsafe knownHead.store(now)  // SAFETY: the producer's.
            if Int64(bitPattern: now &- end) <= 0 { return nil }
        }
        let segment = unsafe oldest.load()  // SAFETY: the producer's.
        unsafe oldest.store(segment.next.move())  // SAFETY: linked, as the consumer is behind it.
        unsafe oldestEnd.store(end &+ segmentStep)  // SAFETY: the producer's.
        return segment
    }
}

// MARK: - The consumer's operations

extension UnboundedSPSCQueue where Element: ~Copyable {
    /// Takes the oldest element, or nil if the queue is empty. The consumer's.
    @inlinable
    @inline(__always)
    public func tryPop() -> sending Element? {
        let ticket = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        guard hasSupply(at: ticket) else { return nil }
        let element = unsafe takeOut(ticket)  // SAFETY: the slot is full (I2).
        // SAFETY: ours.
        unsafe head.pointee.store(ticket &+ 2, ordering: .releasing)  // E2
        return element
    }

    /// Takes up to `countMax` of the oldest elements and hands them to `body` in order; their slots
    /// are given back together, with one store. Returns how many. The consumer's; `body` must not
    /// use the consumer's side.
    @inlinable
    @discardableResult
    public func drain(max countMax: Int, _ body: (consuming sending Element) -> Void) -> Int {
        precondition(countMax > 0, "a drain takes at least one element")
        let ticket = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        let count = min(countMax, supply(from: ticket, wanted: countMax))
        guard count > 0 else { return 0 }
        var end = ticket
        for _ in 0..<count {
            body(unsafe takeOut(end))  // SAFETY: the slot is full (I2).
            end &+= 2
        }
        // SAFETY: ours.
        unsafe head.pointee.store(end, ordering: .releasing)  // E2
        return count
    }

    /// Nothing more will be taken: later pushes are refused. The consumer's.
    @inlinable
    public func abandon() {
        // SAFETY: ours.
        unsafe abandoned.pointee.store(true, ordering: .releasing)  // E3
    }

    /// How many slots from a ticket on are full. If there are fewer than wanted, it looks where the
    /// producer is.
    @inlinable
    @inline(__always)
    func supply(from ticket: UInt64, wanted: Int) -> Int {
        let supply = unsafe knownTail.load() &- ticket  // SAFETY: the consumer's.
        if Int(truncatingIfNeeded: supply &>> 1) >= wanted {
            return Int(truncatingIfNeeded: supply &>> 1)
        }
        return Int(truncatingIfNeeded: (findTail() &- ticket) &>> 1)
    }

    /// Whether the slot of a ticket is full.
    @inlinable
    @inline(__always)
    func hasSupply(at ticket: UInt64) -> Bool {
        // SAFETY: the consumer's.
        unsafe knownTail.load() != ticket || findTail() != ticket
    }

    /// Looks where the producer is.
    @inlinable
    @inline(__always)
    func findTail() -> UInt64 {
        // SAFETY: ours.
        let now = unsafe tail.pointee.load(ordering: .acquiring) & ~1  // E1
        unsafe knownTail.store(now)  // SAFETY: the consumer's.
        return now
    }
}
