// SPDX-License-Identifier: MIT

/// Percent-decoding, byte by byte. RFC 3986, 2.1.
enum PercentCoding {
    /// The value of a hexadecimal digit, or 255.
    @inline(__always)
    static func digit(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: 255
        }
    }

    /// The byte that the three bytes from `index` stand for, or nil if they are no "%XX".
    @inline(__always)
    static func byte(in bytes: Span<UInt8>, at index: Int) -> UInt8? {
        guard index &+ 2 < bytes.count, bytes[index] == 0x25 else { return nil }
        let high = digit(bytes[index &+ 1])
        let low = digit(bytes[index &+ 2])
        return high | low < 16 ? high &<< 4 | low : nil
    }

    /// The decoded byte at `index`, which moves behind it. A "%" that begins no triple stands for
    /// itself.
    @inline(__always)
    static func next(in bytes: Span<UInt8>, at index: inout Int) -> UInt8 {
        let first = bytes[index]
        if first == 0x25, let decoded = byte(in: bytes, at: index) {
            index &+= 3
            return decoded
        }
        index &+= 1
        return first
    }

    /// Appends a range of bytes, decoded; with `plusIsSpace`, "+" becomes a space.
    static func append(
        _ bytes: Span<UInt8>, _ range: Range<Int>, plusIsSpace: Bool, to output: inout [UInt8]
    ) {
        let part = bytes.extracting(range)
        output.reserveCapacity(output.count + part.count)
        var index = 0
        while index < part.count {  // Ends: every turn goes on by one byte or three.
            if plusIsSpace, part[index] == 0x2B {
                output.append(0x20)
                index &+= 1
            } else {
                output.append(next(in: part, at: &index))
            }
        }
    }

    /// Appends "%XX".
    static func appendEscape(_ byte: UInt8, to output: inout [UInt8]) {
        output.append(0x25)
        output.append(upperDigit(byte >> 4))
        output.append(upperDigit(byte & 15))
    }

    /// The hexadecimal digit of a number below 16, in capitals.
    static func upperDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

    /// Whether a range of bytes, decoded, is exactly `plain`.
    static func equals(
        _ bytes: Span<UInt8>, _ range: Range<Int>, _ plain: Span<UInt8>, plusIsSpace: Bool
    ) -> Bool {
        let part = bytes.extracting(range)
        guard plain.count <= part.count, part.count <= 3 * plain.count else { return false }
        var index = 0
        var position = 0
        while index < part.count {  // Ends: every turn goes on by one byte or three.
            let isPlus = plusIsSpace && part[index] == 0x2B
            let byte = next(in: part, at: &index)
            guard position < plain.count, plain[position] == (isPlus ? 0x20 : byte) else {
                return false
            }
            position &+= 1
        }
        return position == plain.count
    }
}
