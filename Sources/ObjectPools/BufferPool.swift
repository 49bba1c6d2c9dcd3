// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Buffers in a few sizes, each of which there is a fixed number of, lent out as values that return
/// themselves.
///
/// | Guarantee | `tryLease` / the end of a lease                                                  |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | as an `ObjectPool` of each class that is tried                                   |
/// | Order     | none                                                                             |
/// | Cost      | a search among the classes (at most 32), then an acquire; the first lease of a   |
/// |           | buffer zeroes it; no allocation                                                  |
/// | Memory    | one block: the buffers, 64 bytes and 4 for each, 256 bytes for each magazine of  |
/// |           | each class; what was never lent is never touched; given back in `deinit`         |
/// | Threads   | any, and a lease may end in another thread than it began                         |
///
/// A request is served by the smallest class that holds it. If that has no buffer free, up to
/// `spillMax` larger ones are asked; each such lease wastes at most what lies between the classes.
/// A buffer begins on a multiple of 64 bytes, stays where it is, and those of a class lie side by
/// side: `slab(ofClass:)` can be registered with the kernel as one piece.
///
/// A buffer holds what its last user left (zeroes at first), unless the pool erases it.
///
/// Not for objects that have to be made: use `ObjectPool`. Not for memory of any size without
/// limits on their number: use an allocator.
///
/// ```swift
/// let pool = BufferPool(classes: [
///     BufferClass(byteCount: 512, capacity: 64), BufferClass(byteCount: 4096, capacity: 16),
/// ])
/// if var lease = pool.tryLease(byteCount: 1500) {
///     lease.withBytes { $0.storeBytes(of: 7, as: UInt8.self) }
/// }  // The buffer goes back here.
/// ```
@safe
public struct BufferPool: ~Copyable, @unchecked Sendable {
    // Layout: places (BufferClassPlace) · for each class its pool's memory · its buffers
    //
    // Invariants: I1  a class's pool has as many slots as the class has buffers; slot n's lease is
    //                 the right to buffer n
    //             I2  the classes' sizes rise
    //             I3  a class's buffers lie in the block, behind those of smaller classes and the
    //                 memory of its pool, and begin on a multiple of 64
    // Who has the right to a buffer, the classes' pools say (their I1, I2).
    //
    // Edges: those of ObjectPool, which carry the buffers' bytes. `spilled` is relaxed: a number
    //        for people.

    private let block: SharedBlock
    private let places: UnsafeMutablePointer<BufferClassPlace>

    /// How many classes there are.
    public let classCount: Int

    /// How many larger classes a request may turn to when its own has no buffer free.
    public let spillMax: Int

    /// How many bytes the buffers of all classes have.
    public let byteCount: Int

    /// A pool of these classes, in rising order of size, at most 32.
    ///
    /// - Parameters:
    ///   - classes: sizes, rounded up to multiples of 64, and numbers.
    ///   - spillMax: how many larger classes a request may turn to.
    ///   - magazineCount: how many threads have a magazine in each class, at most
    ///     `ThreadIndex.limit`.
    ///   - erases: whether buffers are zeroed when their lease ends.
    public init(
        classes: [BufferClass], spillMax: Int = 1, magazineCount: Int = 64, erases: Bool = false
    ) {
        let layout = BufferPoolLayout(classes, magazineCount: magazineCount)
        // SAFETY: the designated `init` initializes all but the buffers, whose first leases do.
        let block = unsafe SharedBlock(uninitializedByteCount: layout.byteCount)
        self.init(
            block: block, layout: layout, classes: classes, spillMax: spillMax,
            magazineCount: magazineCount, erases: erases)
    }

    /// A pool in the caller's memory, which begins on a cache line, holds
    /// `storageByteCount(classes:magazineCount:)` bytes, and outlives the pool.
    @unsafe
    public init(
        storage: UnsafeMutableRawBufferPointer, classes: [BufferClass], spillMax: Int,
        magazineCount: Int, erases: Bool
    ) {
        let layout = BufferPoolLayout(classes, magazineCount: magazineCount)
        // SAFETY: the caller promises what `SharedBlock` asks for.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: layout.byteCount)
        self.init(
            block: block, layout: layout, classes: classes, spillMax: spillMax,
            magazineCount: magazineCount, erases: erases)
    }

    private init(
        block: consuming SharedBlock, layout: BufferPoolLayout, classes: [BufferClass],
        spillMax: Int, magazineCount: Int, erases: Bool
    ) {
        precondition(spillMax >= 0, "a negative number of larger classes")
        classCount = classes.count
        self.spillMax = spillMax
        byteCount = classes.reduce(0) { $0 + $1.byteCount * $1.capacity }
        // SAFETY: the parts lie in the block, apart from each other; nobody uses them yet.
        unsafe places = block.pointer(at: 0, to: BufferClassPlace.self)
        for (number, part) in layout.parts.enumerated() {
            // SAFETY: as above.
            unsafe (places + number).initialize(
                to: BufferClassPlace(
                    classes[number], pool: block.base + part.pool, slab: block.base + part.slab,
                    magazineCount: magazineCount, erases: erases))
        }
        self.block = block
    }

