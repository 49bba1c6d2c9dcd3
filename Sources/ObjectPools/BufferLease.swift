// SPDX-License-Identifier: MIT

/// A leased buffer: a value that cannot be copied, and gives the buffer back when it dies.
///
/// | Guarantee | making one / its end                                                             |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | as `tryLease` of the pool; its end: as `release` of an `ObjectPool`              |
/// | Cost      | the same; the first lease of a buffer zeroes it, and so does each end if the     |
/// |           | pool erases; no reference count                                                  |
/// | Memory    | a buffer that begins on a multiple of 64 bytes and never moves; it holds what    |
/// |           | its last user left, unless the pool erases                                       |
/// | Edges     | what was done to the bytes before its end is seen by the buffer's next lease     |
/// | Threads   | may move to another thread and end there; one uses it at a time                  |
///
/// The pool must not end before it; if it does, it traps.
///
/// Not for objects that have to be made: use `PoolLease`. Not for a name that the kernel keeps: it
/// cannot be detached; keep the lease, and name the buffer by its `index`. Not for bytes in any
/// number and size: use `DrainAllocator`.
@safe
public struct BufferLease: ~Copyable, @unchecked Sendable {
    private let lease: PoolLease<Void>
    private let base: UnsafeMutableRawPointer
    private let erases: Bool

    /// The size of the buffer: at least what was asked for.
    public let byteCount: Int

    @unsafe
    init(
        _ lease: consuming PoolLease<Void>, _ base: UnsafeMutableRawPointer, byteCount: Int,
        erases: Bool
    ) {
        self.lease = lease
        unsafe self.base = base  // SAFETY: the caller says that it is the lease's buffer.
        self.byteCount = byteCount
        self.erases = erases
    }

    deinit {
        if !erases { return }
        // SAFETY: the buffer is the lease's, which ends behind this.
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    /// The number of the buffer in its class's slab.
    public var index: Int { Int(lease.handle.index) }

    /// Lends the bytes out.
    public mutating func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the lease is the only user of its buffer, which the pool keeps.
        var span = unsafe MutableRawSpan(_unsafeStart: base, byteCount: byteCount)
        return try body(&span)
    }

    /// The bytes' address, which stays the same for the pool's lifetime; the caller sees to it that
    /// it is not used past the lease.
    @unsafe
    public var bytes: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: base, count: byteCount)  // SAFETY: as above.
    }
}
