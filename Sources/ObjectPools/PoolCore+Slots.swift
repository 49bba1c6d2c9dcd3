// SPDX-License-Identifier: MIT

public import AtomicSupport

// How slots begin and end a lease, and how they move between magazines, the free list and thieves.
// Edges: see ObjectPool.swift

extension PoolCore where Object: ~Copyable {
    // MARK: - Leases

    /// Makes a slot, which the caller has just taken, a leased one.
    @inlinable
    @inline(__always)
    func lease(_ link: UInt32, at site: CallSite) -> PoolHandle {
        assert(link != 0)
        assert(Int(link) <= capacity)
        let word = unsafe words(of: link).generation  // SAFETY: a link of ours.
        let generation = unsafe word.pointee.load(ordering: .relaxed)  // SAFETY: in our block.
        assert(generation & 1 == 0, "I2: a slot was handed out twice")
        unsafe word.pointee.store(generation &+ 1, ordering: .relaxed)  // SAFETY: in our block.
        #if CallSites
            // SAFETY: the slot is this thread's (I1).
            unsafe words(of: link).site.pointee.store(site.rawValue, ordering: .relaxed)
        #endif
        // SAFETY: the slot is this thread's (I1).
        if unsafe !words(of: link).isMade.load() { makeObject(link) }
        return PoolHandle(index: link &- 1, generation: generation &+ 1)
    }

    @usableFromInline
    @inline(never)
    func makeObject(_ link: UInt32) {
        // SAFETY: the slot is this thread's (I1), and holds no object yet (I3).
        unsafe object(of: link).initialize(to: make())
        unsafe words(of: link).isMade.store(true)  // SAFETY: as above.
    }

    /// Checks the handle and makes its slot an unleased one, still in the caller's hands. Returns
    /// the slot's link.
    @inlinable
    @inline(__always)
    func endLease(_ handle: PoolHandle) -> UInt32 {
        precondition(Int(handle.index) < capacity, "the handle is not of this pool")
        precondition(handle.generation & 1 == 1, "the handle was never leased")
        precondition(isThere(handle.index &+ 1), "the handle was never leased")
        // SAFETY: the slot is there.
        let word = unsafe words(of: handle.index &+ 1).generation
        #if Checks || DEBUG
            // Also decides between two releases at the same moment.
            // SAFETY: in our block.
            let isLeased = unsafe word.pointee.compareExchange(
                expected: handle.generation, desired: handle.generation &+ 1, ordering: .relaxed
            ).exchanged
            precondition(isLeased, "the handle is stale: released twice, or kept too long")
        #else
            // SAFETY: in our block.
            let isLeased = unsafe word.pointee.load(ordering: .relaxed) == handle.generation
            precondition(isLeased, "the handle is stale: released twice, or kept too long")
            // SAFETY: in our block.
            unsafe word.pointee.store(handle.generation &+ 1, ordering: .relaxed)
        #endif
        return handle.index &+ 1
    }

    // MARK: - Slow paths

    /// Takes a slot when the thread's magazine is empty: refills it, or steals. 0 if there is none.
    @usableFromInline
    @inline(never)
    func acquireSlowly(_ own: Int) -> UInt32 {
        let magazine = unsafe magazine(own)  // SAFETY: the calling thread's magazine.
        assert(unsafe magazine.count == 0)  // SAFETY: as above.
        // SAFETY: the free list is ours.
        let (first, count) = unsafe free.popChain(countMax: Int(batchCount))
        if count > 0 {
            var link = unsafe free.next(of: first)  // SAFETY: a chain of ours.
            for index in 0..<UInt32(count - 1) {
                // Read before the put: from then on a thief may have the slot, and its link.
                let next = unsafe free.next(of: link)  // SAFETY: as above.
                unsafe magazine.put(link, at: index)  // SAFETY: the magazine is empty (I4).
                link = next
            }
            unsafe magazine.count = UInt32(count - 1)  // SAFETY: the calling thread's magazine.
            unsafe bump(magazine.head.pointee.refilled)  // SAFETY: as above.
            return first
        }
        let link = steal(from: own + 1)
        if link != 0 {
            unsafe bump(magazine.head.pointee.stolen)  // SAFETY: the calling thread's magazine.
            return link
        }
        let added = grow()
        // SAFETY: the calling thread's magazine.
        if added == 0 { unsafe bump(magazine.head.pointee.exhausted) }
        return added
    }

    /// Looks for a slot in all magazines, beginning at one, then once more in the free list, where
    /// a flush may have put what the search missed. 0 if there is none.
    func steal(from start: Int) -> UInt32 {
        for step in 0..<magazineCount {
            // SAFETY: the index is taken modulo the number of magazines.
            let link = unsafe magazine((start + step) % magazineCount).steal()
            if link != 0 { return link }
        }
        return unsafe free.pop()  // SAFETY: the free list is ours.
    }

