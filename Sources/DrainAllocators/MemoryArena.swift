// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Memory for what lives and dies together: taken piece by piece, given back at once.
///
/// | Guarantee | `allocate` / `removeAll`                                                         |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | `allocate`: never waits, but for a new chunk, which is an `allocate` of the      |
/// |           | drain allocator below                                                            |
/// | Cost      | `allocate`: an addition; `removeAll` and the end: O(chunks)                      |
/// | Memory    | chunks of the allocator below, under its limit; `removeAll` keeps the first one  |
/// | Threads   | one owner at a time (`mutating`); it may move to another thread between calls    |
///
/// A piece is not given back alone, and nothing is destroyed: values are bitwise copyable. A piece
/// larger than a chunk gets a chunk of its own size. The drain allocator must not end before its
/// arenas, whose chunks it counts: it traps. Over a `FixedBuffer`, all of it lies in one buffer.
///
/// Not for values that end one by one: use `DrainAllocator.make`. Not for threads that share: give
/// each its own arena.
///
/// ```swift
/// let allocator = DrainAllocator(byteCountMax: 1 << 20)
/// var arena = MemoryArena(in: allocator, chunkByteCount: 4096)
/// let words = unsafe arena.allocate(repeating: UInt64(0), count: 100)
/// arena.removeAll()  // `words` is no more.
/// ```
@safe
public struct MemoryArena: ~Copyable, @unchecked Sendable {
    // Layout: chunk = Chunk (32 bytes) · pieces · what is left
    //
    // Invariants: I1  `chunk` is the latest, which leads to the one before; the first leads nowhere
    //             I2  pieces lie below `offset` in the latest chunk, and nothing else does
    //             I3  `reservedByteCount` is what the chunks have, which are out of the allocator
    // Where the pieces lie, nothing says: of I2, `checkInvariants` sees the ends and the sum.
    //
    // Edges: none. The arena has one owner and no atomics.

    @safe
    private struct Chunk {
        var previous: UnsafeMutableRawPointer?
        var byteCount: Int
    }

    private let control: DrainControl
    private let site: CallSite
    private var chunk: UnsafeMutableRawPointer?
    private var offset = 0
    private var end = 0

    /// The size of a chunk.
    public let chunkByteCount: Int

    /// How many bytes were asked for since the beginning or the last `removeAll`.
    public private(set) var usedByteCount = 0

    /// How many bytes the arena has out of its allocator.
    public private(set) var reservedByteCount = 0

    private static var headerByteCount: Int { 32 }

    /// An arena without chunks, over an allocator that must not end before it. `chunkByteCount` is
    /// at least 64. `file` and `line` name the caller in the allocator's report, under the trait
    /// `CallSites`.
    public init(
        in allocator: borrowing DrainAllocator, chunkByteCount: Int = 4096,
        file: StaticString = #fileID, line: UInt32 = #line
    ) {
        precondition(chunkByteCount >= 64, "a chunk has at least 64 bytes")
        precondition(chunkByteCount <= 1 << 40, "a chunk beyond any memory")
        control = allocator.control
        site = CallSite(file: file, line: line)
        self.chunkByteCount = chunkByteCount
    }

    deinit {
        var last = unsafe chunk  // SAFETY: a chunk of ours, or none.
        while let current = unsafe last {  // Ends with the first chunk.
            unsafe last = Self.header(current).pointee.previous  // SAFETY: as above.
            unsafe control.deallocate(current)  // SAFETY: as above; nobody uses it any more.
        }
    }

    /// Memory of a size and an alignment (a power of two), good until `removeAll` or the end; nil
    /// if a chunk is needed and refused. Uninitialized.
    @unsafe
    public mutating func allocate(
        byteCount: Int, alignment: Int = 16
    ) -> UnsafeMutableRawBufferPointer? {
        precondition(byteCount >= 0, "a negative size")
        precondition(alignment > 0, "an alignment is at least one")
        precondition(alignment & (alignment - 1) == 0, "an alignment is a power of two")
        // SAFETY: within the latest chunk, as `fit` has checked.
        if let piece = unsafe fit(byteCount: byteCount, alignment: alignment) {
            return unsafe piece  // SAFETY: as above.
        }
        if !addChunk(byteCount: byteCount, alignment: alignment) { return nil }
        return unsafe fit(byteCount: byteCount, alignment: alignment)  // SAFETY: as above.
    }

