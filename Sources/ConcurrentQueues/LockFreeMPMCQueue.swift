// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed-capacity first-in first-out queue for any number of producers and consumers in which no
/// stalled thread can hold up the others.
///
/// | Guarantee | `tryPush` / `tryPop`                                                             |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | lock-free: alone, each ends in a bounded number of steps, wherever the others    |
/// |           | have stopped, and among others somebody ends                                     |
/// | Stalled   | a peer that stalls inside keeps one slot at most: the others use the rest        |
/// | peer      |                                                                                  |
/// | Order     | linearizable FIFO; nil means empty. A refusal means that `capacity` elements     |
/// |           | and operations under way, together, are there                                    |
/// | Cost      | six to seven read-modify-writes for a push and a pop; no allocation              |
/// | Memory    | `capacity` elements and four words for each, allocated in `init`                 |
/// | Threads   | any number on either side, at most `threadCountMax` inside at one time           |
///
/// The name is its progress, which sets it apart; bounded it is like all queues here that are not
/// called otherwise. Of a `BoundedMPMCQueue` a peer that is preempted between its claim and its
/// store hides all that was pushed behind it; here it hides its own element. That costs four times
/// as much when nobody is in the way. So it is for threads that stop at any moment: of different
/// priorities, in a signal handler, or more of them than processors and delays that matter.
///
/// Not for mere speed: `BoundedMPMCQueue` is faster, and with few threads each on a processor its
/// weakness does not show; it takes batches, too. Not for one thread on each side, where
/// `BoundedSPSCQueue` is wait-free at a tenth of the cost.
///
/// Lock-free within limits: tickets are 63 bits wide. A thread that sleeps inside an operation
/// while exactly 2^63 others end could take an old entry for a new one. More threads inside than
/// `threadCountMax` could be told "empty" or "full" although it is not.
///
/// `close()` falls between two pushes: one that has its place is accepted, and its element stays
/// to be taken (it may appear shortly after `close` has returned); every other gets its element
/// back. Ask for `isDrained` behind a nil, not before: the pop that finds nothing in a closed queue
/// is what ends it for pushes that were under way.
///
/// Source: R. Nikolaev, "A Scalable, Portable, and Memory-Efficient Lock-Free FIFO Queue", DISC
/// 2019 (SCQ). Ours adds noncopyable elements, `close`, and a threshold for any number of threads,
/// where the article has no more threads than slots; its catching up is one try.
///
/// ```swift
/// let queue = LockFreeMPMCQueue<Int>(capacity: 64)
/// if let refused = queue.tryPush(1) { print("full or closed:", refused) }
/// while let element = queue.tryPop() { print(element) }
/// ```
@frozen
@safe
public struct LockFreeMPMCQueue<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout: two rings of indices, and the elements' cells
    //   free      the indices of empty cells        push takes one here, pop gives it back
    //   full      the indices of full cells         push puts it here, pop takes one
    //   elements  by index
    //
    // Invariants: I1  an index is in one of the rings, or held by one thread inside
    //             I2  the cell of an index in `free` is empty, of one in `full` is full
    //
    // The edges are the rings' (`IndexRing`): whoever takes an index owns its cell until it puts
    // the index into a ring.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let free: IndexRing

    @usableFromInline
    let full: IndexRing

    @usableFromInline
    let elements: UnsafeMutablePointer<Element>

    /// A queue of `capacity` slots, rounded up to a power of two.
    ///
    /// - Parameters:
    ///   - capacity: at least one.
    ///   - threadCountMax: how many threads may be inside at one time. A pop of an empty queue is
    ///     cheap only after about so many, and twice the capacity, found nothing since the last
    ///     push.
    public init(capacity: Int, threadCountMax: Int = 256) {
        self.init(capacity: capacity, threadCountMax: threadCountMax, firstPosition: 0)
    }

    /// A queue in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the queue.
    ///
    /// - Parameters:
    ///   - storage: need not be zeroed.
    ///   - capacity: as above.
    ///   - threadCountMax: as above.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, capacity: Int, threadCountMax: Int = 256
    ) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(
            block: block, capacity: capacity, threadCountMax: threadCountMax, firstPosition: 0)
    }

    /// A queue whose rings begin at a position of the test's choice.
    package init(capacity: Int, threadCountMax: Int, firstPosition: UInt64) {
        let block = SharedBlock(byteCount: Self.storageByteCount(capacity: capacity))
        self.init(
            block: block, capacity: capacity, threadCountMax: threadCountMax,
            firstPosition: firstPosition)
    }

    private init(
        block: consuming SharedBlock, capacity: Int, threadCountMax: Int, firstPosition: UInt64
    ) {
        precondition(threadCountMax > 0, "a queue is used by at least one thread")
        let layout = Self.layout(capacity: capacity)
        let count = Self.roundedCapacity(capacity)
        // SAFETY: the parts lie in the block, which lives as long as the queue; nobody uses them.
        unsafe self.free = IndexRing(
            in: block, at: layout.free, indexCount: count, threadCountMax: threadCountMax,
            isFull: true, firstPosition: firstPosition)
        // SAFETY: as above.
        unsafe self.full = IndexRing(
            in: block, at: layout.full, indexCount: count, threadCountMax: threadCountMax,
            isFull: false, firstPosition: firstPosition)
        // SAFETY: as above.
        unsafe self.elements = block.pointer(at: layout.elements, to: Element.self)
        self.block = block
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the queue.
        for place in 0...Int(truncatingIfNeeded: full.none) {
            // SAFETY: masked to the entries.
            let index = unsafe full.entries[place].load(ordering: .relaxed) & full.none
            if index == full.none { continue }
            _ = unsafe cell(of: index).move()  // SAFETY: full (I2), and emptied once, here.
        }
    }
}

