// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A deque of one owner, who pushes and pops at one end, and any number of thieves, who steal at
/// the other. Its capacity is fixed, or grows up to a bound.
///
/// | Guarantee | `tryPush`, `tryPop` (owner)              | `trySteal` (any thread)             |
/// |-----------|------------------------------------------|-------------------------------------|
/// | Progress  | wait-free, but for the allocation of a   | lock-free: begins again only after  |
/// |           | push that makes the deque grow           | another took an element             |
/// | Stalled   | a thief stalled between claim and end of | keeps nobody from stealing          |
/// | peer      | move makes the deque look full, also one |                                     |
/// |           | that may grow, once the owner comes      |                                     |
/// |           | round to that slot                       |                                     |
/// | Order     | last in, first out; nil means empty      | oldest first; nil means empty       |
/// | Cost      | push: five loads, one store; pop: one    | five loads, one compare-exchange,   |
/// |           | sequentially consistent store, and a     | and one store; a search through the |
/// |           | compare-exchange for the last element    | arrays while older ones are in use  |
/// | Memory    | `capacity` slots and three cache lines; a deque that has grown also keeps its  |
/// |           | smaller arrays, together fewer slots than the newest, until it goes away       |
/// | Threads   | one at a time; the role may pass to      | any                                 |
/// |           | another if something orders the two      |                                     |
///
/// Each element is taken once, by the owner or by one thief. A refused push hands its element back;
/// the caller puts it elsewhere, e.g. into a queue that all share.
///
/// Growing copies nothing and reclaims nothing: the new array takes the positions from there on,
/// and what is in the old one is taken out of the old one. So a growing push allocates twice as
/// many slots and writes a word into each, and a thief that stalls may do so in any array.
///
/// Not for tasks that should start in the order in which they came (use `StealingRing`), nor for
/// several producers (use `BoundedMPMCQueue`).
///
/// Source: D. Chase, Y. Lev, "Dynamic Circular Work-Stealing Deque", SPAA 2005, in the version for
/// weak memory of N. Lê, A. Pop, A. Cohen, F. Zappella Nardelli, "Correct and Efficient
/// Work-Stealing for Weak Memory Models", PPoPP 2013. Their fences are sequentially consistent
/// accesses here. Their thief copies the element before it claims it, which takes elements that
/// are atomic words; ours claims first, and tells the owner by a word in the slot when it is empty.
/// They copy what is there when they grow, which noncopyable elements rule out.
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
    // Layout: positions wrap at 2^64, which every number of slots divides.
    //   line 0   top      position of the next steal; it only grows
    //   line 1   bottom   position of the next push; the owner's
    //   line 2   the first array: first, mask, previous │ newest, the array of new positions
    //   from 3   its slots: ready, element
    //   a later one is memory of its own, which it keeps: first, mask, previous, home │ slots
    //   an array takes the positions from its first on, until the first of the one behind it
    //   ready == p              the slot is empty, or holds the element of position p
    //         == p - slots      the element of the lap before is there, or on its way to a thief
    //
    //   newest ──► [first 12 │ 16 slots] ──previous──► [first 4 │ 8 slots] ──► [first 0 │ 4 slots]
    //
    // Invariants: I1  top ≤ bottom ≤ top + the slots of all arrays, but for bottom == top - 1
    //                 inside a pop
    //             I2  slots in top ..< bottom are full; the others are empty or being emptied
    //             I3  whoever moves top from p to p + 1 owns the element of p, then stores
    //                 p + slots into ready; no other store into ready
    //             I4  an array is added when the slot of bottom holds an element that nobody has
    //                 claimed, as far as the owner sees; it begins at bottom, so every position
    //                 keeps its slot
    //
    // Edges: E1  publish  push store of bottom → steal load       carries the elements
    //        E2  recycle  steal store of ready → push load        carries the empty slot
    //        E3  last     pop store of bottom, then load of top;  steal load of top, then of bottom
    //        E4  grow     push store of newest → steal load       carries the array's header
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
    // they publish nothing; its loads of newest; and that of top where it is to grow: an old value
    // makes it grow where it could have refused. Where the owner itself took the last element,
    // its store into ready is for itself. The loads in count answer a number and give no access. A
    // thief that has seen bottom (E1) finds the array of each position below it: newest was stored
    // before, and by E4 what it finds there is whole.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let top: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let bottom: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let newest: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>

    /// How many slots an array may have.
    @usableFromInline
    let slotCountMax: Int

    /// How many slots all arrays may have: the first one, and each twice as many as the one before.
    @usableFromInline
    let countMax: Int

    /// A deque for `capacity` elements, at least one, rounded up to a power of two.
    public init(capacity: Int) {
        self.init(capacity: capacity, capacityMax: capacity)
    }

    /// A deque for `capacity` elements that grows.
    ///
    /// - Parameters:
    ///   - capacity: at first; at least one, rounded up to a power of two.
    ///   - capacityMax: the largest array of slots that it may allocate, rounded up to a power of
    ///     two. A push that would need more is refused; by then up to twice as many elements may be
    ///     there, in all arrays.
    public init(capacity: Int, capacityMax: Int) {
        self.init(capacity: capacity, capacityMax: capacityMax, firstPosition: 0)
    }

    /// A deque in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:)` bytes, and outlives the deque. It does not grow.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, capacity: Int) {
        let byteCount = Self.storageByteCount(capacity: capacity)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(block: block, capacity: capacity, capacityMax: capacity, firstPosition: 0)
    }

    /// A deque whose first element has a position of the test's choice.
    package init(capacity: Int, capacityMax: Int, firstPosition: UInt64) {
        let block = SharedBlock(byteCount: Self.storageByteCount(capacity: capacity))
        self.init(
            block: block, capacity: capacity, capacityMax: capacityMax,
            firstPosition: firstPosition)
    }

    private init(
        block: consuming SharedBlock, capacity: Int, capacityMax: Int, firstPosition: UInt64
    ) {
        precondition(capacityMax >= capacity, "a deque does not shrink")
        let layout = Self.layout(capacity: capacity)
        let slotCount = RingCapacity.rounded(capacity)
        slotCountMax = RingCapacity.rounded(capacityMax)
        countMax = 2 * slotCountMax - slotCount
        // SAFETY: the parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.top = block.pointer(at: layout.top, to: Atomic<UInt64>.self)
        unsafe self.bottom = block.pointer(at: layout.bottom, to: Atomic<UInt64>.self)
        // SAFETY: as above; behind the words of the header.
        unsafe self.newest = block.pointer(
            at: layout.slots + DequeSlotsMemory.newestOffset,
            to: Atomic<UnsafeMutableRawPointer?>.self)
        // SAFETY: as above.
        let first = unsafe DequeSlots<Element>(
            in: block.base + layout.slots, slotCount: slotCount, from: firstPosition, behind: nil)
        self.block = block
        unsafe top.initialize(to: Atomic(firstPosition))  // SAFETY: as above.
        unsafe bottom.initialize(to: Atomic(firstPosition))  // SAFETY: as above.
        unsafe newest.initialize(to: Atomic(first.base))  // SAFETY: as above.
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the deque.
        let end = unsafe bottom.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        var position = unsafe top.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        var array = ownArray
        while position != end {  // At most as many turns as there are slots (I1).
            // SAFETY: full (I2), emptied once.
            _ = unsafe cell(of: array.holding(position).slot(position)).move()
            position &+= 1
        }
        while let earlier = array.previous {  // The first is a part of our block.
            array.end()
            array = earlier
        }
    }
}

