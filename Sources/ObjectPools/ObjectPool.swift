// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A fixed number of objects that are made once, lent out by handle, and used again.
///
/// | Guarantee | `tryAcquire` / `release`                                                         |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | lock-free; wait-free while the thread's own magazine has a slot (or room)        |
/// | Order     | none: the slot released last by this thread is likely the next one               |
/// | Cost      | acquire: one exchange on a line of the thread's own; release: plain stores;      |
/// |           | every 16th or so: one compare-exchange on the shared free list; no allocation    |
/// | Memory    | `capacity` slots and `magazineCount` × 256 bytes; returned in `deinit`           |
/// | Threads   | any, and a lease may be released by another thread than the one that acquired it |
///
/// **What `capacity` means.** Never more than `capacity` leases at a time. And never fewer for the
/// reason that other threads hold free slots in their magazines: before `tryAcquire` answers nil,
/// it has searched the free list and every magazine, also of threads that sleep or have exited.
/// Every slot whose release happened before the call is found, unless another thread takes it
/// first. Only a slot that another thread moves during the call may be overlooked.
///
/// **Misuse.** Releasing a handle twice, or using one after its release, traps: the slot's
/// generation has moved on. Two threads that release one handle *at the same moment* are caught in
/// debug builds, which pay a compare-exchange for it. A handle is used by one thread at a time.
///
/// The reset hook runs in the releasing thread, before anybody else can get the object. `deinit`
/// destroys every object that was made, once, leased or not. Not for signal handlers.
///
/// Source: J. Bonwick, J. Adams, "Magazines and Vmem", USENIX 2001, with a tagged Treiber list as
/// the depot. Ours lets thieves into the magazines, entry by entry, and has no lock.
///
/// ```swift
/// let pool = ObjectPool<[UInt8]>(capacity: 64, make: { [] }, reset: { $0.removeAll() })
/// if let handle = pool.tryAcquire() {
///     pool.withObject(handle) { $0.append(1) }
///     pool.release(handle)
/// }
/// ```
@frozen
@safe
public struct ObjectPool<Object: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Layout:
    //   line 0     free list head
    //   then       magazineCount + 1 magazines; the last has no entries in use: its head counts for
    //              threads without a magazine
    //   then       slots, 64 bytes apart or a multiple: link · generation · isMade · object
    //
    //   thread 0 ─► [magazine 0: ≤ 32 slots] ─┐  16 at a time  ┌──────────┐
    //   thread 1 ─► [magazine 1: ≤ 32 slots] ─┼──────────────► │free list │
    //   thread 2 ─► [magazine 2: ≤ 32 slots] ─┘ ◄────────────  └──────────┘
    //        ▲ an exhausted thread takes single slots out of any magazine
    //
    // Invariants: I1  a slot is in the free list, in one entry of one magazine, or with one thread
    //             I2  its generation is odd exactly while it is leased
    //             I3  its object exists from the first lease to the pool's end
    //             I4  only the owner of a magazine puts, and only into entries it knows to be empty
    //             I5  leased slots = acquired - released, when nobody is inside
    //
    // Edges: E1  give back  magazine put → take, and TaggedFreeList's E1
    //            carries the slot: object, isMade, generation
    //        Generations are relaxed: they change only in the hands of the leaseholder, and to
    //        others they are only compared. Counters are relaxed: they are numbers for people.
    //        A magazine passes from a thread that exits to the next through ThreadIndex.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let free: TaggedFreeList

    @usableFromInline
    let magazines: UnsafeMutableRawPointer

    @usableFromInline
    let slots: UnsafeMutableRawPointer

    @usableFromInline
    let make: @Sendable () -> sending Object

    @usableFromInline
    let reset: (@Sendable (inout Object) -> Void)?

    /// How many leases there may be at a time.
    public let capacity: Int

    /// How many threads can have a magazine: those whose `ThreadIndex` is smaller.
    public let magazineCount: Int

    /// How many slots a refill or a flush moves.
    @usableFromInline
    let batchCount: UInt32

    /// A pool of `capacity` slots, at least one.
    ///
    /// - Parameters:
    ///   - capacity: how many leases there may be at a time.
    ///   - magazineCount: how many threads get a magazine, at most `ThreadIndex.limit`; the others,
    ///     and with zero all, use the free list.
    ///   - make: makes an object, at the first lease of each slot.
    ///   - reset: brings an object back to its first state, at each release.
    public init(
        capacity: Int, magazineCount: Int = 64, make: @escaping @Sendable () -> sending Object,
        reset: (@Sendable (inout Object) -> Void)? = nil
    ) {
        let byteCount = Self.storageByteCount(capacity: capacity, magazineCount: magazineCount)
        self.init(
            block: SharedBlock(byteCount: byteCount), capacity: capacity,
            magazineCount: magazineCount, make: make, reset: reset)
    }

    /// A pool in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:magazineCount:)` bytes, and outlives the pool.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, capacity: Int, magazineCount: Int,
        make: @escaping @Sendable () -> sending Object,
        reset: (@Sendable (inout Object) -> Void)? = nil
    ) {
        let byteCount = Self.storageByteCount(capacity: capacity, magazineCount: magazineCount)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(
            block: block, capacity: capacity, magazineCount: magazineCount, make: make,
            reset: reset)
    }

    private init(
        block: consuming SharedBlock, capacity: Int, magazineCount: Int,
        make: @escaping @Sendable () -> sending Object,
        reset: (@Sendable (inout Object) -> Void)?
    ) {
        let layout = Self.layout(capacity: capacity, magazineCount: magazineCount)
        self.capacity = capacity
        self.magazineCount = magazineCount
        self.make = make
        self.reset = reset
        // Eight full magazines hold every slot: with fewer threads, nobody needs to steal.
        self.batchCount = UInt32(min(max(capacity / 16, 1), Int(PoolMagazineShape.limit / 2)))
        // SAFETY: the parts lie in the block, apart from each other; nobody uses them yet.
        unsafe self.magazines = block.base + layout.magazines
        unsafe self.slots = block.base + layout.slots
        unsafe self.free = TaggedFreeList(
            head: block.pointer(at: layout.free, to: Atomic<UInt64>.self), slots: slots,
            stride: Self.slotStride)
        self.block = block
        for index in 0...magazineCount { unsafe magazine(index).initialize() }  // SAFETY: as above.
        for index in 0..<UInt32(capacity) {
            let link = index + 1
            unsafe generation(of: link).initialize(to: Atomic(0))  // SAFETY: as above.
            unsafe isMade(link).initialize(to: false)  // SAFETY: as above.
        }
        unsafe free.initialize(count: capacity)  // SAFETY: as above.
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the pool.
        for index in 0..<UInt32(capacity) {
            // SAFETY: the object exists exactly if the mark says so (I3).
            if unsafe isMade(index + 1).load() {
                unsafe object(of: index + 1).deinitialize(count: 1)  // SAFETY: as above.
            }
        }
    }

    // MARK: - Operations

    /// Leases an object, or answers nil if all `capacity` are leased.
    @inlinable
    @inline(__always)
    public func tryAcquire() -> PoolHandle? {
        guard let own = ownMagazineIndex() else { return acquireWithoutMagazine() }
        let magazine = unsafe magazine(own)  // SAFETY: below `magazineCount`.
        var link = unsafe magazine.popOwn()  // SAFETY: the index is the calling thread's.
        if link == 0 {
            link = acquireSlowly(own)
            if link == 0 { return nil }
        }
        unsafe bump(magazine.head.pointee.acquired)  // SAFETY: the magazine is the thread's own.
        return lease(link)
    }

    /// Ends a lease. The handle is stale from here on.
    @inlinable
    @inline(__always)
    public func release(_ handle: PoolHandle) {
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

    /// Lends the leased object to `body`. Traps if the handle is stale.
    @inlinable
    @inline(__always)
    public func withObject<Result: ~Copyable, Failure: Error>(
        _ handle: PoolHandle, _ body: (inout sending Object) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        // SAFETY: the handle was checked; a leased slot is used by one thread at a time.
        try unsafe body(&pointer(to: handle).pointee)
    }

    /// The leased object's address, which stays the same for the pool's lifetime. Traps if the
    /// handle is stale; afterwards the caller sees to it that the pointer is not used past the
    /// release.
    @inlinable
    @inline(__always)
    @unsafe
    public func pointer(to handle: PoolHandle) -> UnsafeMutablePointer<Object> {
        precondition(isLeased(handle), "the handle is stale: its lease has ended")
        return unsafe object(of: handle.index &+ 1)  // SAFETY: the index was checked.
    }

    /// Whether the handle's lease has not ended.
    @inlinable
    @inline(__always)
    public func isLeased(_ handle: PoolHandle) -> Bool {
        guard Int(handle.index) < capacity, handle.generation & 1 == 1 else { return false }
        // SAFETY: the index was checked.
        let current = unsafe generation(of: handle.index &+ 1).pointee.load(ordering: .relaxed)
        return current == handle.generation
    }

    // MARK: - Facts

    /// How many slots are not leased: exact when nobody else is inside, else recent.
    public var availableCount: Int {
        let total = statistics
        let leased = Int(truncatingIfNeeded: total.acquired &- total.released)
        return min(max(capacity - leased, 0), capacity)
    }

    /// What the pool has done so far: exact when nobody else is inside, else recent.
    public var statistics: ObjectPoolStatistics {
        var total = ObjectPoolStatistics()
        for index in 0...magazineCount {
            unsafe magazine(index).head.pointee.add(to: &total)  // SAFETY: in our block.
        }
        return total
    }

    /// How many bytes `init(storage:)` needs.
    public static func storageByteCount(capacity: Int, magazineCount: Int) -> Int {
        layout(capacity: capacity, magazineCount: magazineCount).byteCount
    }
}
