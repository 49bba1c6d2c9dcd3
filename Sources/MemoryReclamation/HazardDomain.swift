// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Hazard pointers: a reader says which object it is about to use, and what others take out of a
/// structure is kept until no reader says so.
///
/// | Guarantee | `protect`, the guard's end               | `retire`                            |
/// |-----------|------------------------------------------|-------------------------------------|
/// | Progress  | lock-free: repeated only after the       | lock-free: never waits for readers  |
/// |           | source changed; the end is wait-free     |                                     |
/// | Stalled   | nothing                                  | a reader stalled in a guard holds   |
/// | peer      |                                          | back the one object it protects     |
/// | Cost      | one read-modify-write and two loads; the | one read-modify-write; every        |
/// |           | end is one store                         | `scanThreshold`th looks at all      |
/// |           |                                          | slots, one load each                |
/// | Memory    | a cache line for each slot, allocated in `init`; nothing later                 |
/// | Threads   | any; at most `slotCount` guards at a     | any; at most `slotCount` at a time, |
/// |           | time, another one waits for an end       | another one waits for an end        |
///
/// **Bound.** What was retired and not yet reclaimed is never more than `heldCountMax`: in each of
/// `slotCount` lists, what was protected when the list was last looked through, and up to
/// `scanThreshold` that came later. Stalled readers alone hold back one object each.
///
/// Rules for the structure: an object is retired once, by who took it out, when no source that
/// readers protect from names it any more, and none will again; and what takes a name out of a
/// source is **sequentially consistent** (a compare-exchange or an exchange costs the same on
/// x86-64). `protect` then never answers an object that is reclaimed before the guard ends or
/// protects another.
///
/// Not for walking over many objects at a time (use `EpochDomain`, which protects all of them with
/// one operation), nor where slots are named by number and never unmapped (`TaggedFreeList`).
///
/// Source: M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS
/// 2004. Ours has no fence, and its slots belong to no thread: a guard takes the one of its
/// thread's index, or the next that is free, by the compare-exchange that also names the object.
///
/// ```swift
/// let domain = HazardDomain()
/// domain.withGuard { hazard in
///     // SAFETY: `current` names objects that are retired when they are replaced.
///     guard let object = unsafe hazard.protect(current) else { return }
///     use(object)
/// }
/// ```
@frozen
@safe
public struct HazardDomain: ~Copyable, @unchecked Sendable {
    // Layout: one entry of a cache line for each slot
    //   hazard   0: free · else the address of the object that the slot's guard protects
    //   busy     1 while a thread works on the entry's list
    //   count    how many nodes the list has
    //   kept     how many of them were protected at its last scan
    //   chain    the list: first, last
    //
    // Invariants: I1  a slot with a hazard belongs to one guard, which alone changes it
    //             I2  a retired node is in one list, or with the thread that reclaims it
    //             I3  count - kept < scanThreshold and kept ≤ slots when nobody works on the list
    // Whose a slot is, nothing says: `checkInvariants` compares their number. Of I2 it sees the
    // lists.
    //
    // Edges: E1  hazard   naming the object, then the second load of the source | taking the name
    //            out of the source, then the load of the hazard by a scan
    //            All four are sequentially consistent: each side writes and then reads what the
    //            other writes, so in their one order at least one sees the other. Either the scan
    //            finds the hazard, or the reader finds that the source names something else. With
    //            acquire and release alone both may read the past. A read-modify-write by the scan
    //            is not enough either: the guard's end, a plain store, ends what it released, and
    //            the next hazard in the slot has not acquired it (a model found that).
    //        E2  let go   guard's end, or its naming of another object → load by a scan
    //            carries the reader's uses of the object, to who reclaims it
    //        E3  object   second load of the source in protect ← the structure's own release
    //            carries the object's contents
    //        E4  list     busy: store of 0 → compare-exchange of the next    carries the list
    //        The first loads of a source, of a slot and of busy are guesses, as are failed
    //        compare-exchanges. The counts answer numbers.

    @usableFromInline
    let block: SharedBlock

    @usableFromInline
    let table: HazardTable

    /// A domain whose guards are at most `slotCount` at a time, rounded up to a power of two.
    ///
    /// - Parameters:
    ///   - slotCount: at least one; as many as threads may be inside, times the guards of each.
    ///   - scanThreshold: after how many retired objects a list is looked through, at least one. A
    ///     multiple of the slots makes the cost of a retired object constant.
    ///   - prefersOneList: whether all threads put what they retire into one list, as long as that
    ///     is free: for objects that are retired seldom, so that fewer are kept for long.
    public init(slotCount: Int = 32, scanThreshold: Int = 64, prefersOneList: Bool = false) {
        let block = SharedBlock(byteCount: Self.storageByteCount(slotCount: slotCount))
        self.init(
            block: block, slotCount: slotCount, scanThreshold: scanThreshold,
            prefersOneList: prefersOneList)
    }

