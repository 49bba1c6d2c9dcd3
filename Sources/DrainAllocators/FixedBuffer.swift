// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// A source of memory that is the caller's one buffer: with it under every allocator, a program
/// takes all its memory at the start.
///
/// | Guarantee | `allocate` / `deallocate`                                                        |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | blocking: a short lock, under which at most 2 × 40 blocks are split or joined    |
/// | Cost      | O(log(size)); sizes are rounded up to powers of two, at least 64 bytes           |
/// | Memory    | the buffer; one byte of each 64 and 512 at its start are the source's own        |
/// | Threads   | any                                                                              |
///
/// Rounding wastes less than half of each block; a block is aligned to its size, up to the
/// `alignmentMax` of the source. What is given back joins its buddy at once, so that when all is
/// back the whole buffer is free again. It still fragments while much is out: a request may be
/// refused though enough bytes are free (`largestFreeByteCount` tells).
///
/// Not for many small objects of one type: use `ObjectPool`. Not for what lives and dies together:
/// use `MemoryArena`.
///
/// Source: K. Knowlton, "A fast storage allocator", CACM 1965 (the buddy system). Ours keeps what
/// it knows of blocks in a table beside them, so an overrun of a block does not spoil it.
///
/// ```swift
/// let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 128)
/// let buffer = unsafe FixedBuffer(memory)
/// let allocator = unsafe DrainAllocator(byteCountMax: 1 << 19, source: buffer.source)
/// ```
@safe
public struct FixedBuffer: ~Copyable, @unchecked Sendable {
    // Layout: lock word · FixedBufferHeader, on the next line · a byte for each 64 of the rest ·
    //         blocks
    private let base: UnsafeMutableRawPointer

    /// A source over a buffer that begins on a cache line, has room for at least one block, and
    /// outlives it and all who use it. No block is aligned to more than `alignmentMax` bytes, a
    /// power of two that is at least 128.
    @unsafe
    public init(_ storage: UnsafeMutableRawBufferPointer, alignmentMax: Int = 128) {
        precondition(alignmentMax >= 128, "blocks are aligned to cache lines at least")
        precondition(alignmentMax & (alignmentMax - 1) == 0, "an alignment is a power of two")
        guard let start = storage.baseAddress else { preconditionFailure("the buffer is empty") }
        precondition(UInt(bitPattern: start) % 128 == 0, "the buffer begins on no cache line")
        // SAFETY: the caller gives the buffer away.
        unsafe FixedBufferHeader.initialize(storage, alignmentMax: alignmentMax)
        unsafe base = start  // SAFETY: as above.
    }

    deinit {
        precondition(freeByteCount == byteCount, "a fixed buffer ends while memory is out")
    }

    /// The source for a `DrainAllocator`, which must end before this.
    @unsafe
    public var source: MemorySource {
        // SAFETY: the functions are a pair, and the context is theirs.
        unsafe MemorySource(
            allocate: { context, byteCount, alignment in
                guard let context = unsafe context else { return nil }  // SAFETY: an address.
                // SAFETY: the header of a living buffer.
                return unsafe FixedBufferHeader.with(context) { header in
                    // SAFETY: passed on to the caller.
                    unsafe header.allocate(byteCount: byteCount, alignment: alignment)
                }
            },
            deallocate: { context, memory, byteCount, alignment in
                guard let context = unsafe context else { return }  // SAFETY: an address.
                // SAFETY: as above.
                unsafe FixedBufferHeader.with(context) { header in
                    // SAFETY: passed on to the caller.
                    unsafe header.deallocate(
                        memory, byteCount: byteCount, alignment: alignment)
                }
            }, context: base)
    }

    /// How many bytes blocks may have in all.
    public var byteCount: Int {
        unsafe FixedBufferHeader.with(base) { $0.byteCount }  // SAFETY: the buffer is alive.
    }

    /// How many bytes are free now.
    public var freeByteCount: Int {
        unsafe FixedBufferHeader.with(base) { $0.freeByteCount }  // SAFETY: as above.
    }

    /// The size of the largest block that is free now; zero if none is.
    public var largestFreeByteCount: Int {
        unsafe FixedBufferHeader.with(base) { $0.largestFreeByteCount }  // SAFETY: as above.
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken. O(buffer), under the lock.
        public func checkInvariants() {
            unsafe FixedBufferHeader.with(base) { $0.checkInvariants() }  // SAFETY: as above.
        }
    #endif
}
