// SPDX-License-Identifier: MIT

public import AtomicSupport

/// What a pool is made of, as its leases see it: they cannot borrow the pool, so they keep the
/// address of a second copy of this, which lies in the pool's block.
///
/// All that changes is behind its pointers; the pool keeps them alive.
// Edges: see ObjectPool.swift
@frozen
@usableFromInline
@safe
struct PoolCore<Object: ~Copyable>: ~Copyable {
    @usableFromInline
    let free: TaggedFreeList

    @usableFromInline
    let magazines: UnsafeMutableRawPointer

    /// The slots of the beginning, side by side.
    @usableFromInline
    let slots: UnsafeMutableRawPointer

    /// Where the chunks behind them are; nil for one that is not there yet.
    @usableFromInline
    let chunks: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>

    @usableFromInline
    let make: @Sendable () -> sending Object

    @usableFromInline
    let reset: (@Sendable (inout Object) -> Void)?

    @usableFromInline
    let capacity: Int

    /// How many slots lie in the pool's own block.
    @usableFromInline
    let initialCapacity: Int

    /// A chunk behind them has two to the power of this many slots.
    @usableFromInline
    let chunkShift: Int

    @usableFromInline
    let firstGeneration: UInt32

    @usableFromInline
    let magazineCount: Int

    /// How many slots a refill or a flush moves.
    @usableFromInline
    let batchCount: UInt32

    // MARK: - Operations

    @inlinable
    @inline(__always)
    func tryAcquire(at site: CallSite) -> PoolHandle? {
        guard let own = ownMagazineIndex() else { return acquireWithoutMagazine(at: site) }
        let magazine = unsafe magazine(own)  // SAFETY: below `magazineCount`.
        var link = unsafe magazine.popOwn()  // SAFETY: the index is the calling thread's.
        if link == 0 {
            link = acquireSlowly(own)
            if link == 0 { return nil }
        }
        unsafe bump(magazine.head.pointee.acquired)  // SAFETY: the magazine is the thread's own.
        return lease(link, at: site)
    }

    @inlinable
    @inline(__always)
    func release(_ handle: PoolHandle) {
        let link = endLease(handle)
        if let reset {
            // SAFETY: the slot is this thread's until it is given back (I1), and its object exists.
            unsafe reset(&object(of: link).pointee)
        }
        guard let own = ownMagazineIndex() else { return releaseWithoutMagazine(link) }
        let magazine = unsafe magazine(own)  // SAFETY: below `magazineCount`.
        var count = unsafe magazine.count  // SAFETY: the magazine is the thread's own.
        if count >= 2 &* batchCount { count = flush(own) }
        unsafe magazine.put(link, at: count)  // SAFETY: entries from `count` on are empty (I4).
        unsafe magazine.count = count &+ 1  // SAFETY: the magazine is the thread's own.
        unsafe bump(magazine.head.pointee.released)  // SAFETY: as above.
    }

    @inlinable
    @inline(__always)
    @unsafe
    func pointer(to handle: PoolHandle) -> UnsafeMutablePointer<Object> {
        precondition(isLeased(handle), "the handle is stale: its lease has ended")
        return unsafe object(of: handle.index &+ 1)  // SAFETY: the index was checked.
    }

    @inlinable
    @inline(__always)
    func isLeased(_ handle: PoolHandle) -> Bool {
        guard Int(handle.index) < capacity, handle.generation & 1 == 1 else { return false }
        guard isThere(handle.index &+ 1) else { return false }
        // SAFETY: the slot is there.
        let current = unsafe words(of: handle.index &+ 1).generation.pointee.load(
            ordering: .relaxed)
        return current == handle.generation
    }

    /// Notes whether a `PoolLease` or a local magazine owns the lease.
    @inlinable
    @inline(__always)
    func setOwned(_ handle: PoolHandle, to isOwned: Bool) {
        // SAFETY: the index of a lease that the caller holds.
        unsafe words(of: handle.index &+ 1).isOwned.pointee.store(isOwned, ordering: .relaxed)
    }

    // MARK: - Facts

    var statistics: ObjectPoolStatistics {
        var total = ObjectPoolStatistics()
        for index in 0...magazineCount {
            unsafe magazine(index).head.pointee.add(to: &total)  // SAFETY: in the pool's block.
        }
        return total
    }

