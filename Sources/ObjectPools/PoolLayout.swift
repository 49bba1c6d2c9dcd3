// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// How many slots a pool has, and where its parts lie in its block.
struct PoolLayout {
    let capacity: Int
    let initialCapacity: Int
    let chunkShift: Int
    let free: Int
    let magazines: Int
    let links: Int
    let chunks: Int
    let core: Int
    let slots: Int
    let byteCount: Int

    /// How far the links of slots are apart.
    static var linkStride: Int { MemoryLayout<Atomic<UInt32>>.stride }

    /// No pool has more chunks than this: who finds every slot leased looks at all of them.
    static var chunkCountMax: Int { 256 }

    init<Object: ~Copyable>(
        _ object: Object.Type, capacity: Int, initialCapacity: Int, chunkCapacity: Int,
        magazineCount: Int
    ) {
        precondition(initialCapacity >= 1, "a pool needs at least one slot")
        precondition(capacity >= initialCapacity, "the limit is below the initial capacity")
        precondition(capacity < Int(Int32.max), "a pool of so many slots has no links for them")
        precondition(chunkCapacity >= 1, "a chunk needs at least one slot")
        precondition(magazineCount >= 0, "a negative number of magazines")
        precondition(magazineCount <= ThreadIndex.limit, "more magazines than thread indices")
        precondition(
            MemoryLayout<Object>.alignment <= CacheLine.byteCount, "the object is over-aligned")
        precondition(
            MemoryLayout<PoolMagazineHead>.size <= CacheLine.byteCount, "a head fills one line")
        self.capacity = capacity
        self.initialCapacity = initialCapacity
        chunkShift = Int.bitWidth - (chunkCapacity - 1).leadingZeroBitCount
        let chunkCount = Self.chunkCount(
            capacity: capacity, initialCapacity: initialCapacity, chunkShift: chunkShift)
        precondition(chunkCount <= Self.chunkCountMax, "more than 256 chunks: make them larger")
        var layout = BlockLayout()
        free = layout.appendPadded(Atomic<UInt64>.self)
        magazines = layout.appendPadded(
            UInt8.self, count: (magazineCount + 1) * PoolMagazineShape.byteCount)
        links = layout.appendPadded(Atomic<UInt32>.self, count: capacity)
        chunks = layout.appendPadded(Atomic<UInt>.self, count: chunkCount)  // Addresses.
        core = layout.appendPadded(PoolCore<Object>.self)
        slots = layout.appendPadded(
            UInt8.self, count: initialCapacity * PoolCore<Object>.slotStride)
        byteCount = layout.byteCount
    }

    /// How many chunks it takes from the initial capacity to the whole.
    static func chunkCount(capacity: Int, initialCapacity: Int, chunkShift: Int) -> Int {
        (capacity - initialCapacity + 1 << chunkShift - 1) >> chunkShift
    }
}
