// SPDX-License-Identifier: MIT

/// A number modulo p = 2^256 − 2^224 + 2^192 + 2^96 − 1, from 0 to p − 1, times 2^256 (Montgomery's
/// form).
///
/// p ends with 96 ones, so that a step of the reduction needs no factor from the lowest word, and
/// shifts in place of most products.
///
/// Source: P. L. Montgomery, "Modular Multiplication Without Trial Division", 1985; the shape of p
/// used so: S. Gueron, V. Krasnov, "Fast prime field elliptic-curve cryptography with 256-bit
/// primes", 2015.
struct P256Field: BitwiseCopyable, InvertibleField, Sendable {
    var words: Words256

    @inline(__always)
    init(words: Words256) { self.words = words }

    @inline(__always)
    static var modulus: Words256 {
        Words256(0xffff_ffff_ffff_ffff, 0xffff_ffff, 0, 0xffff_ffff_0000_0001)
    }

    @inline(__always)
    static var zero: P256Field { P256Field(words: .zero) }

    /// 2^256 mod p.
    @inline(__always)
    static var one: P256Field {
        P256Field(
            words: Words256(1, 0xffff_ffff_0000_0000, 0xffff_ffff_ffff_ffff, 0xffff_fffe))
    }

    /// The number in the usual form as one here. It must be below p.
    init(_ number: Words256) {
        let square = Words256(3, 0xffff_fffb_ffff_ffff, 0xffff_ffff_ffff_fffe, 0x4_ffff_fffd)
        self = P256Field(words: number) * P256Field(words: square)
    }

    /// The usual form.
    var number: Words256 { (self * P256Field(words: Words256(1, 0, 0, 0))).words }

    /// All ones if it is zero.
    @inline(__always)
    var isZero: UInt64 { Mask.opaque(words.isZero) }

    @inline(__always)
    static func select(_ mask: UInt64, _ first: P256Field, _ second: P256Field) -> P256Field {
        P256Field(words: .select(mask, first.words, second.words))
    }

    /// The number below p that is `carry · 2^256 + words`, less p or not.
    @inline(__always)
    private static func reduced(_ words: Words256, _ carry: UInt64) -> P256Field {
        let (less, borrow) = Words256.subtract(words, modulus)
        // Too small if it borrows what the carry does not have.
        return P256Field(words: .select(0 &- (borrow & ~carry), words, less))
    }

    @inline(__always)
    static func + (a: P256Field, b: P256Field) -> P256Field {
        let (sum, carry) = Words256.add(a.words, b.words)
        return reduced(sum, carry)
    }

    @inline(__always)
    static func - (a: P256Field, b: P256Field) -> P256Field {
        let (difference, borrow) = Words256.subtract(a.words, b.words)
        let mask = 0 &- borrow
        let p = modulus
        let back = Words256(p.w0 & mask, p.w1 & mask, p.w2 & mask, p.w3 & mask)
        return P256Field(words: Words256.add(difference, back).0)
    }

    @inline(never)
    static func * (a: P256Field, b: P256Field) -> P256Field {
        let x = a.words
        let y = b.words
        var carry: UInt64 = 0
        let r0 = Wide.multiplyAdd(x.w0, y.w0, 0, &carry)
        var r1 = Wide.multiplyAdd(x.w1, y.w0, 0, &carry)
        var r2 = Wide.multiplyAdd(x.w2, y.w0, 0, &carry)
        var r3 = Wide.multiplyAdd(x.w3, y.w0, 0, &carry)
        var r4 = carry
        carry = 0
        r1 = Wide.multiplyAdd(x.w0, y.w1, r1, &carry)
        r2 = Wide.multiplyAdd(x.w1, y.w1, r2, &carry)
        r3 = Wide.multiplyAdd(x.w2, y.w1, r3, &carry)
        r4 = Wide.multiplyAdd(x.w3, y.w1, r4, &carry)
        var r5 = carry
        carry = 0
        r2 = Wide.multiplyAdd(x.w0, y.w2, r2, &carry)
        r3 = Wide.multiplyAdd(x.w1, y.w2, r3, &carry)
        r4 = Wide.multiplyAdd(x.w2, y.w2, r4, &carry)
        r5 = Wide.multiplyAdd(x.w3, y.w2, r5, &carry)
        var r6 = carry
        carry = 0
        r3 = Wide.multiplyAdd(x.w0, y.w3, r3, &carry)
        r4 = Wide.multiplyAdd(x.w1, y.w3, r4, &carry)
        r5 = Wide.multiplyAdd(x.w2, y.w3, r5, &carry)
        r6 = Wide.multiplyAdd(x.w3, y.w3, r6, &carry)
        return fold(Words256(r0, r1, r2, r3), Words256(r4, r5, r6, carry))
    }

