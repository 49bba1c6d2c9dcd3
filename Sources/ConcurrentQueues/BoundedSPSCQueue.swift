// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed-capacity first-in first-out queue from one producer to one consumer.
///
/// | Guarantee | `tryPush` / `tryPop` / `fill` / `drain`                                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | wait-free: a bounded number of steps, whatever the other side does               |
/// | Order     | FIFO; nil and a refusal may miss what the other side has just done               |
/// | Cost      | O(1): one load and one store of the own word; the other side's word is read only |
/// |           | when the queue looks full (or empty); no allocation, no compare-exchange         |
/// | Memory    | `capacity` elements and two cache lines, allocated in `init`                     |
/// | Threads   | one producer and one consumer at a time; a role may pass to another thread if    |
/// |           | something orders the two                                                         |
///
/// The producer ends with `close()`: what was pushed stays to be taken, then `isDrained` is true.
/// The consumer ends with `abandon()`: the producer's next push is refused. One that is in flight
/// at that moment may still be accepted; its element is destroyed with the queue.
///
/// It is not a strictly linearizable queue: with two places, one and the same moment may look empty
/// to the consumer and full to the producer, because each has written its own index and not yet
/// seen the other's. What happened before a call, by some edge, is always seen. Whoever sleeps on
/// a nil must announce that and look again, as an `EventCount` does.
///
/// Not for more than one thread on a side, which nothing here notices: that is
/// `BoundedMPMCQueue`.
///
/// Source: L. Lamport, "Specifying Concurrent Program Modules", 1983, for the ring; J. Giacomoni,
/// T. Moseley, M. Vachharajani, "FastForward for Efficient Pipeline Parallelism", 2008, on why the
/// other side's index is to be read seldom. Ours remembers that index beside the own one.
///
/// ```swift
/// let queue = BoundedSPSCQueue<Int>(capacity: 64)
/// if let refused = queue.tryPush(1) { print("full:", refused) }
/// while let element = queue.tryPop() { print(element) }
/// ```
@frozen
@safe
public struct BoundedSPSCQueue<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout: a ticket is a position times two; it wraps at 2^64, which every capacity divides.
    //   line 0   tail        ticket of the next push; bit 0 is set once the queue is closed
    //            limit       the producer's: where it has to look at head again, which is a lap
    //                        behind a value that head had; the same as tail once it is closed
    //            abandoned   not zero once the consumer has gone
    //   line 1   head        ticket of the next pop
    //            knownTail   the consumer's: a value that tail had
    //   from 2   elements
    //
    // Invariants: I1  head ≤ knownTail ≤ tail ≤ limit ≤ head + 2 * capacity, apart from bit 0
    //             I2  slots in head ..< tail are full and the consumer's, the others empty and the
    //                 producer's
    //             I3  tail does not move once its bit 0 is set
    //
    // Edges: E1  publish  store of tail → consumer's load     carries the elements, and the close
    //        E2  recycle  store of head → producer's load     carries the empty slots
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
    let elements: UnsafeMutablePointer<Element>

    @usableFromInline
    let mask: UInt64

    /// A queue for `capacity` elements, at least one, rounded up to a power of two.
    public init(capacity: Int) {
        self.init(capacity: capacity, firstPosition: 0)
    }

    /// A queue in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the queue.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(block: block, capacity: capacity, firstPosition: 0)
    }

    /// A queue whose first element has a position of the test's choice.
    package init(capacity: Int, firstPosition: UInt64) {
        let block = SharedBlock(byteCount: Self.storageByteCount(capacity: capacity))
        self.init(block: block, capacity: capacity, firstPosition: firstPosition)
    }

    private init(block: consuming SharedBlock, capacity: Int, firstPosition: UInt64) {
        let layout = Self.layout(capacity: capacity)
        let first = firstPosition &<< 1
        self.mask = UInt64(RingCapacity.rounded(capacity) - 1)
        // SAFETY: the three parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.producer = block.base + layout.producer
        unsafe self.consumer = block.base + layout.consumer
        unsafe self.elements = block.pointer(at: layout.elements, to: Element.self)
        self.block = block
        unsafe tail.initialize(to: Atomic(first))  // SAFETY: as above.
        unsafe head.initialize(to: Atomic(first))  // SAFETY: as above.
        unsafe limit.initialize(to: first &+ lap)  // SAFETY: as above.
        unsafe knownTail.initialize(to: first)  // SAFETY: as above.
        unsafe abandoned.initialize(to: Atomic(false))  // SAFETY: as above.
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the queue.
        let end = unsafe tail.pointee.load(ordering: .relaxed) & ~1  // SAFETY: ours.
        var ticket = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        while ticket != end {  // At most `capacity` turns (I1).
            _ = unsafe cell(of: ticket).move()  // SAFETY: full (I2), and emptied once, here.
            ticket &+= 2
        }
    }
}

