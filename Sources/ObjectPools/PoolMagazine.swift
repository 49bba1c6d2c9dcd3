// SPDX-License-Identifier: MIT

public import AtomicSupport

// Edges: see ObjectPool.swift

/// The head of a magazine: what its owner has at hand, and what it has done.
///
/// Only the owner writes it, by a load and a store, so nothing here is a read-modify-write. The one
/// head for threads without a magazine is shared and counts by addition.
@usableFromInline
@frozen
struct PoolMagazineHead: ~Copyable {
    // All relaxed: `count` is a hint to thieves (the entries decide), the others are numbers for
    // people. A release that happened before a thief's search has made `count` visible with it.
    @usableFromInline let count: Atomic<UInt32>
    /// In the shared head: how many local magazines of the pool are alive.
    let localCount: Atomic<UInt32>
    @usableFromInline let acquired: Atomic<UInt64>
    @usableFromInline let released: Atomic<UInt64>
    @usableFromInline let exhausted: Atomic<UInt64>
    @usableFromInline let refilled: Atomic<UInt64>
    @usableFromInline let flushed: Atomic<UInt64>
    @usableFromInline let stolen: Atomic<UInt64>

    init() {
        count = Atomic(0)
        localCount = Atomic(0)
        acquired = Atomic(0)
        released = Atomic(0)
        exhausted = Atomic(0)
        refilled = Atomic(0)
        flushed = Atomic(0)
        stolen = Atomic(0)
    }

    func add(to total: inout ObjectPoolStatistics) {
        total.acquired &+= acquired.load(ordering: .relaxed)
        total.released &+= released.load(ordering: .relaxed)
        total.exhausted &+= exhausted.load(ordering: .relaxed)
        total.refilled &+= refilled.load(ordering: .relaxed)
        total.flushed &+= flushed.load(ordering: .relaxed)
        total.stolen &+= stolen.load(ordering: .relaxed)
    }
}

/// The measures of a magazine.
@usableFromInline
@frozen
enum PoolMagazineShape {
    /// How many entries a magazine has: one cache line of them.
    @inlinable
    static var limit: UInt32 { 32 }

    /// A line for the head and one for the entries.
    @inlinable
    static var byteCount: Int { 2 &* CacheLine.byteCount }
}

/// A stack of slots at one thread's hand, open to thieves from below.
@usableFromInline
@frozen
@unsafe
struct PoolMagazine {
    // Layout: line 0 the head, which thieves read and the owner writes
    //         line 1 `limit` entries: a slot's link, or 0. Entries from `count` on are 0.
    //
    // Each entry is a cell for one slot: the owner puts by a plain store, for only it puts and it
    // knows the entry to be empty; owner and thieves take by an exchange, which one of them wins.
    // So an acquire is one read-modify-write on a line of the thread's own, and a release is none.

    @usableFromInline
    let base: UnsafeMutableRawPointer

    @inlinable
    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) {
        unsafe self.base = base  // SAFETY: the pool's memory, which outlives this view.
    }

    @inlinable
    var head: UnsafeMutablePointer<PoolMagazineHead> {
        // SAFETY: the pool lays a head at the start of every magazine.
        @inline(__always) get { unsafe base.assumingMemoryBound(to: PoolMagazineHead.self) }
    }

    @inlinable
    var count: UInt32 {
        // SAFETY: the pool keeps its magazines alive.
        @inline(__always) get { unsafe head.pointee.count.load(ordering: .relaxed) }
        @inline(__always) nonmutating set {
            // SAFETY: as above.
            unsafe head.pointee.count.store(newValue, ordering: .relaxed)
        }
    }

    @inlinable
    @inline(__always)
    func entry(_ index: UInt32) -> UnsafeMutablePointer<Atomic<UInt32>> {
        assert(index < PoolMagazineShape.limit)
        // SAFETY: the entries fill the line behind the head.
        return unsafe (base + CacheLine.byteCount).assumingMemoryBound(to: Atomic<UInt32>.self)
            + Int(index)
    }

    func initialize() {
        unsafe head.initialize(to: PoolMagazineHead())  // SAFETY: fresh memory of the pool.
        for index in 0..<PoolMagazineShape.limit {
            unsafe entry(index).initialize(to: Atomic(0))  // SAFETY: as above.
        }
    }

    /// Takes what the entry holds: a link, or 0 if somebody else took it.
    @inlinable
    @inline(__always)
    func take(_ index: UInt32) -> UInt32 {
        // SAFETY: the pool keeps its magazines alive.
        unsafe entry(index).pointee.exchange(0, ordering: .acquiring)  // E1
    }

    /// Puts a link into an entry that is empty. Only the owner may.
    @inlinable
    @inline(__always)
    func put(_ link: UInt32, at index: UInt32) {
        assert(link != 0)
        // SAFETY: the pool keeps its magazines alive.
        unsafe entry(index).pointee.store(link, ordering: .releasing)  // E1
    }

    /// Takes the topmost slot that no thief has taken. Only the owner may.
    @inlinable
    @inline(__always)
    func popOwn() -> UInt32 {
        var index = unsafe count  // SAFETY: the caller is the owner.
        while index > 0 {  // At most `limit` turns; one, unless thieves left holes.
            index &-= 1
            let link = unsafe take(index)  // SAFETY: below `limit`.
            if link != 0 {
                unsafe count = index  // SAFETY: the caller is the owner.
                return link
            }
        }
        unsafe count = 0  // SAFETY: the caller is the owner.
        return 0
    }

    /// Takes any slot out of somebody's magazine; 0 if there is none.
    @usableFromInline
    func steal() -> UInt32 {
        let end = unsafe min(count, PoolMagazineShape.limit)  // SAFETY: only a hint.
        for index in 0..<end {
            // SAFETY: below `limit`. The load spares the line a write; it learns only "not empty".
            guard unsafe entry(index).pointee.load(ordering: .relaxed) != 0 else { continue }
            let link = unsafe take(index)  // SAFETY: below `limit`.
            if link != 0 { return link }
        }
        return 0
    }
}

/// Adds one to a number that only the caller writes.
@inlinable
@inline(__always)
func bump(_ number: borrowing Atomic<UInt64>) {
    number.store(number.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
}