    /// Gives the upper half of the thread's magazine to the free list. Returns the new count.
    @usableFromInline
    @inline(never)
    func flush(_ own: Int) -> UInt32 {
        let magazine = unsafe magazine(own)  // SAFETY: the calling thread's magazine.
        var first: UInt32 = 0
        var last: UInt32 = 0
        for index in batchCount..<2 * batchCount {
            let link = unsafe magazine.take(index)  // SAFETY: below `limit`.
            if link == 0 { continue }
            unsafe free.setNext(of: link, to: first)  // SAFETY: taken, so ours.
            first = link
            if last == 0 { last = link }
        }
        if first != 0 {
            unsafe free.push(first: first, last: last)  // SAFETY: a chain taken above.
            unsafe bump(magazine.head.pointee.flushed)  // SAFETY: the calling thread's magazine.
        }
        return batchCount
    }

    @usableFromInline
    @inline(never)
    func acquireWithoutMagazine(at site: CallSite) -> PoolHandle? {
        // SAFETY: the last head is for all threads without a magazine, which add atomically.
        let head = unsafe magazine(magazineCount).head
        var link = unsafe free.pop()  // SAFETY: the free list is ours.
        if link == 0 {
            link = steal(from: 0)
            // SAFETY: as above.
            if link != 0 { unsafe head.pointee.stolen.add(1, ordering: .relaxed) }
        }
        if link == 0 { link = grow() }
        if link == 0 {
            unsafe head.pointee.exhausted.add(1, ordering: .relaxed)  // SAFETY: as above.
            return nil
        }
        unsafe head.pointee.acquired.add(1, ordering: .relaxed)  // SAFETY: as above.
        return lease(link, at: site)
    }

    @usableFromInline
    @inline(never)
    func releaseWithoutMagazine(_ link: UInt32) {
        unsafe free.push(first: link, last: link)  // SAFETY: the slot is the caller's.
        // SAFETY: the last head is for all threads without a magazine, which add atomically.
        unsafe magazine(magazineCount).head.pointee.released.add(1, ordering: .relaxed)
    }

    // MARK: - Places

    /// The number of the calling thread's magazine, or nil if it has none.
    @inlinable
    @inline(__always)
    func ownMagazineIndex() -> Int? {
        guard let index = ThreadIndex.current, index < magazineCount else { return nil }
        return index
    }

    @inlinable
    @inline(__always)
    func magazine(_ index: Int) -> PoolMagazine {
        assert(index >= 0)
        assert(index <= magazineCount)
        // SAFETY: `magazineCount + 1` magazines lie side by side.
        return unsafe PoolMagazine(magazines + index &* PoolMagazineShape.byteCount)
    }

    @inlinable
    @inline(__always)
    func words(of link: UInt32) -> PoolSlot {
        unsafe PoolSlot(slot(of: link))  // SAFETY: every slot begins with its words.
    }

    func site(of link: UInt32) -> CallSite? {
        #if CallSites
            // SAFETY: a place that was noted when the lease began; the words of slots outlive them.
            unsafe CallSite(rawValue: words(of: link).site.pointee.load(ordering: .relaxed))
        #else
            nil
        #endif
    }

    @inlinable
    @inline(__always)
    func object(of link: UInt32) -> UnsafeMutablePointer<Object> {
        // SAFETY: the object lies behind the words, at an offset that suits its alignment.
        unsafe (slot(of: link) + Self.objectOffset).assumingMemoryBound(to: Object.self)
    }

    @inlinable
    static var objectOffset: Int {
        unsafe max(PoolSlot.byteCount, MemoryLayout<Object>.alignment)  // SAFETY: a number.
    }

    /// Slots are whole lines of 64 bytes, so that two threads' objects do not share one.
    @inlinable
    static var slotStride: Int {
        let line = max(64, MemoryLayout<Object>.alignment)
        return (objectOffset &+ MemoryLayout<Object>.size &+ line &- 1) & ~(line &- 1)
    }

    #if Checks || DEBUG
        func checkInvariants() {
            var places = [UInt8](repeating: 0, count: capacity + 1)
            for index in 0..<magazineCount {
                let magazine = unsafe magazine(index)  // SAFETY: in our block.
                for entry in 0..<PoolMagazineShape.limit {
                    // SAFETY: in our block.
                    let link = unsafe magazine.entry(entry).pointee.load(ordering: .relaxed)
                    places[Int(link)] += link == 0 ? 0 : 1
                    // SAFETY: in our block.
                    precondition(unsafe link == 0 || entry < magazine.count, "I4: beyond count")
                }
            }
            // SAFETY: nobody is inside.
            unsafe free.checkInvariants(slotCount: capacity) { places[Int($0)] += 1 }
            forEachSlot { link in
                // SAFETY: in our block.
                let generation = unsafe words(of: link).generation.pointee.load(ordering: .relaxed)
                let isLeased = generation & 1 == 1
                precondition(places[Int(link)] == (isLeased ? 0 : 1), "I1: a slot's place")
            }
            let free = places.reduce(capacity - slotCount) { $0 + Int($1) }
            precondition(free == availableCount, "I5: the counters disagree with the slots")
        }
    #endif
}
