// SPDX-License-Identifier: MIT

/// The frame of a `multipart/byteranges` body: what stands before, between and behind the pieces.
/// RFC 9110, 14.6.
///
///     for index in 0..<ranges.count {
///         body.appendHead(of: index, to: &output)     // then the piece's bytes
///     }
///     body.appendEnd(to: &output)
public struct ByteRangesBody: Sendable {
    /// The pieces.
    public let ranges: ContentRanges
    /// What separates the parts: it must not occur in the representation, so take a random one of
    /// at least 16 letters and digits.
    public let boundary: [UInt8]

    private let completeByteCount: UInt64
    private let contentType: [UInt8]

    /// A frame for pieces of a representation. `contentType` is that of the representation, without
    /// CR and LF.
    public init(
        _ ranges: ContentRanges, of completeByteCount: UInt64, contentType: [UInt8],
        boundary: [UInt8]
    ) {
        precondition(MultipartBoundary.isValid(boundary.span), "not a boundary of RFC 2046's form")
        precondition(contentType.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "not a header's value")
        self.ranges = ranges
        self.completeByteCount = completeByteCount
        self.contentType = contentType
        self.boundary = boundary
    }

    /// Appends the value of the response's `Content-Type`.
    public func appendContentType(to output: inout [UInt8]) {
        output += "multipart/byteranges; boundary=\"".utf8
        output += boundary
        output.append(0x22)
    }

    /// Appends what stands before a piece.
    public func appendHead(of index: Int, to output: inout [UInt8]) {
        output += "\r\n--".utf8
        output += boundary
        if !contentType.isEmpty {
            output += "\r\nContent-Type: ".utf8
            output += contentType
        }
        output += "\r\nContent-Range: ".utf8
        ranges[index].append(completeByteCount: completeByteCount, to: &output)
        output += "\r\n\r\n".utf8
    }

    /// Appends what stands behind the last piece.
    public func appendEnd(to output: inout [UInt8]) {
        output += "\r\n--".utf8
        output += boundary
        output += "--\r\n".utf8
    }

    /// The length of the body, heads, pieces and end.
    public var byteCount: UInt64 {
        var frame: [UInt8] = []
        var sum: UInt64 = 0
        for index in 0..<ranges.count {
            appendHead(of: index, to: &frame)
            sum += ranges[index].byteCount
        }
        appendEnd(to: &frame)
        return sum + UInt64(frame.count)
    }
}
