// SPDX-License-Identifier: MIT

/// Single bytes by the grammars of HTTP and of URIs.
enum Ascii {
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    static var space: UInt8 { 0x20 }
    static var quote: UInt8 { 0x22 }
    static var percent: UInt8 { 0x25 }
    static var comma: UInt8 { 0x2C }
    static var slash: UInt8 { 0x2F }
    static var colon: UInt8 { 0x3A }
    static var semicolon: UInt8 { 0x3B }
    static var equals: UInt8 { 0x3D }
    static var question: UInt8 { 0x3F }

    /// CR LF as `Bytes.pair(at:)` reads it.
    static var lineEnd: UInt16 { 0x0A0D }

    /// A space or a tab: OWS of RFC 9110, section 5.6.3.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inline(__always)
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// The letter in lower case; other bytes as they are.
    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// The value of a hexadecimal digit, or nil.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte &- 0x30 }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// tchar of RFC 9110, section 5.6.2: "!#$%&'*+-.^_`|~", digits and letters.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        isIn(byte, low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
    }

    /// What may stand in a path: pchar and "/" of RFC 3986, section 3.3, and what browsers leave
    /// as it is there, "[", "]", "^" and "|". The digits behind "%" are the caller's.
    @inline(__always)
    static func isPath(_ byte: UInt8) -> Bool {
        isIn(byte, low: 0x2FFF_FFF2_0000_0000, high: 0x57FF_FFFE_EFFF_FFFF)
    }

    /// What may stand in a query: all visible ASCII but "\"", "#", "<" and ">", because browsers
    /// leave the rest of it as it is.
    @inline(__always)
    static func isQuery(_ byte: UInt8) -> Bool {
        isIn(byte, low: 0xAFFF_FFF2_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF)
    }

    /// What may stand in a registered name: unreserved and sub-delims of RFC 3986, section 3.2.2.
    /// The digits behind "%" are the caller's.
    @inline(__always)
    static func isHostName(_ byte: UInt8) -> Bool {
        isIn(byte, low: 0x2BFF_7FF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }

    /// One bit for each of the 128 bytes of ASCII.
    @inline(__always)
    private static func isIn(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        let set = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (set &>> UInt64(byte & 0x3F)) & 1 != 0
    }
}
