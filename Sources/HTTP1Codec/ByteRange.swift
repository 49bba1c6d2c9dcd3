// SPDX-License-Identifier: MIT

/// Where something lies in the bytes of a message: offsets from its first byte, so that they hold
/// when the bytes move.
@frozen
public struct ByteRange: Equatable, Hashable, Sendable, BitwiseCopyable {
    @usableFromInline
    var start: UInt32
    @usableFromInline
    var byteCount: UInt32

    /// Nothing, at offset 0.
    @inlinable
    public static var empty: ByteRange { ByteRange(start: 0, byteCount: 0) }

    @usableFromInline
    init(start: UInt32, byteCount: UInt32) {
        self.start = start
        self.byteCount = byteCount
    }

    /// The range of these offsets.
    @inline(__always)
    init(_ lowerBound: Int, _ upperBound: Int) {
        assert(lowerBound >= 0)
        assert(lowerBound <= upperBound)
        start = UInt32(truncatingIfNeeded: lowerBound)
        byteCount = UInt32(truncatingIfNeeded: upperBound &- lowerBound)
    }

    /// The offset of the first byte.
    @inlinable
    public var lowerBound: Int { Int(start) }

    /// The offset behind the last byte.
    @inlinable
    public var upperBound: Int { Int(start) &+ Int(byteCount) }

    /// How many bytes there are.
    @inlinable
    public var count: Int { Int(byteCount) }

    /// Whether there is no byte.
    @inlinable
    public var isEmpty: Bool { byteCount == 0 }

    /// The offsets.
    @inlinable
    public var offsets: Range<Int> { lowerBound..<upperBound }
}

extension UnsafeRawBufferPointer {
    /// The bytes of a range, without a copy. Traps if they are not all there.
    @inlinable
    public subscript(range: ByteRange) -> UnsafeRawBufferPointer {
        precondition(range.upperBound <= count, "the range is not one of these bytes")
        // SAFETY: in bounds; the slice lives as long as these bytes.
        return unsafe UnsafeRawBufferPointer(rebasing: self[range.offsets])
    }
}