    deinit {
        // Traps if a lease is alive.
        unsafe places.deinitialize(count: classCount)  // SAFETY: initialized in `init`.
    }

    // MARK: - Operations

    /// Leases a buffer of at least `byteCount` bytes; nil if there is no such class, or no buffer
    /// free in it and the `spillMax` next ones. `file` and `line` name the caller in reports,
    /// under the trait `CallSites`.
    public func tryLease(
        byteCount: Int, file: StaticString = #fileID, line: UInt32 = #line
    ) -> BufferLease? {
        precondition(byteCount >= 0, "a negative size")
        guard let first = classIndex(for: byteCount) else { return nil }
        for number in first...min(first + spillMax, classCount - 1) {
            // SAFETY: below `classCount`.
            guard let lease = unsafe places[number].tryLease(file: file, line: line) else {
                continue
            }
            // SAFETY: as above.
            if number > first { unsafe places[first].spilled.add(1, ordering: .relaxed) }
            return lease
        }
        return nil
    }

    /// The number of the smallest class with buffers of at least so many bytes; nil if none has.
    public func classIndex(for byteCount: Int) -> Int? {
        for number in 0..<classCount {
            // SAFETY: below `classCount`.
            if unsafe places[number].shape.byteCount >= byteCount { return number }
        }
        return nil
    }

    /// The buffers of a class, side by side.
    @unsafe
    public func slab(ofClass number: Int) -> UnsafeMutableRawBufferPointer {
        checkNumber(number)
        // SAFETY: checked; the caller sees to it that leases are respected.
        let shape = unsafe places[number].shape
        // SAFETY: as above.
        return unsafe UnsafeMutableRawBufferPointer(
            start: places[number].slab, count: shape.byteCount * shape.capacity)
    }

    // MARK: - Facts

    /// The shape of a class and what it has done so far: exact when nobody is inside, else recent.
    public func statistics(ofClass number: Int) -> BufferClassStatistics {
        checkNumber(number)
        return unsafe places[number].statistics  // SAFETY: checked.
    }

    /// The report of what was not given back: calls `body` for each lease that has not ended, with
    /// the number of its class. See `ObjectPool.forEachLease`.
    public func forEachLease(_ body: (_ classNumber: Int, OutstandingLease) -> Void) {
        for number in 0..<classCount {
            // SAFETY: below `classCount`.
            unsafe places[number].pool.forEachLease { body(number, $0) }
        }
    }

    /// How many bytes `init(storage:)` needs.
    public static func storageByteCount(classes: [BufferClass], magazineCount: Int) -> Int {
        BufferPoolLayout(classes, magazineCount: magazineCount).byteCount
    }

    private func checkNumber(_ number: Int) {
        precondition(number >= 0, "a class has no negative number")
        precondition(number < classCount, "there are not so many classes")
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken, also of a class's pool. Call it only while nobody else
        /// is inside.
        public func checkInvariants() {
            var (largest, sum) = (0, 0)
            // SAFETY: addresses.
            var end = unsafe UInt(bitPattern: places + classCount)
            for number in 0..<classCount {
                // SAFETY: below `classCount`, here and below.
                let shape = unsafe places[number].shape
                let slotCount = unsafe places[number].pool.slotCount  // SAFETY: as above.
                let poolByteCount = ObjectPool<Void>.storageByteCount(
                    capacity: shape.capacity,
                    magazineCount: unsafe places[number].pool.magazineCount)  // SAFETY: as above.
                let start = unsafe UInt(bitPattern: places[number].slab)  // SAFETY: as above.
                unsafe places[number].pool.checkInvariants()  // SAFETY: as above.
                precondition(slotCount == shape.capacity, "I1: more buffers than slots, or fewer")
                precondition(shape.byteCount > largest, "I2: the sizes do not rise")
                precondition(start % 64 == 0, "I3: buffers begin between lines")
                precondition(start >= end + UInt(poolByteCount), "I3: parts overlap")
                largest = shape.byteCount
                sum += shape.byteCount * shape.capacity
                end = start + UInt(shape.byteCount * shape.capacity)
            }
            // SAFETY: a number.
            let blockEnd = unsafe UInt(bitPattern: block.base) + UInt(block.byteCount)
            precondition(end <= blockEnd, "I3: buffers lie outside of the block")
            precondition(sum == byteCount, "the bytes are miscounted")
        }
    #endif
}
