// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed-capacity deque of one owner, who pushes and pops at one end, and any number of thieves,
/// who steal at the other.
///
/// | Guarantee | `tryPush`, `tryPop` (owner)              | `trySteal` (any thread)             |
/// |-----------|------------------------------------------|-------------------------------------|
/// | Progress  | wait-free                                | lock-free: begins again only after  |
/// |           |                                          | another took an element             |
/// | Stalled   | a thief stalled between claim and end of | keeps nobody from stealing          |
/// | peer      | move makes the deque look full once the  |                                     |
/// |           | owner comes round to that slot           |                                     |
/// | Order     | last in, first out; nil means empty      | oldest first; nil means empty       |
/// | Cost      | push: two loads, one store; pop: one     | two loads and one compare-exchange  |
/// |           | sequentially consistent store, and a     |                                     |
/// |           | compare-exchange for the last element    |                                     |
/// | Memory    | `capacity` slots and two cache lines, allocated in `init`; it does not grow    |
/// | Threads   | one at a time; the role may pass to      | any                                 |
/// |           | another if something orders the two      |                                     |
///
/// Each element is taken once, by the owner or by one thief. A refused push hands its element back;
/// the caller puts it elsewhere, e.g. into a queue that all share. Growing would need reclamation
/// of the old slots, which a thief may still be reading; it is left out.
///
/// Not for tasks that should start in the order in which they came (use `StealingRing`), nor for
/// several producers (use `BoundedMPMCQueue`).
///
/// Source: D. Chase, Y. Lev, "Dynamic Circular Work-Stealing Deque", SPAA 2005, in the version for
/// weak memory of N. Lê, A. Pop, A. Cohen, F. Zappella Nardelli, "Correct and Efficient
/// Work-Stealing for Weak Memory Models", PPoPP 2013. Their fences are sequentially consistent
/// accesses here. Their thief copies the element before it claims it, which takes elements that
/// are atomic words; ours claims first, and tells the owner by a word in the slot when it is empty.
///
/// ```swift
/// let deque = WorkStealingDeque<Int>(capacity: 64)
/// if let refused = deque.tryPush(1) { print("full:", refused) }   // the owner
/// while let element = deque.tryPop() { print(element) }           // the owner
/// while let element = deque.trySteal() { print(element) }         // anybody
/// ```
@frozen
@safe
public struct WorkStealingDeque<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout: positions wrap at 2^64, which every capacity divides.
    //   line 0   top      position of the next steal; it only grows
    //   line 1   bottom   position of the next push; the owner's
    //   from 2   slots    ready, element
    //   ready == p              the slot is empty, or holds the element of position p
    //         == p - capacity   the element of the lap before is there, or on its way to a thief
    //
    // Invariants: I1  top ≤ bottom ≤ top + capacity, but for bottom == top - 1 inside a pop
    //             I2  slots in top ..< bottom are full; the others are empty or being emptied
    //             I3  whoever moves top from p to p + 1 owns the element of p, then stores
    //                 p + capacity into ready; no other store into ready
    //
    // Edges: E1  publish  push store of bottom → steal load       carries the elements
    //        E2  recycle  steal store of ready → push load        carries the empty slot
    //        E3  last     pop store of bottom, then load of top;  steal load of top, then of bottom
    //
    // E3 is sequentially consistent on all four, in place of two fences. The owner takes the
    // element of p without a claim if it stored p into bottom and then saw top < p. A thief that
    // claims p has loaded top == p, and the total order puts this load behind the owner's, which
    // saw less, and so the thief's load of bottom behind the owner's store: it sees no more than p,
    // and steals nothing. Were one of the four weaker, both could take p.
    //
    // The claims on top are relaxed: they carry no data, E1 and E2 do, and that they can come
    // between the loads of E3 is in their modification order. The owner's loads of bottom are
    // relaxed: nobody else writes it; so are its stores there when the deque is empty, because
    // they publish nothing. Where the owner itself took the last element, its store into ready is
    // for itself. The loads in count answer a number and give no access.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let top: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let bottom: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let slots: UnsafeMutableRawPointer

    @usableFromInline
    let mask: UInt64

    /// A deque for `capacity` elements, at least one, rounded up to a power of two.
    public init(capacity: Int) {
        self.init(capacity: capacity, firstPosition: 0)
    }

    /// A deque in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the deque.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(block: block, capacity: capacity, firstPosition: 0)
    }

    /// A deque whose first element has a position of the test's choice.
    package init(capacity: Int, firstPosition: UInt64) {
        let block = SharedBlock(byteCount: Self.storageByteCount(capacity: capacity))
        self.init(block: block, capacity: capacity, firstPosition: firstPosition)
    }

    private init(block: consuming SharedBlock, capacity: Int, firstPosition: UInt64) {
        let layout = Self.layout(capacity: capacity)
        let slotCount = RingCapacity.rounded(capacity)
        self.mask = UInt64(slotCount - 1)
        // SAFETY: the three parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.top = block.pointer(at: layout.top, to: Atomic<UInt64>.self)
        unsafe self.bottom = block.pointer(at: layout.bottom, to: Atomic<UInt64>.self)
        unsafe self.slots = block.base + layout.slots
        self.block = block
        unsafe top.initialize(to: Atomic(firstPosition))  // SAFETY: as above.
        unsafe bottom.initialize(to: Atomic(firstPosition))  // SAFETY: as above.
        for step in 0..<UInt64(slotCount) {
            let position = firstPosition &+ step
            // SAFETY: as above.
            unsafe ready(of: slot(of: position)).initialize(to: Atomic(position))
        }
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the deque.
        let end = unsafe bottom.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        var position = unsafe top.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        while position != end {  // At most `capacity` turns (I1).
            _ = unsafe cell(of: slot(of: position)).move()  // SAFETY: full (I2), emptied once.
            position &+= 1
        }
    }
}

