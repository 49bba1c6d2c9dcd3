// SPDX-License-Identifier: MIT

#if Model
    internal import ModelChecking
#endif

/// A block of raw memory that begins on a cache line and never moves: where a primitive keeps its
/// shared words.
///
/// The block is either allocated here and freed with the value, or borrowed from the caller, who
/// keeps it alive and untouched for as long as the primitive lives. Fresh memory is zeroed;
/// borrowed memory is not touched.
///
/// Threads: any thread may use the pointers; what is stored behind them says who may do what.
@frozen
@safe
public struct SharedBlock: ~Copyable, @unchecked Sendable {
    /// The first byte, on a multiple of `CacheLine.byteCount`.
    public let base: UnsafeMutableRawPointer

    /// The size of the block in bytes.
    public let byteCount: Int

    @usableFromInline
    let isOwned: Bool

    /// Allocates a zeroed block.
    public init(byteCount: Int) {
        precondition(byteCount > 0, "a shared block needs at least one byte")
        // SAFETY: fresh memory that only this value names; `deinit` frees it.
        unsafe self.base = Self.allocate(byteCount: byteCount)
        self.byteCount = byteCount
        self.isOwned = true
        // SAFETY: the bytes were just allocated and are nobody else's.
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    /// Allocates a block whose bytes are not touched, so that a large one costs address space only
    /// until it is used. The caller initializes what it reads.
    @unsafe
    public init(uninitializedByteCount byteCount: Int) {
        precondition(byteCount > 0, "a shared block needs at least one byte")
        // SAFETY: freed in `deinit`.
        unsafe self.base = Self.allocate(byteCount: byteCount)
        self.byteCount = byteCount
        self.isOwned = true
    }

    /// Borrows the caller's memory, which must begin on a cache line, hold at least `byteCount`
    /// bytes, and outlive this value.
    @unsafe
    public init(borrowing storage: UnsafeMutableRawBufferPointer, byteCount: Int) {
        guard let start = storage.baseAddress else {
            preconditionFailure("the storage is empty")
        }
        precondition(storage.count >= byteCount, "the storage is smaller than the primitive needs")
        let misalignment = UInt(bitPattern: start) % UInt(CacheLine.byteCount)
        precondition(misalignment == 0, "the storage does not begin on a cache line")
        // SAFETY: the caller keeps the memory alive and untouched for as long as this value.
        unsafe self.base = start
        self.byteCount = byteCount
        self.isOwned = false
    }

    /// Takes back a block that was given up by `leave`.
    @unsafe
    public init(taking base: UnsafeMutableRawPointer, byteCount: Int) {
        unsafe self.base = base  // SAFETY: the caller says that it is nobody else's.
        self.byteCount = byteCount
        self.isOwned = true
    }

    /// Gives up an allocated block without freeing it, and answers its address: for a structure
    /// that keeps blocks by address. `init(taking:byteCount:)` takes it back.
    @unsafe
    public consuming func leave() -> UnsafeMutableRawPointer {
        precondition(isOwned, "a borrowed block is the caller's already")
        let base = unsafe base  // SAFETY: an address.
        discard self
        return unsafe base  // SAFETY: as above.
    }

    /// Zeroes the whole block, e.g. memory that was borrowed. Nothing may live in it yet.
    public func clear() {
        // SAFETY: the bytes are the block's, and the caller says that they are empty.
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit {
        // SAFETY: an owned block was allocated in `init` and its owner is going away.
        if isOwned { unsafe Self.deallocate(base) }
    }

    private static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        #if Model
            // SAFETY: freed by `deallocate` below.
            unsafe ModelHeap.allocate(byteCount: byteCount, alignment: CacheLine.byteCount)
        #else
            .allocate(byteCount: byteCount, alignment: CacheLine.byteCount)
        #endif
    }

    private static func deallocate(_ base: UnsafeMutableRawPointer) {
        #if Model
            unsafe ModelHeap.deallocate(base)  // SAFETY: allocated by `allocate` above.
        #else
            unsafe base.deallocate()  // SAFETY: as above.
        #endif
    }

    /// The address of a `Value` that lies `offset` bytes behind the start.
    @inlinable
    @inline(__always)
    @unsafe
    public func pointer<Value: ~Copyable>(
        at offset: Int, to type: Value.Type
    ) -> UnsafeMutablePointer<Value> {
        assert(offset >= 0)
        assert(offset &+ MemoryLayout<Value>.size <= byteCount)
        // SAFETY: within the block; the caller says that a `Value` lives here.
        return unsafe (base + offset).assumingMemoryBound(to: Value.self)
    }
}
