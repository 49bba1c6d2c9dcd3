// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed-capacity first-in first-out ring of one owner, from which other owners steal half of
/// what is there into rings of their own: the run queue of a worker.
///
/// | Guarantee | `tryPush`, `tryPop`, `drain` (owner)     | `trySteal(into:)` (another owner)   |
/// |-----------|------------------------------------------|-------------------------------------|
/// | Progress  | push: wait-free; the others: lock-free,  | never waits; begins again only      |
/// |           | begin again only after a thief's step    | after somebody took something       |
/// | Stalled   | a thief stalled in mid-steal keeps its   | a thief stalled in mid-steal makes  |
/// | peer      | slots: the ring looks full earlier       | the ring look empty to the others   |
/// | Order     | first in, first out; nil means empty     | oldest first; nil means empty, or   |
/// |           |                                          | that another steals here            |
/// | Cost      | push: two loads, one store; pop: one     | two compare-exchanges and one store |
/// |           | compare-exchange; a drain the same       | for half of the ring                |
/// | Memory    | `capacity` elements and two cache lines, allocated in `init`                   |
/// | Threads   | one at a time; the role may pass to      | any; it is the owner of the ring    |
/// |           | another if something orders the two      | into which it steals                |
///
/// A full ring hands the element back. Its owner may then make room for more than one at once:
/// `drain(max:)` takes the oldest half out, for a queue that all share.
///
/// Not for a last-in first-out order, which keeps a divided task's parts together in the cache
/// (use `WorkStealingDeque`), nor for several producers (use `BoundedMPMCQueue`).
///
/// Positions have 32 bits: a thief that stalls just before its claim while exactly a multiple of
/// 2^32 elements pass would claim wrongly.
///
/// Source: the run queues of Go's and tokio's schedulers (`runtime/proc.go`,
/// `multi_thread/queue.rs`); the pair of heads is tokio's. Ours takes noncopyable elements and
/// rings of different capacities, and leaves what to do with an overflow to the caller.
///
/// ```swift
/// if let refused = own.tryPush(1) { print("full:", refused) }
/// let next = own.tryPop() ?? other.trySteal(into: own)
/// ```
@frozen
@safe
public struct StealingRing<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout: positions have 32 bits and wrap; every capacity divides 2^32.
    //   line 0   heads     low half: head, position of the next pop or claim
    //                      high half: freed, up to which slots are empty; it differs from head
    //                      while a thief moves elements out
    //   line 1   tail      position of the next push; the owner's
    //   from 2   elements
    //
    // Invariants: I1  freed ≤ head ≤ tail ≤ freed + capacity
    //             I2  slots in head ..< tail are full, those in freed ..< head are a thief's or
    //                 emptied, the others are empty and the owner's
    //             I3  at most one thief is between its claim, which finds freed == head, and its
    //                 end, which makes them equal again
    //
    // Edges: E1  publish  store of tail → thief's load of tail    carries the elements
    //        E2  recycle  thief's end on heads → push's load      carries the empty slots
    //        E3  bound    owner's claim, thief's end on heads     carries that tail is not behind
    //                     → thief's load of heads                 head
    //        The owner's load of tail is relaxed: nobody else writes it. Its loads of heads in pop
    //        and drain are relaxed: it takes what it wrote itself, and the compare-exchange says
    //        whether no thief has it. A thief's claim is relaxed: it publishes nothing, and who
    //        sees it takes nothing. The loads in count answer a number.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let heads: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let tail: UnsafeMutablePointer<Atomic<UInt32>>

    @usableFromInline
    let elements: UnsafeMutablePointer<Element>

    @usableFromInline
    let mask: UInt32

    /// A ring for `capacity` elements, at least one, rounded up to a power of two, at most 2^30.
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
    package init(capacity: Int, firstPosition: UInt32) {
        let block = SharedBlock(byteCount: Self.storageByteCount(capacity: capacity))
        self.init(block: block, capacity: capacity, firstPosition: firstPosition)
    }

    private init(block: consuming SharedBlock, capacity: Int, firstPosition: UInt32) {
        let layout = Self.layout(capacity: capacity)
        self.mask = UInt32(Self.roundedCapacity(capacity) - 1)
        // SAFETY: the three parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.heads = block.pointer(at: layout.heads, to: Atomic<UInt64>.self)
        unsafe self.tail = block.pointer(at: layout.tail, to: Atomic<UInt32>.self)
        unsafe self.elements = block.pointer(at: layout.elements, to: Element.self)
        self.block = block
        let first = Heads(freed: firstPosition, head: firstPosition)
        unsafe heads.initialize(to: Atomic(first.bits))  // SAFETY: as above.
        unsafe tail.initialize(to: Atomic(firstPosition))  // SAFETY: as above.
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the ring.
        let end = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        // SAFETY: in our block.
        var position = Heads(bits: unsafe heads.pointee.load(ordering: .relaxed)).head
        while position != end {  // At most `capacity` turns (I1).
            _ = unsafe cell(of: position).move()  // SAFETY: full (I2), and emptied once, here.
            position &+= 1
        }
    }

    /// The two halves of the word `heads`.
    @frozen
    @usableFromInline
    struct Heads {
        @usableFromInline var freed: UInt32
        @usableFromInline var head: UInt32

        @inlinable
        init(freed: UInt32, head: UInt32) {
            self.freed = freed
            self.head = head
        }

        @inlinable
        init(bits: UInt64) {
            freed = UInt32(truncatingIfNeeded: bits &>> 32)
            head = UInt32(truncatingIfNeeded: bits)
        }

        @inlinable var bits: UInt64 { UInt64(freed) &<< 32 | UInt64(head) }

        /// After `count` more were claimed by the owner, who needs no time to leave.
        @inlinable
        func advanced(by count: UInt32) -> Heads {
            let next = head &+ count
            return Heads(freed: freed == head ? next : freed, head: next)
        }
    }
}

