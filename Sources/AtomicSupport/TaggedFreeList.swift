// SPDX-License-Identifier: MIT

/// A last-in first-out list of the free slots of a slab, for any number of threads: slots are named
/// by number, so nothing is ever unmapped under a reader and no reclamation is needed.
///
/// | Guarantee | `push` / `pop`                                                           |
/// |-----------|--------------------------------------------------------------------------|
/// | Progress  | lock-free: a try is repeated only after another thread changed the list  |
/// | Order     | last in, first out; linearizable at the successful compare-exchange      |
/// | Cost      | one compare-exchange for a slot or for a whole chain; no allocation      |
/// | Memory    | the head word and one 4-byte link in each slot, all in the owner's block |
/// | Threads   | any; a slot is pushed only by the thread that owns it                    |
///
/// Source: R. K. Treiber, "Systems Programming: Coping with Parallelism", 1986, with the counter of
/// IBM's System/370 manuals as the answer to ABA. Ours moves chains and counts pops only.
///
/// A thread that sleeps between its load and its compare-exchange while others make an exact
/// multiple of 2^32 pops, the last of which leaves the same slot on top, would corrupt the list.
@frozen
@unsafe
public struct TaggedFreeList: @unchecked Sendable {
    // Layout: head  tag (32 bits, high): pops so far, wraps · link (32 bits, low) of the top slot
    //         link  slot number + 1; 0 is the end. It is the first word of its slot.
    //
    // Invariants: I1  a slot is in the list at most once, and its owner is the list
    //             I2  every link word holds 0 or a link of the slab, also while it is stale
    // Whose a slot is, only its owners know: `checkInvariants` counts what is in the list.
    //
    // Edges: E1  give  push compare-exchange → load or failed compare-exchange in pop
    //            carries the slot: its contents and the links of its chain. Pops in between are
    //            read-modify-writes and continue the release sequence.
    //        The successful compare-exchange of a pop is relaxed: tag and top name one push, so it
    //        reads the store that the load or the failure before it has acquired from.
    //        Links are relaxed: E1 carries them to the thread that pops, and one that lost the race
    //        throws away what it read. The load of head in push is relaxed: it is only a link.

    @usableFromInline
    let head: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline
    let slots: UnsafeMutableRawPointer

    @usableFromInline
    let stride: Int

    /// A list over a head word and slots that lie `stride` bytes apart and begin with their link.
    /// The words must have been set up by `initialize` once; the owner keeps them alive.
    @inlinable
    public init(
        head: UnsafeMutablePointer<Atomic<UInt64>>, slots: UnsafeMutableRawPointer, stride: Int
    ) {
        // SAFETY: the owner keeps the words alive; see above.
        unsafe self.head = head
        unsafe self.slots = slots
        unsafe self.stride = stride
    }

    /// Makes all `count` slots free, the first on top. Nobody else may use the list yet. Of a slab
    /// that grows, `laterCount` more have their links set up: who makes such a slot pushes it.
    public func initialize(count: Int, laterCount: Int = 0, firstTag: UInt32 = 0) {
        precondition(count >= 0)
        precondition(laterCount >= 0)
        precondition(
            count + laterCount < Int(Int32.max), "a slab of so many slots has no links for them")
        for index in 0..<count + laterCount {
            let next = index + 1 < count ? UInt32(index + 2) : 0
            // SAFETY: the word lies in the slab, and no thread uses it yet.
            unsafe (slots + index * stride).bindMemory(to: Atomic<UInt32>.self, capacity: 1)
                .initialize(to: Atomic(next))
        }
        let top: UInt64 = count > 0 ? 1 : 0
        // SAFETY: as above.
        unsafe head.initialize(to: Atomic(UInt64(firstTag) << 32 | top))
    }

    /// The link of the slot that comes behind this one; the caller owns the chain.
    @inlinable
    @inline(__always)
    public func next(of link: UInt32) -> UInt32 {
        // SAFETY: I2; the slab outlives the list.
        unsafe linkWord(of: link).pointee.load(ordering: .relaxed)
    }

    /// Sets the link of the slot that comes behind this one; the caller owns the slot.
    @inlinable
    @inline(__always)
    public func setNext(of link: UInt32, to next: UInt32) {
        // SAFETY: I2; the slab outlives the list.
        unsafe linkWord(of: link).pointee.store(next, ordering: .relaxed)
    }

