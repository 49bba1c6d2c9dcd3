// SPDX-License-Identifier: MIT

/// `"HTTP/" DIGIT "." DIGIT` (RFC 9112, section 2.3).
enum VersionSyntax {
    static var byteCount: Int { 8 }

    /// Eight bytes of "HTTP/1.1" as `Bytes.word(at:)` reads them.
    private static var usual: UInt64 { 0x312E_312F_5054_5448 }

    /// The version that begins at `start`, and behind it CR LF if it is the line's last, else
    /// nothing; nil if not all of it has come. The first byte that does not fit decides the error.
    @inline(__always)
    static func parse(
        _ bytes: Bytes, at start: Int, isLast: Bool
    ) throws(HTTP1Error) -> (major: UInt8, minor: UInt8)? {
        if start &+ 10 <= bytes.count, bytes.word(at: start) == usual,
            !isLast || bytes.pair(at: start &+ 8) == Ascii.lineEnd
        {
            return (1, 1)
        }
        return try parseSlowly(bytes, at: start, isLast: isLast)
    }

    @inline(never)
    private static func parseSlowly(
        _ bytes: Bytes, at start: Int, isLast: Bool
    ) throws(HTTP1Error) -> (major: UInt8, minor: UInt8)? {
        let pattern = Bytes(literal: "HTTP/0.0\r\n")
        for offset in 0..<(isLast ? 10 : 8) {
            guard start &+ offset < bytes.count else { return nil }
            let byte = bytes[start &+ offset]
            let isRight =
                offset == 5 || offset == 7 ? Ascii.isDigit(byte) : byte == pattern[offset]
            if isRight { continue }
            if offset == 9 { throw .bareCarriageReturn }
            throw byte == Ascii.lineFeed ? .bareLineFeed : .badVersion
        }
        return (bytes[start &+ 5] &- 0x30, bytes[start &+ 7] &- 0x30)
    }
}