    @inline(never)
    var squared: P256Field {
        let x = words
        // The products of different words, doubled, and then the squares.
        var carry: UInt64 = 0
        let r1 = Wide.multiplyAdd(x.w1, x.w0, 0, &carry)
        let r2 = Wide.multiplyAdd(x.w2, x.w0, 0, &carry)
        var r3 = Wide.multiplyAdd(x.w3, x.w0, 0, &carry)
        var r4 = carry
        carry = 0
        r3 = Wide.multiplyAdd(x.w2, x.w1, r3, &carry)
        r4 = Wide.multiplyAdd(x.w3, x.w1, r4, &carry)
        var r5 = carry
        carry = 0
        r5 = Wide.multiplyAdd(x.w3, x.w2, r5, &carry)
        let r6 = carry
        let d7 = r6 &>> 63
        let d6 = r6 &<< 1 | r5 &>> 63
        let d5 = r5 &<< 1 | r4 &>> 63
        let d4 = r4 &<< 1 | r3 &>> 63
        let d3 = r3 &<< 1 | r2 &>> 63
        let d2 = r2 &<< 1 | r1 &>> 63
        let d1 = r1 &<< 1
        let s0 = Wide.product(x.w0, x.w0)
        let s1 = Wide.product(x.w1, x.w1)
        let s2 = Wide.product(x.w2, x.w2)
        let s3 = Wide.product(x.w3, x.w3)
        carry = 0
        let t1 = Wide.add(d1, s0._high, &carry)
        let t2 = Wide.add(d2, s1._low, &carry)
        let t3 = Wide.add(d3, s1._high, &carry)
        let t4 = Wide.add(d4, s2._low, &carry)
        let t5 = Wide.add(d5, s2._high, &carry)
        let t6 = Wide.add(d6, s3._low, &carry)
        let t7 = d7 &+ s3._high &+ carry
        return P256Field.fold(
            Words256(s0._low, t1, t2, t3), Words256(t4, t5, t6, t7))
    }

    /// `(high · 2^256 + low) / 2^256` modulo p, for products of numbers below p.
    @inline(__always)
    private static func fold(_ low: Words256, _ high: Words256) -> P256Field {
        // Each step leaves at most p: (2^256 − 1 + (2^64 − 1) · p) / 2^64 is below p + 2^192, and
        // four of them at most (2^256 − 1 + (2^256 − 1) · p) / 2^256, below p + 1.
        let quotient = low.shiftedByP.shiftedByP.shiftedByP.shiftedByP
        let (sum, carry) = Words256.add(quotient, high)
        return reduced(sum, carry)
    }

    /// The inverse; of 0, 0. It is the power p − 2: 255 squares, 13 products.
    var inverse: P256Field {
        let bits2 = squared * self  // 2^2 − 1
        let bits3 = bits2.squared * self
        let bits6 = bits3.squared(times: 3) * bits3
        let bits12 = bits6.squared(times: 6) * bits6
        let bits15 = bits12.squared(times: 3) * bits3
        let bits30 = bits15.squared(times: 15) * bits15
        let bits32 = bits30.squared(times: 2) * bits2
        // From the top: 32 ones, 31 zeros and a one, 96 zeros, 94 ones, a zero and a one.
        var power = bits32.squared(times: 32) * self
        power = power.squared(times: 128) * bits32
        power = power.squared(times: 32) * bits32
        power = power.squared(times: 30) * bits30
        return power.squared(times: 2) * self
    }

    @inline(never)
    private func squared(times count: Int) -> P256Field {
        var a = self
        for _ in 0..<count { a = a.squared }
        return a
    }
}

extension Words256 {
    /// `(self + w0 · p) / 2^64`. p is −1 modulo 2^64, so the lowest word becomes zero.
    @inline(__always)
    fileprivate var shiftedByP: Words256 {
        // w0 · p + w0 = w0 · (2^96 + 2^192 · (2^64 − 2^32 + 1)).
        let top = Wide.product(w0, 0xffff_ffff_0000_0001)
        var carry: UInt64 = 0
        let r0 = Wide.add(w1, w0 &<< 32, &carry)
        let r1 = Wide.add(w2, w0 &>> 32, &carry)
        let r2 = Wide.add(w3, top._low, &carry)
        return Words256(r0, r1, r2, top._high &+ carry)
    }
}
