// SPDX-License-Identifier: MIT

/// The bytes of header fields: the small grammar that all parsers of this room share. RFC 9110, 5.
enum HeaderBytes {
    /// tchar: RFC 9110, 5.6.2.
    @inline(__always)
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    /// Space or tab.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// A letter made small; anything else as it is.
    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// A range without the blanks at both ends.
    static func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, isBlank(bytes[start]) { start &+= 1 }
        while end > start, isBlank(bytes[end &- 1]) { end &-= 1 }
        return start..<end
    }

    /// Whether a range spells a lower-case ASCII word, in any case.
    static func matches(_ bytes: Span<UInt8>, _ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { letters in
            for offset in 0..<range.count {
                // SAFETY: the literal has as many bytes as the range.
                let letter = unsafe letters[offset]
                if lowercased(bytes[range.lowerBound &+ offset]) != letter { return false }
            }
            return true
        }
    }

    /// The next piece of a list between `separator` bytes, trimmed; moves `position` behind its
    /// separator. Separators inside quoted strings do not count. Nil at the end.
    static func nextItem(
        _ bytes: Span<UInt8>, at position: inout Int, separator: UInt8
    ) -> Range<Int>? {
        guard position < bytes.count else { return nil }
        let start = position
        var isQuoted = false
        while position < bytes.count {  // Ends: every turn goes on by one byte or two.
            let byte = bytes[position]
            if isQuoted, byte == 0x5C, position &+ 1 < bytes.count {
                position &+= 2
                continue
            }
            if byte == 0x22 { isQuoted.toggle() }
            if byte == separator, !isQuoted { break }
            position &+= 1
        }
        let item = trimmed(bytes, start..<position)
        position &+= 1
        return item
    }

    /// Appends the bytes of a literal.
    static func append(_ literal: StaticString, to output: inout [UInt8]) {
        // SAFETY: a literal's bytes live as long as the program.
        literal.withUTF8Buffer { unsafe output.append(contentsOf: $0) }
    }

    /// Digits as a number; nil if there is another byte, none, or too many.
    static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty, range.count <= 19 else { return nil }
        var value: UInt64 = 0
        for index in range {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        return value
    }
}
