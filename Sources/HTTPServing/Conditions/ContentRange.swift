// SPDX-License-Identifier: MIT

/// A piece of a representation, in bytes.
public struct ContentRange: Equatable, Sendable {
    /// Where it begins.
    public var offset: UInt64
    /// How many bytes it has: at least one.
    public var byteCount: UInt64

    /// This piece.
    public init(offset: UInt64, byteCount: UInt64) {
        self.offset = offset
        self.byteCount = byteCount
    }

    /// The place behind its last byte.
    public var end: UInt64 { offset + byteCount }

    /// Appends the value of `Content-Range`, "bytes 0-99/1000". RFC 9110, 14.4.
    public func append(completeByteCount: UInt64, to output: inout [UInt8]) {
        output += "bytes ".utf8
        DecimalText.append(offset, to: &output)
        output.append(0x2D)
        DecimalText.append(end - 1, to: &output)
        output.append(0x2F)
        DecimalText.append(completeByteCount, to: &output)
    }

    /// Appends the value of `Content-Range` for a 416, "bytes */1000".
    public static func appendUnsatisfied(
        completeByteCount: UInt64, to output: inout [UInt8]
    ) {
        output += "bytes */".utf8
        DecimalText.append(completeByteCount, to: &output)
    }
}
