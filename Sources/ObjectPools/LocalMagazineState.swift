// SPDX-License-Identifier: MIT

public import AtomicSupport

/// What a local magazine and its leases share, in the magazine's block.
///
/// All of it is plain memory: one thread uses it at a time.
// Layout, invariants: see LocalPoolMagazine.swift
@usableFromInline
@frozen
@safe
struct LocalMagazineState<Object: ~Copyable>: ~Copyable {
    @usableFromInline
    typealias Place = UnsafeMutablePointer<Object>

    /// An object beside the stack, the first to be lent and the last to come. A lease that ends
    /// before the next one begins is the usual case, and costs two stores here; in the stack it
    /// would be three, of which one goes where the count says.
    @usableFromInline
    var spare: Place?

    /// How many objects lie in the stack.
    @usableFromInline
    var count: Int

    /// How many the stack takes before it gives some back.
    @usableFromInline
    let countMax: Int

    @usableFromInline
    let places: UnsafeMutablePointer<Place>

    /// Whether the pool has a reset hook.
    @usableFromInline
    let resets: Bool

    /// How many slots are leased to the magazine, lent on or not.
    var heldCount: Int

    let core: UnsafePointer<PoolCore<Object>>
    let site: CallSite

    init(
        of core: UnsafePointer<PoolCore<Object>>, depth: Int, at site: CallSite,
        places: UnsafeMutablePointer<Place>
    ) {
        unsafe spare = nil  // SAFETY: no address.
        count = 0
        countMax = depth - 1
        unsafe self.places = places  // SAFETY: kept by the magazine.
        unsafe resets = core.pointee.reset != nil  // SAFETY: kept by the pool.
        heldCount = 0
        unsafe self.core = core  // SAFETY: kept by the pool.
        self.site = site
    }
}

extension LocalMagazineState where Object: ~Copyable {
    var depth: Int { countMax + 1 }

    var unlentCount: Int {
        unsafe count + (spare == nil ? 0 : 1)  // SAFETY: only compared.
    }

    var lentCount: Int { heldCount - unlentCount }

    /// How many objects a refill fetches at most, and a full stack gives back.
    var batchCount: Int { depth / 2 }

    // The hints keep the calls, and what they need in registers, out of the way: 1.0 ns for a lease
    // in a loop in place of 1.3.

    /// An object to lend, or nil if the pool has none either.
    @inlinable
    @inline(__always)
    mutating func take() -> Place? {
        let object = unsafe spare  // SAFETY: passed on to the caller, who has it alone.
        if unsafe _fastPath(object != nil) {  // SAFETY: only compared.
            unsafe spare = nil  // SAFETY: no address.
            return unsafe object  // SAFETY: as above.
        }
        if _slowPath(count == 0) { return unsafe refill() }  // SAFETY: as above.
        count &-= 1
        return unsafe places[count]  // SAFETY: below `count` (I1).
    }

    /// Takes back what was lent.
    @inlinable
    @inline(__always)
    mutating func put(_ object: Place) {
        if _slowPath(resets) { unsafe reset(object) }  // SAFETY: the caller has it alone.
        if unsafe spare == nil { return unsafe spare = object }  // SAFETY: kept, and not followed.
        if _slowPath(count == countMax) { giveHalfBack() }
        unsafe places[count] = object  // SAFETY: below `countMax` (I1).
        count &+= 1
    }

    // MARK: - Slow paths

    /// Leases a batch from the pool, of which the caller gets one; nil if there is none.
    @usableFromInline
    @inline(never)
    mutating func refill() -> Place? {
        assert(unlentCount == 0)
        // SAFETY: the places are ours, and a batch is smaller than `depth`.
        let fetched = unsafe core.pointee.leaseBatch(ofMax: batchCount, at: site, into: places)
        assert(fetched <= batchCount)
        heldCount += fetched
        if fetched == 0 { return nil }
        count = fetched - 1
        return unsafe places[count]  // SAFETY: written just now.
    }

    @usableFromInline
    @inline(never)
    mutating func reset(_ object: Place) {
        guard let reset = unsafe core.pointee.reset else { return }  // SAFETY: kept by the pool.
        unsafe reset(&object.pointee)  // SAFETY: the slot is leased to the magazine (I2).
    }

    /// Gives the objects that have lain longest back to the pool.
    @usableFromInline
    @inline(never)
    mutating func giveHalfBack() {
        assert(count == countMax)
        giveBack(batchCount)
    }

    /// Gives everything that is not lent back to the pool.
    mutating func flush() {
        if let object = unsafe spare {  // SAFETY: kept, and not followed.
            unsafe places[count] = object  // SAFETY: below `depth` (I1).
            unsafe spare = nil  // SAFETY: no address.
            count += 1
        }
        giveBack(count)
    }

    private mutating func giveBack(_ given: Int) {
        assert(given <= count)
        if given == 0 { return }
        // SAFETY: the slots are leased to the magazine (I2), and not lent on.
        unsafe core.pointee.endBatch(of: places, count: given)
        count -= given
        heldCount -= given
        // SAFETY: below the former count; the addresses move down in order.
        unsafe places.update(from: places + given, count: count)
    }

    /// Makes the lease of an object the pool's, and names it.
    mutating func detach(_ object: Place) -> PoolHandle {
        heldCount -= 1
        assert(heldCount >= unlentCount)
        let handle = unsafe core.pointee.handle(of: object)  // SAFETY: a slot of the pool (I2).
        unsafe core.pointee.setOwned(handle, to: false)  // SAFETY: as above.
        return handle
    }

    #if Checks || DEBUG
        func checkInvariants() {
            precondition(count >= 0, "I1: a negative count")
            precondition(count <= countMax, "I1: more objects than places")
            precondition(lentCount >= 0, "I3: more objects than the magazine holds")
            // SAFETY: kept by the pool.
            var isSeen = unsafe [Bool](repeating: false, count: core.pointee.capacity)
            for index in 0..<count {
                unsafe check(places[index], &isSeen)  // SAFETY: below `count`.
            }
            // SAFETY: an object of the pool.
            if let object = unsafe spare { unsafe check(object, &isSeen) }
        }

        private func check(_ object: Place, _ isSeen: inout [Bool]) {
            let handle = unsafe core.pointee.handle(of: object)  // SAFETY: an object of the pool.
            let isLeased = unsafe core.pointee.isLeased(handle)  // SAFETY: as above.
            // SAFETY: as above.
            let isOwned = unsafe core.pointee.words(of: handle.index + 1).isOwned.pointee.load(
                ordering: .relaxed)
            precondition(isLeased, "I2: a slot is not leased")
            precondition(isOwned, "I2: a slot is not owned")
            precondition(!isSeen[Int(handle.index)], "I2: an object lies here twice")
            isSeen[Int(handle.index)] = true
        }
    #endif
}