// MARK: - Facts

extension StealingRing where Element: ~Copyable {
    /// How many elements fit: what was asked for, rounded up to a power of two.
    @inlinable
    public var capacity: Int { Int(mask) &+ 1 }

    /// How many elements are there to be taken, for any thread: exact when nobody is inside, else a
    /// recent value between zero and `capacity`.
    @inlinable
    public var count: Int {
        // SAFETY: in our block.
        let first = Heads(bits: unsafe heads.pointee.load(ordering: .relaxed)).head
        let last = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        return min(max(Int(Int32(bitPattern: last &- first)), 0), capacity)
    }

    /// Whether nothing is there, as `count`. Only the owner can rely on true: nobody else pushes.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// How many bytes `init(storage:capacity:)` needs.
    public static func storageByteCount(capacity: Int) -> Int {
        layout(capacity: capacity).byteCount
    }
}

// MARK: - The owner's operations

extension StealingRing where Element: ~Copyable {
    /// Puts an element behind the others. Returns nil if it was accepted, or the element if there
    /// is no empty slot. The owner's.
    @inlinable
    @inline(__always)
    public func tryPush(_ element: consuming sending Element) -> sending Element? {
        let position = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        guard room(behind: position) > 0 else { return element }
        // SAFETY: the slot is empty and the owner's until E1 (I2).
        unsafe cell(of: position).initialize(to: element)
        // SAFETY: in our block.
        unsafe tail.pointee.store(position &+ 1, ordering: .releasing)  // E1
        return nil
    }

    /// Takes the oldest element, or nil if there is none. The owner's.
    @inlinable
    @inline(__always)
    public func tryPop() -> sending Element? {
        let (position, count) = claim(max: 1)
        guard count > 0 else { return nil }
        return unsafe cell(of: position).move()  // SAFETY: full, and claimed.
    }

    /// Takes up to `countMax` of the oldest elements at once, with one compare-exchange, and hands
    /// them to `body` in order. Returns how many. The owner's, whose side `body` must not use.
    @inlinable
    @discardableResult
    public func drain(max countMax: Int, _ body: (consuming sending Element) -> Void) -> Int {
        precondition(countMax > 0, "a drain takes at least one element")
        let (first, count) = claim(max: UInt32(min(countMax, capacity)))
        for step in 0..<count {
            body(unsafe cell(of: first &+ step).move())  // SAFETY: full, and claimed.
        }
        return Int(count)
    }

    /// How many slots are empty.
    @inlinable
    @inline(__always)
    func room(behind position: UInt32) -> UInt32 {
        // SAFETY: in our block.
        let freed = Heads(bits: unsafe heads.pointee.load(ordering: .acquiring)).freed  // E2
        assert(position &- freed <= mask &+ 1, "I1: the tail leads by a lap")
        return mask &+ 1 &- (position &- freed)
    }

    /// Claims up to `countMax` of the oldest elements for the owner. Their slots count as empty at
    /// once, if no thief is at work: only the owner fills slots, and it has the elements to take
    /// first.
    @inlinable
    @inline(__always)
    func claim(max countMax: UInt32) -> (first: UInt32, count: UInt32) {
        let end = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        var bits = unsafe heads.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        while true {  // Repeated only after a thief's step.
            let before = Heads(bits: bits)
            let count = min(countMax, end &- before.head)
            if count == 0 { return (before.head, 0) }
            // SAFETY: in our block.
            let (isClaimed, now) = unsafe heads.pointee.weakCompareExchange(
                expected: bits, desired: before.advanced(by: count).bits,
                successOrdering: .releasing, failureOrdering: .relaxed)  // E3
            if isClaimed { return (before.head, count) }
            bits = now
        }
    }
}