// MARK: - Facts

extension BoundedSPSCQueue where Element: ~Copyable {
    /// How many elements fit: what was asked for, rounded up to a power of two.
    @inlinable
    public var capacity: Int { Int(mask) &+ 1 }

    /// How many elements are queued, for any thread: exact when nobody is inside, else a recent
    /// value between zero and `capacity`.
    @inlinable
    public var count: Int {
        let first = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        let last = unsafe tail.pointee.load(ordering: .relaxed) & ~1  // SAFETY: ours.
        let distance = Int(truncatingIfNeeded: Int64(bitPattern: last &- first) &>> 1)
        return min(max(distance, 0), capacity)
    }

    /// Whether nothing is queued, as `count` says.
    @inlinable
    public var isEmpty: Bool { count == 0 }

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

    /// How many bytes `init(storage:capacity:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        layout(capacity: capacity).byteCount
    }
}

// MARK: - The producer's operations

extension BoundedSPSCQueue where Element: ~Copyable {
    /// Puts an element behind the others. Returns nil if it was accepted, or the element if the
    /// queue is full, closed or abandoned. The producer's.
    @inlinable
    @inline(__always)
    public func tryPush(_ element: consuming sending Element) -> sending Element? {
        let ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        guard hasRoom(at: ticket) else { return element }
        // SAFETY: the slot is empty and the producer's until E1 (I2).
        unsafe cell(of: ticket).initialize(to: element)
        // SAFETY: ours.
        unsafe tail.pointee.store(ticket &+ 2, ordering: .releasing)  // E1
        return nil
    }

    /// Asks for as many elements as there is room for, at most `countMax`, and publishes them with
    /// one store. Returns how many. The producer's; `next` must not use the producer's side.
    @inlinable
    @discardableResult
    public func fill(max countMax: Int, _ next: () -> sending Element) -> Int {
        precondition(countMax > 0, "a fill puts at least one element")
        let ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        let count = min(countMax, room(behind: ticket, wanted: countMax))
        guard count > 0 else { return 0 }
        var end = ticket
        for _ in 0..<count {
            // SAFETY: the slot is empty and the producer's until E1 (I2).
            unsafe cell(of: end).initialize(to: next())
            end &+= 2
        }
        // SAFETY: ours.
        unsafe tail.pointee.store(end, ordering: .releasing)  // E1
        return count
    }

    /// Nothing more will be pushed: later pushes are refused, what is queued stays to be taken.
    /// Returns whether this call closed it. The producer's.
    @inlinable
    @discardableResult
    public func close() -> Bool {
        let ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        guard ticket & 1 == 0 else { return false }
        unsafe limit.store(ticket | 1)  // SAFETY: the producer's.
        // SAFETY: ours.
        unsafe tail.pointee.store(ticket | 1, ordering: .releasing)  // E1
        return true
    }

    /// Whether the slot of a ticket is empty and the queue takes something. One comparison says
    /// that it is neither full, as far as the producer knows, nor closed.
    @inlinable
    @inline(__always)
    func hasRoom(at ticket: UInt64) -> Bool {
        // SAFETY: the producer's.
        if unsafe limit.load() == ticket, findRoom(behind: ticket) == 0 { return false }
        return !isAbandoned
    }