// MARK: - Facts

extension WorkStealingDeque where Element: ~Copyable {
    /// How many elements fit for certain: the slots of the newest array.
    @inlinable
    public var capacity: Int { newestArray.slotCount }

    /// How many elements are there, for any thread: exact when nobody is inside, else a recent
    /// value that is not negative.
    @inlinable
    public var count: Int {
        let first = unsafe top.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        let last = unsafe bottom.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        let distance = Int(truncatingIfNeeded: Int64(bitPattern: last &- first))
        return min(max(distance, 0), countMax)
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
    /// Puts an element on the owner's end. Returns nil if it was accepted, or the element if its
    /// slot is not empty, and the deque has its largest array or is not full. The owner's.
    @inlinable
    @inline(__always)
    public func tryPush(_ element: consuming sending Element) -> sending Element? {
        let position = unsafe bottom.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        let array = ownArray.holding(position)
        var slot = unsafe array.slot(position)  // SAFETY: the arrays live as long as `self`.
        // SAFETY: as above.
        let found = unsafe ready(of: slot).pointee.load(ordering: .acquiring)  // E2
        if found != position {
            guard let larger = grow(array, at: position) else { return element }
            unsafe slot = larger.slot(position)  // SAFETY: as above.
        }
        // SAFETY: the slot is empty (I3), and the owner's until E1.
        unsafe cell(of: slot).initialize(to: element)
        // SAFETY: in our block.
        unsafe bottom.pointee.store(position &+ 1, ordering: .releasing)  // E1
        return nil
    }

    /// Adds an array of twice as many slots; nil if there may be none, or if the deque is not full,
    /// but a thief has not yet left the slot of this lap.
    @usableFromInline
    func grow(_ array: DequeSlots<Element>, at position: UInt64) -> DequeSlots<Element>? {
        assert(array.slotCount == ownArray.slotCount, "I4: an older array was full")
        guard array.slotCount < slotCountMax else { return nil }
        let first = unsafe top.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        guard position &- first >= UInt64(truncatingIfNeeded: array.slotCount) else { return nil }
        let larger = array.makeLarger(from: position)
        unsafe newest.pointee.store(larger.base, ordering: .releasing)  // E4  SAFETY: as above.
        return larger
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
            return unsafe cell(of: ownArray.holding(position).slot(position)).move()
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
        let array = ownArray.holding(position)
        let mask = array.mask
        let slot = unsafe array.slot(position, mask: mask)  // SAFETY: they live as long as `self`.
        let element = unsafe cell(of: slot).move()  // SAFETY: full, and claimed (I3).
        // SAFETY: as above.
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
                let array = newestArray.holding(position)
                let mask = array.mask
                // SAFETY: the arrays live as long as `self`.
                let slot = unsafe array.slot(position, mask: mask)
                let element = unsafe cell(of: slot).move()  // SAFETY: full, and claimed (I3).
                let nextLap = position &+ mask &+ 1
                // SAFETY: as above.
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
    func ready(of slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe WordedSlot<Element>.word(of: slot)  // SAFETY: the arrays' slots are such.
    }

    @inlinable
    @inline(__always)
    func cell(of slot: UnsafeMutableRawPointer) -> SharedCell<Element> {
        unsafe WordedSlot<Element>.cell(of: slot)  // SAFETY: as above.
    }

    /// The newest array, for any thread.
    @inlinable
    @inline(__always)
    var newestArray: DequeSlots<Element> {
        let base = unsafe newest.pointee.load(ordering: .acquiring)  // E4  SAFETY: in our block.
        return unsafe DequeSlots(base: base.unsafelyUnwrapped)  // SAFETY: it names one of ours.
    }

    /// The newest array, for the owner.
    @inlinable
    @inline(__always)
    var ownArray: DequeSlots<Element> {
        // SAFETY: in our block; it always names an array of ours.
        unsafe DequeSlots(base: newest.pointee.load(ordering: .relaxed).unsafelyUnwrapped)
    }

    static func layout(capacity: Int) -> (top: Int, bottom: Int, slots: Int, byteCount: Int) {
        var layout = BlockLayout()
        let top = layout.appendPadded(Atomic<UInt64>.self)
        let bottom = layout.appendPadded(Atomic<UInt64>.self)
        let slots = layout.appendPadded(
            UInt8.self, count: DequeSlotsMemory.slotsOffset)
        _ = layout.appendSlots(of: Element.self, count: RingCapacity.rounded(capacity))
        return (top, bottom, slots, layout.byteCount)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody is inside.
        public func checkInvariants() {
            let first = unsafe top.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            let last = unsafe bottom.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
            precondition(last &- first <= UInt64(countMax), "I1: the bottom leads by a lap")
            let array = ownArray
            var position = first
            // Of the older arrays, what is there; of the newest, all.
            while position != last, !array.holds(position) {
                check(position, in: array.holding(position))
                position &+= 1
            }
            let start = array.holds(first) ? first : array.first
            for step in 0..<UInt64(array.slotCount) { check(start &+ step, in: array) }
        }

        private func check(_ position: UInt64, in array: DequeSlots<Element>) {
            // SAFETY: a slot of ours.
            let found = unsafe ready(of: array.slot(position)).pointee.load(ordering: .relaxed)
            precondition(found == position, "I3: a slot out of step")
        }
    #endif
}