// MARK: - The thieves' operation

extension StealingRing where Element: ~Copyable {
    /// Takes the older half of what is there, rounded up and as much as fits: answers the oldest
    /// element, and puts the others into `own`, in order. Nil if there is nothing to take, or while
    /// another thief is at work here.
    ///
    /// - Parameter own: another ring, whose owner calls.
    /// - Complexity: O(n) in the number of elements that are moved.
    @inlinable
    public func trySteal(into own: borrowing StealingRing<Element>) -> sending Element? {
        // SAFETY: comparing addresses reads no memory.
        precondition(unsafe heads != own.heads, "a ring cannot steal from itself")
        let ownTail = unsafe own.tail.pointee.load(ordering: .relaxed)  // SAFETY: in its block.
        let (first, count) = claimHalf(max: own.room(behind: ownTail) &+ 1)
        guard count > 0 else { return nil }
        let oldest = unsafe cell(of: first).move()  // SAFETY: full, and claimed (I2).
        for step in 1..<max(count, 1) {
            // SAFETY: one is full and claimed, the other empty and the caller's.
            unsafe own.cell(of: ownTail &+ step &- 1).initialize(to: cell(of: first &+ step).move())
        }
        if count > 1 {
            // SAFETY: in its block.
            unsafe own.tail.pointee.store(ownTail &+ count &- 1, ordering: .releasing)  // E1
        }
        endSteal(from: first, count)
        return oldest
    }

    /// Claims half of what is there for a thief, at most `countMax`; none while another is at work.
    @inlinable
    func claimHalf(max countMax: UInt32) -> (first: UInt32, count: UInt32) {
        var backoff = Backoff()
        while true {  // Repeated only after somebody moved the heads.
            // SAFETY: in our block.
            let bits = unsafe heads.pointee.load(ordering: .acquiring)  // E3
            // SAFETY: in our block.
            let end = unsafe tail.pointee.load(ordering: .acquiring)  // E1
            let before = Heads(bits: bits)
            if before.freed != before.head { return (before.head, 0) }
            let there = end &- before.head
            let count = min(countMax, there &- there / 2)
            if count == 0 { return (before.head, 0) }
            let claimed = Heads(freed: before.freed, head: before.head &+ count)
            // SAFETY: in our block.
            if unsafe heads.pointee.compareExchange(
                expected: bits, desired: claimed.bits, ordering: .relaxed
            ).exchanged {
                return (before.head, count)
            }
            backoff.spin()
        }
    }

    /// The thief has moved its elements out: all slots up to the head are empty. The owner may have
    /// popped behind the claim in the meantime, which it can as often as there are slots.
    @inlinable
    func endSteal(from first: UInt32, _ count: UInt32) {
        var bits = Heads(freed: first, head: first &+ count).bits
        while true {  // At most `capacity` turns: freed does not move, so no more can be pushed.
            let before = Heads(bits: bits)
            assert(before.freed == first, "I3: a second thief came")
            // SAFETY: in our block.
            let (isDone, now) = unsafe heads.pointee.compareExchange(
                expected: bits, desired: Heads(freed: before.head, head: before.head).bits,
                successOrdering: .releasing, failureOrdering: .relaxed)  // E2, E3
            if isDone { return }
            bits = now
        }
    }
}

// MARK: - Inside

extension StealingRing where Element: ~Copyable {
    @inlinable
    @inline(__always)
    @unsafe
    func cell(of position: UInt32) -> SharedCell<Element> {
        // SAFETY: the mask keeps the index below `capacity`.
        unsafe SharedCell(elements + Int(position & mask))
    }

    static func roundedCapacity(_ capacity: Int) -> Int {
        RingCapacity.rounded(capacity, most: 1 << 30)
    }

    static func layout(capacity: Int) -> (heads: Int, tail: Int, elements: Int, byteCount: Int) {
        var layout = BlockLayout()
        let heads = layout.appendPadded(Atomic<UInt64>.self)
        let tail = layout.appendPadded(Atomic<UInt32>.self)
        let elements = layout.appendElements(Element.self, count: roundedCapacity(capacity))
        return (heads, tail, elements, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside.
        public func checkInvariants() {
            let last = unsafe tail.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            // SAFETY: in our block.
            let first = Heads(bits: unsafe heads.pointee.load(ordering: .relaxed))
            precondition(first.freed == first.head, "I3: a thief has not ended")
            precondition(last &- first.head <= UInt32(capacity), "I1: the tail leads by a lap")
        }
    #endif
}
