// SPDX-License-Identifier: MIT

public import AtomicSupport

/// A bounded number of objects that are made once, lent out by handle or as values that return
/// themselves, and used again. The number is fixed, or grows up to a limit.
///
/// | Guarantee | `tryAcquire` / `release`                                                         |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | lock-free; wait-free while the thread's own magazine has a slot (or room)        |
/// | Order     | none: the slot released last by this thread is likely the next one               |
/// | Cost      | acquire: one exchange on a line of the thread's own; release: plain stores;      |
/// |           | every 16th or so: one compare-exchange on the shared free list; no allocation    |
/// | Memory    | the slots, 4 bytes × `capacity`, 256 bytes × `magazineCount`; given back in      |
/// |           | `deinit`, nothing before                                                         |
/// | Threads   | any, and a lease may be released by another thread than the one that acquired it |
///
/// **What `capacity` means.** Never more than `capacity` leases at a time. And never fewer for the
/// reason that other threads hold free slots in their magazines: before `tryAcquire` answers nil,
/// it has searched the free list and every magazine, also of threads that sleep or have exited.
/// Every slot whose release happened before the call is found, unless another thread takes it
/// first. Only a slot that another thread moves during the call may be overlooked. What lies in a
/// `LocalPoolMagazine` is no free slot, but leased, until the magazine gives it back.
///
/// **Growth.** A pool made by `init(growingFrom:by:to:)` adds a chunk of slots when it has searched
/// everything and found none. That is lock-free: of threads that add the same chunk one wins, the
/// others give theirs back and look again; they may add the next one, if the winner's slots are
/// not in the free list yet. Until they are, a thread may also be refused (nil) when there is no
/// next chunk. Slots never move. No chunk is given back before the pool's end, because a stale
/// handle may be asked about at any time; objects keep what they have, so let `reset` shrink them.
///
/// **Misuse.** Releasing a handle twice, or using one after its release, traps: the slot's
/// generation has moved on. Two threads that release one handle *at the same moment* are caught in
/// debug builds, which pay a compare-exchange for it. A handle is used by one thread at a time.
/// `tryLease` answers a value that cannot be released twice, nor forgotten.
///
/// **What is still out.** `forEachLease` names each lease that has not ended: its handle and, under
/// the package's trait `CallSites`, the line that began it.
///
/// The reset hook runs in the releasing thread, before anybody else can get the object. `deinit`
/// destroys every object that was made, once, leased by a handle or not; it traps while a
/// `PoolLease` or a `LocalPoolMagazine` is alive. Not for signal handlers. Not for memory of many
/// sizes: use an allocator.
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
    //   then       one link for each slot, side by side: a batch of 16 fills half a line
    //   then       the address of each chunk behind the initial slots, or nil
    //   then       the same as `core`, for leases
    //   then       the initial slots, 64 bytes apart or a multiple: words (PoolSlot) · object
    //   chunk      the same, in a block of its own
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
    //             I6  a chunk, once there, stays where it is to the pool's end
    //
    // Edges: E1  give back  magazine put → take, and TaggedFreeList's E1
    //            carries the slot: object, isMade, generation; of a new chunk all of it
    //        E2  grow  add compare-exchange → load of the chunk's address
    //            carries the words of its slots, to who asks about a handle that nobody gave it.
    //            Whoever was given a link or a handle has them by E1.
    //        Generations are relaxed: they change only in the hands of the leaseholder, and to
    //        others they are only compared. Counters and call sites are relaxed: they are for
    //        people. isOwned is relaxed: the owner writes it, and the pool's end follows on that.
    //        A magazine passes from a thread that exits to the next through ThreadIndex.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let core: PoolCore<Object>

    @usableFromInline
    let coreOfLeases: UnsafeMutablePointer<PoolCore<Object>>

    /// How many leases there may be at a time.
    @inlinable
    public var capacity: Int { core.capacity }

    /// How many threads can have a magazine: those whose `ThreadIndex` is smaller.
    @inlinable
    public var magazineCount: Int { core.magazineCount }

    /// A pool of `capacity` slots, at least one, all of which are there from the beginning.
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
        self.init(
            growingFrom: capacity, by: 1, to: capacity, magazineCount: magazineCount,
            firstGeneration: 0, make: make, reset: reset)
    }

    /// A pool that begins with some slots and adds chunks of them when all are leased.
    ///
    /// - Parameters:
    ///   - initialCapacity: how many slots there are at the beginning, at least one.
    ///   - chunkCapacity: how many are added at a time, rounded up to a power of two; there are at
    ///     most 256 chunks.
    ///   - capacity: how many leases there may be at a time, and slots at the end.
    ///   - magazineCount: how many threads get a magazine, at most `ThreadIndex.limit`; the others,
    ///     and with zero all, use the free list.
    ///   - make: makes an object, at the first lease of each slot.
    ///   - reset: brings an object back to its first state, at each release.
    public init(
        growingFrom initialCapacity: Int, by chunkCapacity: Int, to capacity: Int,
        magazineCount: Int = 64, make: @escaping @Sendable () -> sending Object,
        reset: (@Sendable (inout Object) -> Void)? = nil
    ) {
        self.init(
            growingFrom: initialCapacity, by: chunkCapacity, to: capacity,
            magazineCount: magazineCount, firstGeneration: 0, make: make, reset: reset)
    }

    /// For tests: generations start near their maximum.
    package init(
        growingFrom initialCapacity: Int, by chunkCapacity: Int, to capacity: Int,
        magazineCount: Int, firstGeneration: UInt32,
        make: @escaping @Sendable () -> sending Object,
        reset: (@Sendable (inout Object) -> Void)? = nil
    ) {
        let layout = PoolLayout(
            Object.self, capacity: capacity, initialCapacity: initialCapacity,
            chunkCapacity: chunkCapacity, magazineCount: magazineCount)
        self.init(
            // SAFETY: the designated `init` initializes every part but the objects.
            block: unsafe SharedBlock(uninitializedByteCount: layout.byteCount), layout: layout,
            magazineCount: magazineCount, firstGeneration: firstGeneration, make: make,
            reset: reset)
    }

    /// A pool of `capacity` slots in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(capacity:magazineCount:)` bytes, and outlives the pool.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, capacity: Int, magazineCount: Int,
        make: @escaping @Sendable () -> sending Object,
        reset: (@Sendable (inout Object) -> Void)? = nil
    ) {
        let layout = PoolLayout(
            Object.self, capacity: capacity, initialCapacity: capacity, chunkCapacity: 1,
            magazineCount: magazineCount)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: layout.byteCount)
        self.init(
            block: block, layout: layout, magazineCount: magazineCount, firstGeneration: 0,
            make: make, reset: reset)
    }

    private init(
        block: consuming SharedBlock, layout: PoolLayout, magazineCount: Int,
        firstGeneration: UInt32, make: @escaping @Sendable () -> sending Object,
        reset: (@Sendable (inout Object) -> Void)?
    ) {
        precondition(firstGeneration & 1 == 0, "the generation of a slot that is not leased")
        // SAFETY: the parts lie in the block, apart from each other; nobody uses them yet.
        unsafe core = PoolCore(
            in: block.base, layout, magazineCount: magazineCount,
            firstGeneration: firstGeneration, make: make, reset: reset)
        // SAFETY: as above.
        unsafe coreOfLeases = block.pointer(at: layout.core, to: PoolCore<Object>.self)
        self.block = block
        // SAFETY: as above; both name the same parts.
        unsafe coreOfLeases.initialize(
            to: PoolCore(
                in: self.block.base, layout, magazineCount: magazineCount,
                firstGeneration: firstGeneration, make: make, reset: reset))
        unsafe core.initialize()  // SAFETY: as above.
    }

    deinit {
        core.destroyObjects()
        core.freeChunks()
        // SAFETY: initialized in `init`; leases are gone.
        unsafe coreOfLeases.deinitialize(count: 1)
    }

    // MARK: - Operations

    /// Leases an object, or answers nil if all `capacity` are leased. `file` and `line` name the
    /// caller in reports, under the trait `CallSites`.
    @inlinable
    @inline(__always)
    public func tryAcquire(file: StaticString = #fileID, line: UInt32 = #line) -> PoolHandle? {
        core.tryAcquire(at: CallSite(file: file, line: line))
    }

    /// Ends a lease. The handle is stale from here on.
    @inlinable
    @inline(__always)
    public func release(_ handle: PoolHandle) { core.release(handle) }

    /// Leases an object to a value that gives it back when it dies, or answers nil if all
    /// `capacity` are leased. `file` and `line` are those of `tryAcquire`.
    @inlinable
    @inline(__always)
    public func tryLease(
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> PoolLease<Object>? {
        guard let handle = core.tryAcquire(at: CallSite(file: file, line: line)) else {
            return nil
        }
        // SAFETY: the pool looks for leases at its end.
        return unsafe PoolLease(handle, of: UnsafePointer(coreOfLeases))
    }

    /// Makes a value that owns the lease of a handle. Traps if the handle is stale, or owned.
    public func adopt(_ handle: PoolHandle) -> PoolLease<Object> {
        precondition(core.isLeased(handle), "the handle is stale: its lease has ended")
        // SAFETY: the index was checked.
        let isOwned = unsafe core.words(of: handle.index + 1).isOwned.pointee.load(
            ordering: .relaxed)
        precondition(!isOwned, "a PoolLease or a magazine owns this handle")
        // SAFETY: the pool looks for leases at its end.
        return unsafe PoolLease(handle, of: UnsafePointer(coreOfLeases))
    }

    /// Makes a magazine that one owner has alone: the cheapest way to lease, at the price of up to
    /// `depth` slots, at least two, that nobody else can have meanwhile. `file` and `line` name the
    /// magazine's leases in reports, under the trait `CallSites`.
    public func makeLocalMagazine(
        depth: Int, file: StaticString = #fileID, line: UInt32 = #line
    ) -> LocalPoolMagazine<Object> {
        // SAFETY: the pool looks for magazines at its end.
        unsafe LocalPoolMagazine(
            of: UnsafePointer(coreOfLeases), depth: depth, at: CallSite(file: file, line: line))
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
        unsafe core.pointer(to: handle)  // SAFETY: passed on to the caller.
    }

    /// Whether the handle's lease has not ended.
    @inlinable
    @inline(__always)
    public func isLeased(_ handle: PoolHandle) -> Bool { core.isLeased(handle) }

    // MARK: - Facts

    /// How many more leases there may be, in slots that are there or will be: exact when nobody
    /// else is inside, else recent.
    public var availableCount: Int { core.availableCount }

    /// How many slots there are: `capacity` of a fixed pool; of a growing one never fewer than
    /// before. O(chunks).
    public var slotCount: Int { core.slotCount }

    /// What the pool has done so far: exact when nobody else is inside, else recent.
    public var statistics: ObjectPoolStatistics { core.statistics }

    /// The report of what was not given back: calls `body` for each lease that has not ended, in
    /// the order of slots. Exact when nobody else is inside; else each was a lease when it was
    /// looked at, and its `isOwned` and `site` may be those of the slot's next one. O(capacity).
    public func forEachLease(_ body: (OutstandingLease) -> Void) { core.forEachLease(body) }

    /// How many bytes `init(storage:)` needs.
    public static func storageByteCount(capacity: Int, magazineCount: Int) -> Int {
        PoolLayout(
            Object.self, capacity: capacity, initialCapacity: capacity, chunkCapacity: 1,
            magazineCount: magazineCount
        ).byteCount
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside.
        public func checkInvariants() { core.checkInvariants() }
    #endif
}
