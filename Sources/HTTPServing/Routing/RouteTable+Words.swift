// SPDX-License-Identifier: MIT

// Bytes eight at a time.
extension RouteTable {
    /// The first eight bytes of a range, the first in the lowest place, zeros behind its end.
    @inline(__always)
    static func word(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        let start = range.lowerBound
        if start &+ 8 <= bytes.count {
            // SAFETY: eight bytes from here are inside the span.
            let word = unsafe bytes.bytes.unsafeLoadUnaligned(
                fromByteOffset: start, as: UInt64.self)
            let count = UInt64(truncatingIfNeeded: range.count)
            if count >= 8 { return UInt64(littleEndian: word) }
            return UInt64(littleEndian: word) & ((1 &<< (count &* 8)) &- 1)
        }
        return shortWord(bytes, start, range.count)
    }

    /// Fewer than eight bytes: two loads that may overlap, since what they share is the same.
    @inline(__always)
    private static func shortWord(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        assert(start &+ count <= bytes.count && count < 8)
        let last = start &+ count
        if count >= 4 {
            let low = half(bytes, start)
            return low | half(bytes, last &- 4) &<< UInt64(truncatingIfNeeded: (count &- 4) &* 8)
        }
        var word: UInt64 = 0
        var index = last
        while index > start {  // Ends: fewer than four bytes.
            index &-= 1
            word = word &<< 8 | UInt64(bytes[index])
        }
        return word
    }

    /// Four bytes, which are inside the span.
    @inline(__always)
    private static func half(_ bytes: Span<UInt8>, _ start: Int) -> UInt64 {
        // SAFETY: the caller has compared.
        let half = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt32.self)
        return UInt64(UInt32(littleEndian: half))
    }

    /// The same for a segment that is percent-encoded.
    static func decodedWord(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var word: UInt64 = 0
        var index = range.lowerBound
        var shift: UInt64 = 0
        while index < range.upperBound, shift < 64 {  // Ends: at most eight turns.
            word |= UInt64(PercentCoding.next(in: bytes, at: &index)) &<< shift
            shift &+= 8
        }
        return word
    }

    /// Whether two ranges of `count` bytes are equal.
    @inline(__always)
    static func equal(
        _ left: Span<UInt8>, _ leftStart: Int, _ right: Span<UInt8>, _ rightStart: Int,
        _ count: Int
    ) -> Bool {
        guard leftStart &+ count <= left.count, rightStart &+ count <= right.count else {
            return false
        }
        var done = 0
        while done &+ 8 <= count {  // Ends: every turn goes on by eight bytes.
            // SAFETY: both ranges are inside their spans.
            let one = unsafe left.bytes.unsafeLoadUnaligned(
                fromByteOffset: leftStart &+ done, as: UInt64.self)
            let other = unsafe right.bytes.unsafeLoadUnaligned(
                fromByteOffset: rightStart &+ done, as: UInt64.self)
            if one != other { return false }
            done &+= 8
        }
        return word(left, (leftStart &+ done)..<(leftStart &+ count))
            == word(right, (rightStart &+ done)..<(rightStart &+ count))
    }

    /// A hash for the table of whole paths, which holds what was registered and nothing that a
    /// client sends.
    @inline(__always)
    static func hash(_ bytes: Span<UInt8>) -> UInt32 {
        var state = UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
        var start = 0
        while start &+ 8 <= bytes.count {  // Ends: every turn goes on by eight bytes.
            state = mix(state, word(bytes, start..<(start &+ 8)))
            start &+= 8
        }
        if start < bytes.count { state = mix(state, word(bytes, start..<bytes.count)) }
        return UInt32(truncatingIfNeeded: state &>> 32)
    }

    @inline(__always)
    private static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }
}
