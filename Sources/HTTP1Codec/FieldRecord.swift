// SPDX-License-Identifier: MIT

/// Where one field line of a head or of trailers lies. 16 bytes.
@frozen
public struct FieldRecord: Equatable, Sendable, BitwiseCopyable {
    // Layout: name start · value start · value count · name count (16 bits) · known field (8 bits)
    @usableFromInline
    var nameStart: UInt32
    @usableFromInline
    var valueStart: UInt32
    @usableFromInline
    var valueByteCount: UInt32
    @usableFromInline
    var nameByteCount: UInt16

    /// Which field it is, if it is a known one.
    public internal(set) var known: KnownField

    @inline(__always)
    init(nameStart: Int, nameEnd: Int, valueStart: Int, valueEnd: Int, known: KnownField) {
        self.nameStart = UInt32(truncatingIfNeeded: nameStart)
        self.valueStart = UInt32(truncatingIfNeeded: valueStart)
        valueByteCount = UInt32(truncatingIfNeeded: valueEnd &- valueStart)
        nameByteCount = UInt16(truncatingIfNeeded: nameEnd &- nameStart)
        self.known = known
    }

    /// The name, as it was sent.
    @inlinable
    public var name: ByteRange {
        ByteRange(start: nameStart, byteCount: UInt32(nameByteCount))
    }

    /// The value, without the blanks around it.
    @inlinable
    public var value: ByteRange { ByteRange(start: valueStart, byteCount: valueByteCount) }
}