    /// A domain in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(slotCount:)` bytes, and outlives the domain.
    ///
    /// - Parameters:
    ///   - storage: the memory; what was there is overwritten.
    ///   - slotCount: as above.
    ///   - scanThreshold: as above.
    ///   - prefersOneList: as above.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, slotCount: Int, scanThreshold: Int = 64,
        prefersOneList: Bool = false
    ) {
        let byteCount = Self.storageByteCount(slotCount: slotCount)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: byteCount)
        self.init(
            block: block, slotCount: slotCount, scanThreshold: scanThreshold,
            prefersOneList: prefersOneList)
    }

    private init(
        block: consuming SharedBlock, slotCount: Int, scanThreshold: Int, prefersOneList: Bool
    ) {
        precondition(scanThreshold >= 1, "a list is scanned at the latest for each object")
        precondition(scanThreshold <= 1 << 24, "so many objects are not worth keeping")
        let rounded = ReclamationSlots.roundedCount(slotCount)
        // SAFETY: the table lies in the block, which this domain keeps; nobody uses it yet.
        table = unsafe HazardTable(
            base: block.base, slotCount: rounded, scanThreshold: scanThreshold,
            prefersOneList: prefersOneList)
        self.block = block
        table.initialize()
    }

    deinit {
        // Nobody else is inside: whoever could be would still hold the domain.
        for index in 0..<table.slotCount { _ = table.chain(at: index).reclaimAll() }
    }

    // MARK: - Facts

    /// How many guards there may be at a time.
    @inlinable
    public var slotCount: Int { table.slotCount }

    /// How many retired objects are not yet reclaimed: exact when nobody is inside.
    public var heldCount: Int { table.heldCount }

    /// What `heldCount` never exceeds.
    public var heldCountMax: Int {
        table.slotCount * (table.slotCount + table.scanThreshold)
    }

    /// How many bytes `init(storage:slotCount:)` needs.
    public static func storageByteCount(slotCount: Int) -> Int {
        ReclamationSlots.roundedCount(slotCount) * CacheLine.byteCount
    }

    // MARK: - Operations

    /// Runs `body` with a guard that protects nothing yet, and ends the guard.
    @inlinable
    @inline(__always)
    public func withGuard<Result: ~Copyable, Failure: Error>(
        _ body: (inout HazardGuard) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var hazard = unsafe makeGuard()  // SAFETY: it ends before this call does.
        return try body(&hazard)
    }

    /// A guard that protects nothing yet, for code that cannot live in a closure. It must end
    /// before the domain does.
    @inlinable
    @inline(__always)
    @unsafe
    public func makeGuard() -> HazardGuard {
        HazardGuard(table: table)
    }

    /// Hands over an object that was taken out of its structure, to be reclaimed when no guard
    /// protects it: the address that readers protect is the node's. Every `scanThreshold`th call
    /// for a list reclaims what it can.
    @unsafe
    public func retire(_ node: UnsafeMutablePointer<RetiredNode>) {
        let index = table.takeList()
        var free = RetiredChain()
        unsafe table.add(node, at: index)  // SAFETY: the list is ours, the node its last owner's.
        if table.isScanDue(at: index) { free = table.scan(at: index) }
        table.leaveList(index)
        _ = free.reclaimAll()
    }

    /// Looks through all lists and reclaims what no guard protects, but for lists that another
    /// thread works on. Returns how many objects that were. For the end of a phase; `retire` does
    /// it by itself.
    @discardableResult
    public func collect() -> Int {
        var count = 0
        for index in 0..<table.slotCount where table.tryTakeList(index) {
            let free = table.scan(at: index)
            table.leaveList(index)
            count += free.reclaimAll()
        }
        return count
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. Call it only while nobody else is inside, and while
        /// just `guardCount` guards protect something.
        public func checkInvariants(guardCount: Int = 0) {
            table.checkInvariants(guardCount: guardCount)
        }
    #endif
}

/// What names an object that its thread is about to use. One object at a time; it ends with its
/// scope. It must not outlive its domain.
@frozen
@safe
public struct HazardGuard: ~Copyable {
    @usableFromInline
    let table: HazardTable

    /// The slot, or nil before the first object.
    @usableFromInline
    var slot: UnsafeMutablePointer<Atomic<UInt>>?

    @inlinable
    @inline(__always)
    init(table: HazardTable) {
        self.table = table
        unsafe slot = nil  // SAFETY: a plain store.
    }

    deinit {
        // SAFETY: reading an address touches no memory behind it.
        guard let slot = unsafe slot else { return }
        // SAFETY: the domain outlives its guards.
        unsafe slot.pointee.store(0, ordering: .releasing)  // E2
    }

    /// Protects the object that a source names, or answers nil if it names none. What the guard
    /// protected before is let go, at the latest when the guard ends.
    ///
    /// The source must be alive during the call, and its structure must keep the domain's rules.
    @inlinable
    @inline(__always)
    @unsafe
    public mutating func protect(
        _ source: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>
    ) -> UnsafeMutableRawPointer? {
        // SAFETY: the caller keeps the source alive.
        var found = unsafe source.pointee.load(ordering: .relaxed)
        while let object = unsafe found {  // Repeated only after the source changed.
            name(UInt(bitPattern: object))
            // SAFETY: as above.
            unsafe found = source.pointee.load(ordering: .sequentiallyConsistent)  // E1, E3
            if unsafe found == object { return unsafe object }  // SAFETY: only compared.
        }
        return nil
    }

    /// Lets go of what is protected, and keeps the guard.
    @inlinable
    @inline(__always)
    public mutating func clear() {
        // SAFETY: reading an address touches no memory behind it.
        guard let taken = unsafe slot else { return }
        // SAFETY: the domain outlives its guards.
        unsafe taken.pointee.store(0, ordering: .releasing)  // E2
        unsafe slot = nil  // SAFETY: a plain store.
    }

    /// Puts an address into the guard's slot, which is taken with it the first time.
    @inlinable
    @inline(__always)
    mutating func name(_ address: UInt) {
        // SAFETY: reading an address touches no memory behind it.
        if let slot = unsafe slot {
            // SAFETY: the domain outlives its guards; the slot is ours (I1).
            unsafe slot.pointee.store(address, ordering: .sequentiallyConsistent)  // E1, E2
        } else {
            unsafe slot = table.takeSlot(for: address)  // SAFETY: as above.
        }
    }
}
