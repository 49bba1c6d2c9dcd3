// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A stack of a pool's objects that one owner has alone: one thread at a time, or one event loop.
///
/// | Guarantee | `tryLease` / the end of its lease                                                |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | wait-free while the magazine has an object (or room); else lock-free, as the     |
/// |           | pool: nobody's stall matters                                                     |
/// | Order     | none: what came back last, or next to last, is the next one                      |
/// | Cost      | a few plain loads and stores, no atomic operation, no counter; a batch every     |
/// |           | `depth / 2` or so: one compare-exchange on the pool's free list                  |
/// | Memory    | a line of 128 bytes and 8 bytes × `depth`; the pool's slots, see below           |
/// | Threads   | one at a time: neither the magazine nor its leases are `Sendable`                |
///
/// **It hoards.** To the pool, each slot in the magazine is leased, lent on or not, until it is
/// given back: up to `depth` of them lie here that nobody else can have, and no thread that finds
/// the pool exhausted can take them, also while the owner sleeps. So give the pool `depth` slots
/// more for each magazine, call `flush` before a long sleep, and keep to `ObjectPool.tryLease`
/// where slots are few, owners many, or leases end in other threads than they began.
///
/// **Exhausted**, it leases a batch from the pool: the first object by all means, as `tryAcquire`,
/// and up to `depth / 2` in all of what lies in the thread's own magazine of the pool and in the
/// free list. Nobody is robbed for more than one, and the pool grows for one only. **Full**, it
/// gives the `depth / 2` that have lain longest back to the free list.
///
/// **To the pool** its slots are leases, acquired when a batch comes and released when it goes:
/// `capacity`, `availableCount`, `statistics` and the report of leases hold, and `isOwned` is true
/// of each; under the trait `CallSites` they name the line that made the magazine. The reset hook
/// runs whenever a lease of the magazine ends.
///
/// **Its end** gives everything back. It traps while a lease of it is alive, and the pool traps if
/// it ends before its magazines: a type that holds both declares the magazine first, because its
/// members end in that order. A pool in a `Shared` box may end before its scope does: see there. A
/// lease that has to go on elsewhere is detached to its handle.
///
/// Source: the magazine layer of J. Bonwick, J. Adams, "Magazines and Vmem", USENIX 2001, whose
/// magazines nobody robs. Ours is one magazine and not two, and so it gives back half.
///
/// ```swift
/// let pool = ObjectPool<[UInt8]>(capacity: 256, make: { [] }, reset: { $0.removeAll() })
/// let magazine = pool.makeLocalMagazine(depth: 32)
/// if var lease = magazine.tryLease() {
///     lease.withObject { $0.append(1) }
/// }  // The object is reset and goes back to the magazine here.
/// ```
@frozen
@safe
public struct LocalPoolMagazine<Object: ~Copyable>: ~Copyable {
    // Layout: a block of its own: line 0 the state (LocalMagazineState), then `depth` addresses.
    //
    //   spare ──► an object, or nil
    //   places  [ ● ● ● ● ● · · · ]  the others, from the one that has lain longest
    //             0         count
    //
    // Invariants: I1  count < depth: the last place is for the spare object, at a flush
    //             I2  the slots of all objects here are leased, owned, and different
    //             I3  heldCount = objects here + leases of the magazine that are alive
    //
    // Edges: none. What lies here is one thread's at a time; who hands the magazine on
    //        synchronizes. Slots come and go by the pool's E1. The pool's count of magazines is
    //        relaxed, for its end, which follows on theirs.

    private let block: SharedBlock

    @usableFromInline
    let state: UnsafeMutablePointer<LocalMagazineState<Object>>

    /// How many objects it keeps at most.
    public var depth: Int {
        unsafe state.pointee.depth  // SAFETY: in our block.
    }

    /// How many objects lie here: that many leases need nothing from the pool.
    public var unlentCount: Int {
        unsafe state.pointee.unlentCount  // SAFETY: in our block.
    }

    /// How many leases of the magazine are alive.
    public var lentCount: Int {
        unsafe state.pointee.lentCount  // SAFETY: in our block.
    }

    @unsafe
    init(of core: UnsafePointer<PoolCore<Object>>, depth: Int, at site: CallSite) {
        precondition(depth >= 2, "a magazine keeps at least two objects")
        precondition(depth < Int(Int32.max), "no pool has so many slots")
        var layout = BlockLayout()
        let start = layout.appendPadded(LocalMagazineState<Object>.self)
        // SAFETY: an offset.
        let places = unsafe layout.append(UnsafeMutablePointer<Object>.self, count: depth)
        // SAFETY: a place is written before it is read.
        block = unsafe SharedBlock(uninitializedByteCount: layout.byteCount)
        // SAFETY: the parts lie in the block, apart from each other.
        unsafe state = block.pointer(at: start, to: LocalMagazineState<Object>.self)
        // SAFETY: as above; the pool looks for magazines at its end.
        unsafe state.initialize(
            to: LocalMagazineState(
                of: core, depth: depth, at: site,
                places: block.pointer(at: places, to: UnsafeMutablePointer<Object>.self)))
        unsafe core.pointee.countLocalMagazine(isNew: true)  // SAFETY: as above.
    }

    deinit {
        unsafe state.pointee.flush()  // SAFETY: in our block.
        let lentCount = lentCount
        precondition(lentCount == 0, "a LocalPoolMagazine ends while a lease of it is alive")
        // SAFETY: the pool looks for magazines at its end.
        unsafe state.pointee.core.pointee.countLocalMagazine(isNew: false)
        unsafe state.deinitialize(count: 1)  // SAFETY: initialized in `init`.
    }

    /// Leases an object to a value that gives it back to the magazine when it dies, or answers nil
    /// if the magazine is empty and all of the pool's slots are leased.
    @inlinable
    @inline(__always)
    public func tryLease() -> LocalPoolLease<Object>? {
        // SAFETY: in our block, which the magazine keeps until its leases have ended.
        guard let object = unsafe state.pointee.take() else { return nil }
        return unsafe LocalPoolLease(object, of: state)  // SAFETY: as above.
    }

    /// Gives all objects that are not lent back to the pool, where anybody finds them. O(`depth`).
    public func flush() {
        unsafe state.pointee.flush()  // SAFETY: in our block.
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken.
        public func checkInvariants() {
            unsafe state.pointee.checkInvariants()  // SAFETY: in our block.
        }
    #endif
}

@available(*, unavailable, message: "one thread at a time")
extension LocalPoolMagazine: Sendable where Object: ~Copyable {}