    /// Takes the top slot. Returns its link, or 0 if the list is empty.
    @inlinable
    @inline(__always)
    public func pop() -> UInt32 {
        unsafe popChain(countMax: 1).first  // SAFETY: the rules of the list are the caller's.
    }

    /// Takes the top `countMax` slots, or as many as there are, with one compare-exchange. They are
    /// chained by `next(of:)`; what the last one links to is not theirs.
    @inlinable
    public func popChain(countMax: Int) -> (first: UInt32, count: Int) {
        assert(countMax > 0)
        var backoff = Backoff()
        // SAFETY: the head word outlives the list.
        var seen = unsafe head.pointee.load(ordering: .acquiring)  // E1
        while true {  // Repeated only after another thread changed the list.
            let first = UInt32(truncatingIfNeeded: seen)
            if first == 0 { return (0, 0) }
            var count = 1
            var rest = unsafe next(of: first)  // SAFETY: a link of the slab (I2).
            while count < countMax, rest != 0 {
                rest = unsafe next(of: rest)  // SAFETY: a link of the slab (I2), perhaps stale.
                count &+= 1
            }
            let tag = (seen &>> 32) &+ 1
            // The same tag and top mean that nobody popped since the load: what lies under the top
            // is what was walked.
            // SAFETY: the head word outlives the list.
            let (isTaken, now) = unsafe head.pointee.compareExchange(
                expected: seen, desired: tag &<< 32 | UInt64(rest),
                successOrdering: .relaxed, failureOrdering: .acquiring)  // E1
            if isTaken { return (first, count) }
            seen = now
            backoff.spin()
        }
    }

    /// Gives a chain of slots back, linked from `first` to `last`; the caller owns them all.
    @inlinable
    public func push(first: UInt32, last: UInt32) {
        assert(first != 0)
        assert(last != 0)
        var backoff = Backoff()
        // SAFETY: the head word outlives the list.
        var seen = unsafe head.pointee.load(ordering: .relaxed)
        while true {  // Repeated only after another thread changed the list.
            // SAFETY: the chain is the caller's until E1.
            unsafe setNext(of: last, to: UInt32(truncatingIfNeeded: seen))
            let desired = seen & 0xFFFF_FFFF_0000_0000 | UInt64(first)
            // SAFETY: the head word outlives the list.
            let (isGiven, now) = unsafe head.pointee.compareExchange(
                expected: seen, desired: desired,
                successOrdering: .releasing, failureOrdering: .relaxed)  // E1
            if isGiven { return }
            seen = now
            backoff.spin()
        }
    }

    @inlinable
    @inline(__always)
    func linkWord(of link: UInt32) -> UnsafeMutablePointer<Atomic<UInt32>> {
        assert(link != 0)
        // SAFETY: I2 keeps the offset inside the slab.
        return unsafe (slots + Int(link &- 1) &* stride).assumingMemoryBound(
            to: Atomic<UInt32>.self)
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken; answers how many slots are in the list. Call it only
        /// while nobody else is inside. `slotCount` includes later slots. `body` gets the links,
        /// from the top.
        @discardableResult
        public func checkInvariants(
            slotCount: Int, _ body: (_ link: UInt32) -> Void = { _ in }
        ) -> Int {
            for slot in 0..<slotCount {
                let next = unsafe next(of: UInt32(slot + 1))  // SAFETY: a link of the slab.
                precondition(Int(next) <= slotCount, "I2: a link leads out of the slab")
            }
            var isFree = [Bool](repeating: false, count: slotCount + 1)
            var count = 0
            // SAFETY: the head word outlives the list.
            var link = UInt32(truncatingIfNeeded: unsafe head.pointee.load(ordering: .relaxed))
            precondition(Int(link) <= slotCount, "I2: the head leads out of the slab")
            while link != 0 {  // At most `slotCount` turns.
                precondition(!isFree[Int(link)], "I1: a slot is in the list twice")
                isFree[Int(link)] = true
                body(link)
                link = unsafe next(of: link)  // SAFETY: a link of the slab (I2).
                count += 1
            }
            return count
        }
    #endif
}