    /// How many slots behind a ticket are empty, zero if the queue takes nothing more. If there are
    /// fewer than wanted, it looks where the consumer is.
    @inlinable
    @inline(__always)
    func room(behind ticket: UInt64, wanted: Int) -> Int {
        if isAbandoned { return 0 }
        let room = unsafe limit.load() &- ticket  // SAFETY: the producer's.
        if Int(truncatingIfNeeded: room &>> 1) >= wanted {
            return Int(truncatingIfNeeded: room &>> 1)
        }
        return findRoom(behind: ticket)
    }

    /// Looks where the consumer is: how many slots behind a ticket are empty, zero if the queue is
    /// closed.
    @inlinable
    func findRoom(behind ticket: UInt64) -> Int {
        if ticket & 1 != 0 { return 0 }
        // SAFETY: ours.
        let end = unsafe head.pointee.load(ordering: .acquiring) &+ lap  // E2
        unsafe limit.store(end)  // SAFETY: the producer's.
        return Int(truncatingIfNeeded: (end &- ticket) &>> 1)
    }
}

// MARK: - The consumer's operations

extension BoundedSPSCQueue where Element: ~Copyable {
    /// Takes the oldest element, or nil if the queue is empty. The consumer's.
    @inlinable
    @inline(__always)
    public func tryPop() -> sending Element? {
        let ticket = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        guard hasSupply(at: ticket) else { return nil }
        // SAFETY: the slot is full and the consumer's until E2 (I2).
        let element = unsafe cell(of: ticket).move()
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
            body(unsafe cell(of: end).move())  // SAFETY: full, and the consumer's until E2 (I2).
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

// MARK: - Inside

extension BoundedSPSCQueue where Element: ~Copyable {
    @inlinable
    @inline(__always)
    var tail: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe producer.assumingMemoryBound(to: Atomic<UInt64>.self)  // SAFETY: as laid out above.
    }

    @inlinable
    @inline(__always)
    var head: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe consumer.assumingMemoryBound(to: Atomic<UInt64>.self)  // SAFETY: as above.
    }

    @inlinable
    @inline(__always)
    var limit: SharedCell<UInt64> {
        // SAFETY: as above.
        unsafe SharedCell((producer + 8).assumingMemoryBound(to: UInt64.self))
    }

    @inlinable
    @inline(__always)
    var knownTail: SharedCell<UInt64> {
        // SAFETY: as above.
        unsafe SharedCell((consumer + 8).assumingMemoryBound(to: UInt64.self))
    }

    @inlinable
    @inline(__always)
    var abandoned: UnsafeMutablePointer<Atomic<Bool>> {
        // SAFETY: as above.
        unsafe (producer + 16).assumingMemoryBound(to: Atomic<Bool>.self)
    }

    /// How far tickets are apart that share a slot.
    @inlinable
    @inline(__always)
    var lap: UInt64 { (mask &+ 1) &<< 1 }

    @inlinable
    @inline(__always)
    @unsafe
    func cell(of ticket: UInt64) -> SharedCell<Element> {
        // SAFETY: the mask keeps the index below `capacity`.
        unsafe SharedCell(elements + Int(truncatingIfNeeded: ticket &>> 1 & mask))
    }

    static func layout(
        capacity: Int
    ) -> (producer: Int, consumer: Int, elements: Int, byteCount: Int) {
        var layout = BlockLayout()
        let producer = layout.appendPadded(UInt64.self, count: 3)
        let consumer = layout.appendPadded(UInt64.self, count: 2)
        let elements = layout.appendElements(Element.self, count: RingCapacity.rounded(capacity))
        return (producer, consumer, elements, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside.
        public func checkInvariants() {
            let ticket = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
            let last = ticket & ~1
            let first = unsafe head.pointee.load(ordering: .relaxed)  // SAFETY: ours.
            let end = unsafe limit.load()  // SAFETY: nobody is inside.
            let knownLast = unsafe knownTail.load()  // SAFETY: as above.
            precondition(first & 1 == 0, "I1: the head carries no flag")
            precondition(last &- first <= lap, "I1: the tail leads by a lap")
            precondition(ticket == last || end == ticket, "I1: a closed queue has room")
            precondition(end &- ticket <= first &+ lap &- ticket, "I1: the limit is too far")
            precondition(knownLast &- first <= last &- first, "I1: the known tail is in between")
        }
    #endif
}
