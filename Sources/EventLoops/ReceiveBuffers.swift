// SPDX-License-Identifier: MIT

/// The memory that streams receive into: `count` buffers of `byteCount` bytes, numbered from zero,
/// shared by all connections of one loop.
///
/// It only holds the memory. Which buffers are free is the backend's knowledge (on io_uring, the
/// kernel's).
@safe
public final class ReceiveBuffers {
    /// How many buffers there are; a power of two, at most 32,768.
    public let count: Int
    /// The size of each in bytes.
    public let byteCount: Int
    private let base: UnsafeMutableRawPointer

    /// Allocates the buffers; their pages are touched when they are used.
    public init(count: Int, byteCount: Int) {
        precondition(count > 0 && count <= 32_768, "between 1 and 32,768 receive buffers")
        precondition(count & (count - 1) == 0, "the number of receive buffers is a power of two")
        precondition(byteCount > 0, "a receive buffer holds at least one byte")
        self.count = count
        self.byteCount = byteCount
        // SAFETY: freed in `deinit`.
        unsafe base = .allocate(byteCount: count * byteCount, alignment: 4096)
    }

    deinit {
        unsafe base.deallocate()  // SAFETY: allocated in `init`.
    }

    /// The memory of one buffer.
    @unsafe
    public subscript(number: UInt16) -> UnsafeMutableRawBufferPointer {
        precondition(Int(number) < count, "no receive buffer has this number")
        // SAFETY: checked above.
        return unsafe UnsafeMutableRawBufferPointer(
            start: base + Int(number) * byteCount, count: byteCount)
    }
}
