// SPDX-License-Identifier: MIT

/// A number of 256 bits in four words, the lowest first.
struct Words256: BitwiseCopyable, Sendable {
    var w0: UInt64
    var w1: UInt64
    var w2: UInt64
    var w3: UInt64

    init(_ w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
        self.w0 = w0
        self.w1 = w1
        self.w2 = w2
        self.w3 = w3
    }

    static var zero: Words256 { Words256(0, 0, 0, 0) }

    /// 32 bytes from an offset on, the highest first.
    init(bigEndian bytes: borrowing Span<UInt8>, at offset: Int = 0) {
        self.init(
            Words256.word(bytes, offset + 24).byteSwapped,
            Words256.word(bytes, offset + 16).byteSwapped,
            Words256.word(bytes, offset + 8).byteSwapped,
            Words256.word(bytes, offset).byteSwapped)
    }

    /// 32 bytes, the lowest first.
    init(littleEndian bytes: borrowing Span<UInt8>) {
        self.init(
            Words256.word(bytes, 0), Words256.word(bytes, 8), Words256.word(bytes, 16),
            Words256.word(bytes, 24))
    }

    /// Eight bytes, the lowest first.
    private static func word(_ bytes: borrowing Span<UInt8>, _ offset: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<8 { word |= UInt64(bytes[offset + index]) &<< UInt64(8 * index) }
        return word
    }

    /// Writes 32 bytes from an offset on, the highest first.
    func write(bigEndian bytes: inout MutableSpan<UInt8>, at offset: Int = 0) {
        put(w3.byteSwapped, &bytes, offset)
        put(w2.byteSwapped, &bytes, offset + 8)
        put(w1.byteSwapped, &bytes, offset + 16)
        put(w0.byteSwapped, &bytes, offset + 24)
    }

    /// Writes 32 bytes, the lowest first.
    func write(littleEndian bytes: inout MutableSpan<UInt8>) {
        put(w0, &bytes, 0)
        put(w1, &bytes, 8)
        put(w2, &bytes, 16)
        put(w3, &bytes, 24)
    }

    private func put(_ word: UInt64, _ bytes: inout MutableSpan<UInt8>, _ offset: Int) {
        for index in 0..<8 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: word &>> UInt64(8 * index))
        }
    }

    /// The word of that index; the index is no secret. Above the number there are zeroes.
    @inline(__always)
    subscript(index: Int) -> UInt64 {
        switch index {
        case 0: w0
        case 1: w1
        case 2: w2
        case 3: w3
        default: 0
        }
    }

    /// Bits from a position on, at most 32 of them; the position is no secret.
    @inline(__always)
    func bits(from position: Int, count: Int) -> UInt64 {
        let shift = UInt64(position & 63)
        let low = self[position >> 6] &>> shift
        // Twice, because a shift by 64 would be one by 0.
        let high = (self[(position >> 6) + 1] &<< 1) &<< (63 &- shift)
        return (low | high) & ((1 &<< UInt64(count)) &- 1)
    }

    /// All ones if the number is zero.
    @inline(__always)
    var isZero: UInt64 { Mask.isZero(w0 | w1 | w2 | w3) }

    /// The first where the mask is all ones, the second where it is zero.
    @inline(__always)
    static func select(_ mask: UInt64, _ first: Words256, _ second: Words256) -> Words256 {
        Words256(
            Mask.select(mask, first.w0, second.w0), Mask.select(mask, first.w1, second.w1),
            Mask.select(mask, first.w2, second.w2), Mask.select(mask, first.w3, second.w3))
    }

    /// The sum, and the carry out of it, 0 or 1.
    @inline(__always)
    static func add(_ a: Words256, _ b: Words256) -> (Words256, UInt64) {
        var carry: UInt64 = 0
        let s0 = Wide.add(a.w0, b.w0, &carry)
        let s1 = Wide.add(a.w1, b.w1, &carry)
        let s2 = Wide.add(a.w2, b.w2, &carry)
        let s3 = Wide.add(a.w3, b.w3, &carry)
        return (Words256(s0, s1, s2, s3), carry)
    }

    /// The difference, and the borrow, 0 or 1.
    @inline(__always)
    static func subtract(_ a: Words256, _ b: Words256) -> (Words256, UInt64) {
        var borrow: UInt64 = 0
        let d0 = Wide.subtract(a.w0, b.w0, &borrow)
        let d1 = Wide.subtract(a.w1, b.w1, &borrow)
        let d2 = Wide.subtract(a.w2, b.w2, &borrow)
        let d3 = Wide.subtract(a.w3, b.w3, &borrow)
        return (Words256(d0, d1, d2, d3), borrow)
    }
}