    /// A number of equal values; nil if a chunk is needed and refused.
    @unsafe
    public mutating func allocate<Value: BitwiseCopyable>(
        repeating value: Value, count: Int
    ) -> UnsafeMutableBufferPointer<Value>? {
        precondition(count >= 0, "a negative count")
        let (byteCount, isTooLarge) = MemoryLayout<Value>.stride.multipliedReportingOverflow(
            by: count)
        if isTooLarge { return nil }
        // SAFETY: passed on to the caller.
        guard
            let piece = unsafe allocate(
                byteCount: byteCount, alignment: MemoryLayout<Value>.alignment)
        else { return nil }
        // SAFETY: fresh memory of the right size and alignment.
        let values = unsafe piece.bindMemory(to: Value.self)
        unsafe values.initialize(repeating: value)  // SAFETY: as above.
        return unsafe values  // SAFETY: passed on to the caller.
    }

    /// Ends all pieces, and gives all chunks but the first back.
    public mutating func removeAll() {
        usedByteCount = 0
        guard var first = unsafe chunk else { return }  // SAFETY: a chunk of ours.
        while let previous = unsafe Self.header(first).pointee.previous {  // Ends with the first.
            // SAFETY: as above; its pieces have ended.
            unsafe reservedByteCount -= Self.header(first).pointee.byteCount
            unsafe control.deallocate(first)
            unsafe first = previous
        }
        unsafe chunk = first  // SAFETY: as above.
        offset = Self.headerByteCount
        end = unsafe Self.header(first).pointee.byteCount  // SAFETY: as above.
    }

    // MARK: - Chunks

    /// The next piece of the latest chunk, if it has room.
    private mutating func fit(
        byteCount: Int, alignment: Int
    ) -> UnsafeMutableRawBufferPointer? {
        guard let chunk = unsafe chunk else { return nil }  // SAFETY: an address.
        let base = Int(bitPattern: chunk)
        let start = ((base + offset + alignment - 1) & ~(alignment - 1)) - base
        guard start <= end, byteCount <= end - start else { return nil }
        assert(start >= offset)
        offset = start + byteCount
        usedByteCount += byteCount
        // SAFETY: within the chunk.
        return unsafe UnsafeMutableRawBufferPointer(start: chunk + start, count: byteCount)
    }

    /// Adds a chunk that has room for a piece; false if the allocator refuses.
    private mutating func addChunk(byteCount: Int, alignment: Int) -> Bool {
        let least = Self.headerByteCount + max(alignment - 16, 0)
        if byteCount > control.byteCountMax - least { return false }
        let size = max(chunkByteCount, byteCount + least)
        // SAFETY: given back by `removeAll` or at the end.
        guard
            let memory = unsafe control.allocate(byteCount: size, alignment: 16, site: site),
            let start = memory.baseAddress
        else { return false }
        // SAFETY: the chunk's own memory.
        unsafe start.bindMemory(to: Chunk.self, capacity: 1).initialize(
            to: Chunk(previous: chunk, byteCount: size))
        unsafe chunk = start  // SAFETY: as above.
        offset = Self.headerByteCount
        end = size
        reservedByteCount += size
        return true
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. O(chunks).
        public func checkInvariants() {
            var last = unsafe chunk  // SAFETY: a chunk of ours, or none.
            // SAFETY: as above.
            let latestEnd = unsafe last.map { unsafe Self.header($0).pointee.byteCount } ?? 0
            precondition(end == latestEnd, "I1: the end is another chunk's")
            precondition(offset <= end, "I2: a piece leads out of its chunk")
            var (sum, pieceByteCountMax) = (0, 0)
            // Ends with the first chunk, or with the sum.
            while let current = unsafe last {  // SAFETY: as above.
                let byteCount = unsafe Self.header(current).pointee.byteCount  // SAFETY: as above.
                precondition(byteCount >= chunkByteCount, "I1: what is linked is no chunk")
                // SAFETY: as above.
                unsafe control.checkInvariants(of: current, byteCount: byteCount)
                // SAFETY: only compared.
                let used = unsafe current == chunk ? offset : byteCount
                precondition(used >= Self.headerByteCount, "I2: a piece lies in the chunk's header")
                sum += byteCount
                pieceByteCountMax += used - Self.headerByteCount
                precondition(sum <= reservedByteCount, "I3: a chunk is not counted")
                unsafe last = Self.header(current).pointee.previous  // SAFETY: as above.
            }
            precondition(sum == reservedByteCount, "I3: a chunk is lost")
            precondition(usedByteCount <= pieceByteCountMax, "I2: pieces overlap")
        }
    #endif

    private static func header(
        _ chunk: UnsafeMutableRawPointer
    ) -> UnsafeMutablePointer<Chunk> {
        unsafe chunk.assumingMemoryBound(to: Chunk.self)  // SAFETY: a chunk begins with it.
    }
}
