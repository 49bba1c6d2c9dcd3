// SPDX-License-Identifier: MIT

/// The line before a chunk's data: `chunk-size [ chunk-ext ] CRLF` (RFC 9112, section 7.1). It is
/// consumed byte by byte, so the caller need not keep it.
struct ChunkLine: Sendable, BitwiseCopyable {
    private enum Part: UInt8, Sendable, BitwiseCopyable {
        case size
        /// Blanks that only ";" may follow.
        case gap
        case nameStart, name, nameGap
        case valueStart, value
        case quoted, escaped, quotedEnd
        case lineFeed
    }

    private var part = Part.size
    private var digitCount: UInt8 = 0
    private var lineByteCount: UInt32 = 0
    private var extensionByteCount: UInt32 = 0
    private var size: UInt64 = 0

    /// Sixteen digits are 64 bits; more could only be zeros in front.
    private static var digitCountMax: UInt8 { 16 }

    /// Takes the line that begins, or goes on, at `position`, and moves that behind it. The size if
    /// the line has ended, or nil.
    mutating func take(
        _ bytes: Bytes, _ limits: HTTPLimits, _ position: inout Int
    ) throws(HTTP1Error) -> UInt64? {
        if part == .size { try takeDigits(bytes, &position) }
        while position < bytes.count {
            let byte = bytes[position]
            position &+= 1
            if part == .lineFeed {
                if byte != Ascii.lineFeed { throw .bareCarriageReturn }
                return reset()
            }
            if byte == Ascii.carriageReturn {
                try endLine()
                part = .lineFeed
                continue
            }
            lineByteCount &+= 1
            extensionByteCount &+= 1
            if Int(lineByteCount) > limits.chunkLineByteCountMax { throw .chunkLineTooLong }
            if Int(extensionByteCount) > limits.chunkExtensionsByteCountMax {
                throw .chunkExtensionsTooLong
            }
            if byte == Ascii.lineFeed { throw .bareLineFeed }
            part = try next(byte)
        }
        return nil
    }

    @inline(__always)
    private mutating func takeDigits(_ bytes: Bytes, _ position: inout Int) throws(HTTP1Error) {
        while position < bytes.count, let digit = Ascii.hexValue(bytes[position]) {
            if digitCount >= Self.digitCountMax || size > UInt64(Int64.max) >> 4 {
                throw .badChunkSize
            }
            size = size &<< 4 | UInt64(digit)
            digitCount &+= 1
            lineByteCount &+= 1
            position &+= 1
        }
        if position < bytes.count, digitCount == 0 { throw .badChunkSize }
    }

    private mutating func reset() -> UInt64 {
        let result = size
        part = .size
        digitCount = 0
        lineByteCount = 0
        size = 0
        return result
    }

    /// Whether the line may end here.
    private func endLine() throws(HTTP1Error) {
        switch part {
        case .size, .name, .value, .quotedEnd: return
        case .gap: throw .badChunkSize
        default: throw .badChunkExtension
        }
    }

    /// The part that a byte of the line leads to.
    private func next(_ byte: UInt8) throws(HTTP1Error) -> Part {
        switch part {
        case .size:
            if byte == Ascii.semicolon { return .nameStart }
            if Ascii.isBlank(byte) { return .gap }
            throw .badChunkSize
        case .gap, .quotedEnd:
            if byte == Ascii.semicolon { return .nameStart }
            if Ascii.isBlank(byte) { return .gap }
        case .nameStart:
            if Ascii.isToken(byte) { return .name }
            if Ascii.isBlank(byte) { return .nameStart }
        case .name, .nameGap:
            if byte == Ascii.equals { return .valueStart }
            if byte == Ascii.semicolon { return .nameStart }
            if Ascii.isBlank(byte) { return .nameGap }
            if part == .name, Ascii.isToken(byte) { return .name }
        case .valueStart:
            if byte == Ascii.quote { return .quoted }
            if Ascii.isToken(byte) { return .value }
            if Ascii.isBlank(byte) { return .valueStart }
        case .value:
            if byte == Ascii.semicolon { return .nameStart }
            if Ascii.isBlank(byte) { return .gap }
            if Ascii.isToken(byte) { return .value }
        case .quoted, .escaped: return try nextQuoted(byte)
        case .lineFeed: break
        }
        throw .badChunkExtension
    }

    /// RFC 9110, section 5.6.4.
    private func nextQuoted(_ byte: UInt8) throws(HTTP1Error) -> Part {
        let isText = byte == Ascii.tab || (byte >= Ascii.space && byte != 0x7F)
        if !isText { throw .badChunkExtension }
        if part == .escaped { return .quoted }
        if byte == Ascii.quote { return .quotedEnd }
        return byte == 0x5C ? .escaped : .quoted
    }
}
