// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// One size of buffers, and how many there are.
public struct BufferClass: Equatable, Sendable {
    /// The size of each, a multiple of 64.
    public let byteCount: Int

    /// How many can be out at one time.
    public let capacity: Int

    /// So many buffers of a size, which is rounded up to a multiple of 64.
    public init(byteCount: Int, capacity: Int) {
        precondition(byteCount > 0, "a buffer holds at least one byte")
        precondition(byteCount <= 1 << 40, "a buffer beyond any memory")
        precondition(capacity > 0, "a class has at least one buffer")
        self.byteCount = (byteCount + 63) & ~63
        self.capacity = capacity
    }
}

/// A class of a buffer pool, and what it has done so far.
public struct BufferClassStatistics: Equatable, Sendable {
    /// Its size and number.
    public let shape: BufferClass

    /// How many of its buffers are out.
    public let leasedCount: Int

    /// Leases of its buffers, of requests of its own and of smaller classes.
    public let leases: ObjectPoolStatistics

    /// Requests of its own that a larger class served.
    public let spilled: UInt64
}

/// Where the parts of a buffer pool lie in its block.
struct BufferPoolLayout {
    struct Part {
        let pool: Int
        let slab: Int
    }

    let parts: [Part]
    let byteCount: Int

    /// How many classes a pool can have: a request looks at them in turn.
    static var classCountMax: Int { 32 }

    init(_ classes: [BufferClass], magazineCount: Int) {
        precondition(!classes.isEmpty, "a pool needs at least one class")
        precondition(classes.count <= Self.classCountMax, "more than 32 classes")
        var layout = BlockLayout()
        _ = layout.appendPadded(BufferClassPlace.self, count: classes.count)
        var parts: [Part] = []
        var largest = 0
        for shape in classes {
            precondition(shape.byteCount > largest, "the sizes of classes do not rise")
            largest = shape.byteCount
            let poolByteCount = ObjectPool<Void>.storageByteCount(
                capacity: shape.capacity, magazineCount: magazineCount)
            let pool = layout.appendPadded(UInt8.self, count: poolByteCount)
            let slab = layout.appendPadded(UInt8.self, count: shape.byteCount * shape.capacity)
            parts.append(Part(pool: pool, slab: slab))
        }
        self.parts = parts
        byteCount = layout.byteCount
    }
}

/// One class in a pool's block.
@safe
struct BufferClassPlace: ~Copyable {
    let shape: BufferClass
    let pool: ObjectPool<Void>
    let slab: UnsafeMutableRawPointer
    let erases: Bool
    // Edges: none; a number for people.
    let spilled: Atomic<UInt64>

    @unsafe
    init(
        _ shape: BufferClass, pool: UnsafeMutableRawPointer, slab: UnsafeMutableRawPointer,
        magazineCount: Int, erases: Bool
    ) {
        self.shape = shape
        let byteCount = ObjectPool<Void>.storageByteCount(
            capacity: shape.capacity, magazineCount: magazineCount)
        // SAFETY: the layout has room for it, as long as the buffer pool lives.
        self.pool = unsafe ObjectPool(
            storage: UnsafeMutableRawBufferPointer(start: pool, count: byteCount),
            capacity: shape.capacity, magazineCount: magazineCount, make: {})
        unsafe self.slab = slab  // SAFETY: as above.
        self.erases = erases
        spilled = Atomic(0)
    }

    func tryLease(file: StaticString, line: UInt32) -> BufferLease? {
        guard let lease = pool.tryLease(file: file, line: line) else { return nil }
        let handle = lease.handle
        // SAFETY: the slab has a buffer for each slot (I1).
        let base = unsafe slab + Int(handle.index) * shape.byteCount
        // The first lease of a slot, and once more after 2^31 of them.
        if handle.generation == 1 {
            // SAFETY: the buffer is the lease's.
            unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: shape.byteCount)
        }
        // SAFETY: the buffer is the lease's, and lives as long as the pool.
        return unsafe BufferLease(lease, base, byteCount: shape.byteCount, erases: erases)
    }

    var statistics: BufferClassStatistics {
        BufferClassStatistics(
            shape: shape, leasedCount: shape.capacity - pool.availableCount,
            leases: pool.statistics, spilled: spilled.load(ordering: .relaxed))
    }
}