    var availableCount: Int {
        let total = statistics
        let leased = Int(truncatingIfNeeded: total.acquired &- total.released)
        return min(max(capacity - leased, 0), capacity)
    }

    func forEachLease(_ body: (OutstandingLease) -> Void) {
        forEachSlot { link in
            // SAFETY: a link of ours.
            let generation = unsafe words(of: link).generation.pointee.load(ordering: .relaxed)
            if generation & 1 == 0 { return }
            // SAFETY: as above.
            let isOwned = unsafe words(of: link).isOwned.pointee.load(ordering: .relaxed)
            body(
                OutstandingLease(
                    handle: PoolHandle(index: link - 1, generation: generation), isOwned: isOwned,
                    site: site(of: link)))
        }
    }

    // MARK: - Beginning and end

    /// The core of a pool whose parts lie behind `base`.
    @unsafe
    init(
        in base: UnsafeMutableRawPointer, _ layout: PoolLayout, magazineCount: Int,
        firstGeneration: UInt32, make: @escaping @Sendable () -> sending Object,
        reset: (@Sendable (inout Object) -> Void)?
    ) {
        capacity = layout.capacity
        initialCapacity = layout.initialCapacity
        chunkShift = layout.chunkShift
        self.firstGeneration = firstGeneration
        self.magazineCount = magazineCount
        self.make = make
        self.reset = reset
        // Eight full magazines hold every slot: with fewer threads, nobody needs to steal.
        batchCount = UInt32(min(max(capacity / 16, 1), Int(PoolMagazineShape.limit / 2)))
        // SAFETY: the layout's parts lie in the block, apart from each other.
        unsafe magazines = base + layout.magazines
        unsafe slots = base + layout.slots  // SAFETY: as above.
        // SAFETY: as above.
        unsafe chunks = (base + layout.chunks).assumingMemoryBound(
            to: Atomic<UnsafeMutableRawPointer?>.self)
        // SAFETY: as above.
        unsafe free = TaggedFreeList(
            head: (base + layout.free).assumingMemoryBound(to: Atomic<UInt64>.self),
            slots: base + layout.links, stride: PoolLayout.linkStride)
    }

    /// Sets up what all parts hold at the beginning: no thread uses them yet.
    @unsafe
    func initialize() {
        // SAFETY: fresh memory of the pool.
        unsafe free.initialize(count: initialCapacity, laterCount: capacity - initialCapacity)
        for index in 0...magazineCount { unsafe magazine(index).initialize() }  // SAFETY: as above.
        for number in 0..<chunkCount {
            unsafe (chunks + number).initialize(to: Atomic(nil))  // SAFETY: as above.
        }
        unsafe initialize(slots, links: 1...UInt32(initialCapacity))  // SAFETY: as above.
    }

    /// Sets up the words of slots: no thread uses them yet.
    @unsafe
    func initialize(_ slot: UnsafeMutableRawPointer, links: ClosedRange<UInt32>) {
        for link in links {
            let offset = Int(link - links.lowerBound) * Self.slotStride
            let words = unsafe PoolSlot(slot + offset)  // SAFETY: fresh memory.
            // SAFETY: as above.
            unsafe words.generation.initialize(to: Atomic(firstGeneration))
            unsafe words.isMade.initialize(to: false)  // SAFETY: as above.
            unsafe words.isOwned.initialize(to: Atomic(false))  // SAFETY: as above.
            unsafe words.link.initialize(to: link)  // SAFETY: as above.
            #if CallSites
                unsafe words.site.initialize(to: Atomic(0))  // SAFETY: as above.
            #endif
        }
    }

    /// Destroys the objects. Nobody is inside any more: who could be would still hold the pool, or
    /// a lease, for which this looks.
    func destroyObjects() {
        let magazines = localMagazineCount
        precondition(magazines == 0, "a pool ends while a LocalPoolMagazine of it is alive")
        forEachSlot { link in
            // SAFETY: a link of ours.
            let isOwned = unsafe words(of: link).isOwned.pointee.load(ordering: .relaxed)
            precondition(!isOwned, "a pool ends while a PoolLease of it is alive")
            // SAFETY: the object exists exactly if the mark says so (I3).
            if unsafe words(of: link).isMade.load() {
                unsafe object(of: link).deinitialize(count: 1)  // SAFETY: as above.
            }
        }
    }
}