// MARK: - Facts

extension LockFreeMPMCQueue where Element: ~Copyable {
    /// How many elements fit: what was asked for, rounded up to a power of two.
    @inlinable
    public var capacity: Int { Int(truncatingIfNeeded: (full.none &+ 1) &>> 1) }

    /// About how many elements are queued, between zero and `capacity`. It counts tickets: one that
    /// a push could not use counts until a pop has gone past it. Zero is exact, as `isEmpty` says.
    @inlinable
    public var estimatedCount: Int {
        let end = unsafe full.tail.pointee.load(ordering: .relaxed)  // SAFETY: ours.
        return min(max(Int(truncatingIfNeeded: full.remaining(to: end)), 0), capacity)
    }

    /// Whether every push that happened before this call has been claimed by a pop.
    @inlinable
    public var isEmpty: Bool { estimatedCount == 0 }

    /// Whether `close()` has been called.
    @inlinable
    public var isClosed: Bool { full.isClosed }

    /// Whether `close()` has been done and every accepted element has been claimed by a pop, and so
    /// nothing will come any more. It is true at the latest behind the next `tryPop` that finds
    /// nothing.
    @inlinable
    public var isDrained: Bool { full.isDrained }

    /// How many bytes `init(storage:capacity:threadCountMax:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        layout(capacity: capacity).byteCount
    }
}

// MARK: - Operations

extension LockFreeMPMCQueue where Element: ~Copyable {
    /// Puts an element behind the others. Returns nil if it was accepted, or the element if the
    /// queue is full or closed.
    @inlinable
    @inline(__always)
    public func tryPush(_ element: consuming sending Element) -> sending Element? {
        // A closed queue refuses below, too: this saves what has to be undone there.
        if unsafe full.tail.pointee.load(ordering: .relaxed) & 1 != 0 {  // SAFETY: ours.
            return element
        }
        guard let index = free.pop() else { return element }
        unsafe cell(of: index).initialize(to: element)  // SAFETY: empty and ours (I1, I2).
        if full.push(index) { return nil }
        let refused = unsafe cell(of: index).move()  // SAFETY: full, and still ours.
        giveBack(index)
        return refused
    }

    /// Takes the oldest element, or nil if there is none.
    @inlinable
    @inline(__always)
    public func tryPop() -> sending Element? {
        guard let index = full.pop() else { return nil }
        let element = unsafe cell(of: index).move()  // SAFETY: full and ours (I1, I2).
        giveBack(index)
        return element
    }

    /// Refuses later pushes. What is queued stays to be taken. Returns whether this call closed it.
    @inlinable
    @discardableResult
    public func close() -> Bool { full.close() }
}

// MARK: - Inside

extension LockFreeMPMCQueue where Element: ~Copyable {
    @inlinable
    @inline(__always)
    func giveBack(_ index: UInt64) {
        let isThere = free.push(index)
        assert(isThere, "the ring of free indices is never closed")
    }

    @inlinable
    @inline(__always)
    @unsafe
    func cell(of index: UInt64) -> SharedCell<Element> {
        assert(index <= full.none &>> 1)
        // SAFETY: indices are below the capacity.
        return unsafe SharedCell(elements + Int(truncatingIfNeeded: index))
    }

    static func roundedCapacity(_ capacity: Int) -> Int {
        RingCapacity.rounded(capacity, most: 1 << 30)
    }

    static func layout(
        capacity: Int
    ) -> (free: IndexRing.Offsets, full: IndexRing.Offsets, elements: Int, byteCount: Int) {
        let count = roundedCapacity(capacity)
        var layout = BlockLayout()
        let free = IndexRing.append(to: &layout, indexCount: count)
        let full = IndexRing.append(to: &layout, indexCount: count)
        let elements = layout.appendElements(Element.self, count: count)
        return (free, full, elements, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside.
        public func checkInvariants() {
            var isSeen = [Bool](repeating: false, count: capacity)
            for (ring, name) in [(free, "free"), (full, "full")] {
                let held = ring.heldIndices()
                let left = unsafe ring.threshold.pointee.load(ordering: .relaxed)  // SAFETY: ours.
                precondition(held.isEmpty || left >= 0, "\(name) says that it is empty")
                for index in held {
                    precondition(!isSeen[index], "I1: an index is there twice")
                    isSeen[index] = true
                }
            }
            precondition(isSeen.allSatisfy { $0 }, "I1: an index is lost")
        }
    #endif
}

#if Checks || DEBUG
    extension IndexRing {
        /// What is in the ring, in no order, while nobody is inside.
        func heldIndices() -> [Int] {
            var held: [Int] = []
            for place in 0...Int(none) {
                // SAFETY: masked to the entries.
                let found = unsafe entries[place].load(ordering: .relaxed) & none
                if found != none { held.append(Int(found)) }
            }
            return held
        }
    }
#endif
