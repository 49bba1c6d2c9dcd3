// SPDX-License-Identifier: MIT

internal import AtomicSupport

// How slots go to a local magazine and come back, many at a time.
// Edges: see ObjectPool.swift

extension PoolCore where Object: ~Copyable {
    @usableFromInline
    typealias Place = UnsafeMutablePointer<Object>

    /// Leases up to `countMax` objects, owned, and writes their addresses side by side; answers how
    /// many. The first is sought everywhere, as by `tryAcquire`. The others are what lies in the
    /// thread's own magazine, and then in the free list: nobody is robbed, and nothing grows.
    @unsafe
    func leaseBatch(
        ofMax countMax: Int, at site: CallSite, into places: UnsafeMutablePointer<Place>
    ) -> Int {
        assert(countMax > 0)
        guard let first = tryAcquire(at: site) else { return 0 }
        // SAFETY: the caller has room for `countMax` addresses.
        unsafe places.initialize(to: own(first))
        var count = 1
        if let own = ownMagazineIndex() {
            while count < countMax {
                let link = unsafe magazine(own).popOwn()  // SAFETY: the thread's own magazine.
                if link == 0 { break }
                // SAFETY: as above; the slot is this thread's (I1).
                unsafe (places + count).initialize(to: self.own(lease(link, at: site)))
                count += 1
            }
        }
        if count < countMax {
            // SAFETY: as above.
            count += unsafe leaseChain(ofMax: countMax - count, at: site, into: places + count)
        }
        let counts = unsafe countingHead  // SAFETY: in the pool's block.
        add(count - 1, to: unsafe counts.pointee.acquired)  // SAFETY: as above.
        return count
    }

    /// Leases up to `countMax` objects out of the free list.
    private func leaseChain(
        ofMax countMax: Int, at site: CallSite, into places: UnsafeMutablePointer<Place>
    ) -> Int {
        var (link, count) = unsafe free.popChain(countMax: countMax)  // SAFETY: the list is ours.
        if count == 0 { return 0 }
        for index in 0..<count {
            // SAFETY: room for `countMax`; the slot is this thread's (I1).
            unsafe (places + index).initialize(to: own(lease(link, at: site)))
            link = unsafe free.next(of: link)  // SAFETY: a chain of ours.
        }
        let counts = unsafe countingHead  // SAFETY: in the pool's block.
        add(1, to: unsafe counts.pointee.refilled)  // SAFETY: as above.
        return count
    }

    /// Ends the leases of objects, at least one, and gives their slots to the free list.
    @unsafe
    func endBatch(of places: UnsafeMutablePointer<Place>, count: Int) {
        assert(count > 0)
        var first: UInt32 = 0
        var last: UInt32 = 0
        for index in 0..<count {
            let handle = unsafe handle(of: places[index])  // SAFETY: objects of the pool.
            setOwned(handle, to: false)
            let link = endLease(handle)
            unsafe free.setNext(of: link, to: first)  // SAFETY: the slot is this thread's (I1).
            first = link
            if last == 0 { last = link }
        }
        unsafe free.push(first: first, last: last)  // SAFETY: the chain that was made above.
        let counts = unsafe countingHead  // SAFETY: in the pool's block.
        add(count, to: unsafe counts.pointee.released)  // SAFETY: as above.
        add(1, to: unsafe counts.pointee.flushed)  // SAFETY: as above.
    }

    /// Notes that a lease has an owner, and finds its object.
    private func own(_ handle: PoolHandle) -> Place {
        setOwned(handle, to: true)
        return unsafe object(of: handle.index + 1)  // SAFETY: a lease of ours.
    }

    /// The name of the lease of an object's slot.
    @unsafe
    func handle(of object: Place) -> PoolHandle {
        // SAFETY: an object of the pool lies so far behind its slot's words.
        let words = unsafe PoolSlot(UnsafeMutableRawPointer(object) - Self.objectOffset)
        // SAFETY: as above; the slot is leased to the caller.
        let generation = unsafe words.generation.pointee.load(ordering: .relaxed)
        // SAFETY: as above.
        return unsafe PoolHandle(index: words.link.load() - 1, generation: generation)
    }

    // MARK: - Counts

    /// The head where the calling thread counts.
    private var countingHead: UnsafeMutablePointer<PoolMagazineHead> {
        // SAFETY: at most `magazineCount`.
        unsafe magazine(ownMagazineIndex() ?? magazineCount).head
    }

    /// Adds to a number of the calling thread's head.
    private func add(_ count: Int, to number: borrowing Atomic<UInt64>) {
        if ownMagazineIndex() == nil {
            number.wrappingAdd(UInt64(count), ordering: .relaxed)
        } else {
            number.store(number.load(ordering: .relaxed) &+ UInt64(count), ordering: .relaxed)
        }
    }

    /// Counts the local magazines that are alive, for the pool's end.
    func countLocalMagazine(isNew: Bool) {
        // SAFETY: in the pool's block.
        let head = unsafe magazine(magazineCount).head
        // SAFETY: as above.
        unsafe head.pointee.localCount.wrappingAdd(isNew ? 1 : .max, ordering: .relaxed)
    }

    var localMagazineCount: Int {
        // SAFETY: in the pool's block.
        unsafe Int(magazine(magazineCount).head.pointee.localCount.load(ordering: .relaxed))
    }
}