// MARK: - Facts

extension WorkStealingDeque where Element: ~Copyable {
    /// How many elements fit: what was asked for, rounded up to a power of two.
    @inlinable
    public var capacity: Int { Int(mask) &+ 1 }

    /// How many elements are there, for any thread: exact when nobody is inside, else a recent
    /// value between zero and `capacity`.
    @inlinable
    public var count: Int {
        let first = unsafe top.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        let last = unsafe bottom.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        let distance = Int(truncatingIfNeeded: Int64(bitPattern: last &- first))
        return min(max(distance, 0), capacity)
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

extension WorkStealingDeque where Element: ~Copyable {
    /// Puts an element on the owner's end. Returns nil if it was accepted, or the element if there
    /// is no empty slot. The owner's.
    @inlinable
    @inline(__always)
    public func tryPush(_ element: consuming sending Element) -> sending Element? {
        let position = unsafe bottom.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        let slot = unsafe slot(of: position)  // SAFETY: masked to the slot array.
        // SAFETY: the slot array lives as long as `self`.
        let found = unsafe ready(of: slot).pointee.load(ordering: .acquiring)  // E2
        guard found == position else { return element }
        // SAFETY: the slot is empty (I3), and the owner's until E1.
        unsafe cell(of: slot).initialize(to: element)
        // SAFETY: in our block.
        unsafe bottom.pointee.store(position &+ 1, ordering: .releasing)  // E1
        return nil
    }

    /// Takes the newest element, or nil if there is none. The owner's.
    @inlinable
    @inline(__always)
    public func tryPop() -> sending Element? {
        // SAFETY: in our block.
        let position = unsafe bottom.pointee.load(ordering: .relaxed) &- 1
        // SAFETY: in our block.
        unsafe bottom.pointee.store(position, ordering: .sequentiallyConsistent)  // E3
        // SAFETY: in our block.
        let first = unsafe top.pointee.load(ordering: .sequentiallyConsistent)  // E3
        let distance = Int64(bitPattern: position &- first)
        if distance > 0 {
            // SAFETY: full (I2), and no thief can claim it any more (E3).
            return unsafe cell(of: slot(of: position)).move()
        }
        return popLast(position, isThere: distance == 0)
    }

    /// Ends a pop that has found one element or none: of one it claims what a thief may claim too.
    @inlinable
    func popLast(_ position: UInt64, isThere: Bool) -> sending Element? {
        let end = position &+ 1
        var isClaimed = false
        if isThere {
            // SAFETY: in our block.
            (isClaimed, _) = unsafe top.pointee.compareExchange(
                expected: position, desired: end, ordering: .relaxed)
        }
        unsafe bottom.pointee.store(end, ordering: .relaxed)  // SAFETY: in our block.
        guard isClaimed else { return nil }
        let slot = unsafe slot(of: position)  // SAFETY: masked to the slot array.
        let element = unsafe cell(of: slot).move()  // SAFETY: full, and claimed (I3).
        // SAFETY: the slot array lives as long as `self`.
        unsafe ready(of: slot).pointee.store(position &+ mask &+ 1, ordering: .relaxed)
        return element
    }
}

// MARK: - The thieves' operation

extension WorkStealingDeque where Element: ~Copyable {
    /// Takes the oldest element, or nil if there is none. Any thread.
    @inlinable
    public func trySteal() -> sending Element? {
        var backoff = Backoff()
        while true {  // Repeated only after another moved top.
            // SAFETY: in our block.
            let position = unsafe top.pointee.load(ordering: .sequentiallyConsistent)  // E3
            // SAFETY: in our block. It is also the acquiring side of E1.
            let end = unsafe bottom.pointee.load(ordering: .sequentiallyConsistent)  // E3
            guard Int64(bitPattern: end &- position) > 0 else { return nil }
            // SAFETY: in our block.
            if unsafe top.pointee.compareExchange(
                expected: position, desired: position &+ 1, ordering: .relaxed
            ).exchanged {
                let slot = unsafe slot(of: position)  // SAFETY: masked to the slot array.
                let element = unsafe cell(of: slot).move()  // SAFETY: full, and claimed (I3).
                let nextLap = position &+ mask &+ 1
                // SAFETY: the slot array lives as long as `self`.
                unsafe ready(of: slot).pointee.store(nextLap, ordering: .releasing)  // E2
                return element
            }
            backoff.spin()
        }
    }
}

// MARK: - Inside

extension WorkStealingDeque where Element: ~Copyable {
    @inlinable
    @inline(__always)
    func slot(of position: UInt64) -> UnsafeMutableRawPointer {
        // SAFETY: the mask keeps the index below `capacity`.
        unsafe slots + Int(truncatingIfNeeded: position & mask) &* WordedSlot<Element>.stride
    }

    @inlinable
    @inline(__always)
    func ready(of slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe WordedSlot<Element>.word(of: slot)  // SAFETY: the deque's slots are such.
    }

    @inlinable
    @inline(__always)
    func cell(of slot: UnsafeMutableRawPointer) -> SharedCell<Element> {
        unsafe WordedSlot<Element>.cell(of: slot)  // SAFETY: as above.
    }

    static func layout(capacity: Int) -> (top: Int, bottom: Int, slots: Int, byteCount: Int) {
        var layout = BlockLayout()
        let top = layout.appendPadded(Atomic<UInt64>.self)
        let bottom = layout.appendPadded(Atomic<UInt64>.self)
        let slots = layout.appendSlots(
            of: Element.self, count: RingCapacity.rounded(capacity))
        return (top, bottom, slots, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside.
        public func checkInvariants() {
            let first = unsafe top.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            let last = unsafe bottom.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            precondition(last &- first <= UInt64(capacity), "I1: the bottom leads by a lap")
            for step in 0..<UInt64(capacity) {
                let position = first &+ step
                // SAFETY: masked to the slot array.
                let found = unsafe ready(of: slot(of: position)).pointee.load(ordering: .relaxed)
                precondition(found == position, "I3: a slot out of step")
            }
        }
    #endif
}
