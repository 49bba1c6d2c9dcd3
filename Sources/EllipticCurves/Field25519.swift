// SPDX-License-Identifier: MIT

/// A number modulo 2^255 − 19, in five limbs of 51 bits (radix 2^51).
///
/// A *carried* number has limbs below 2^51 + 2^13; products, squares and what `decode` gives are.
/// A sum of two carried numbers, and a difference, have limbs below 2^54: what a multiplication
/// takes. What is subtracted must have limbs below 2^53 − 76, as a carried number and a sum of two
/// have.
///
/// Source: D. J. Bernstein, "Curve25519: new Diffie-Hellman speed records", PKC 2006; for 64-bit
/// machines D. J. Bernstein et al., "High-speed high-security signatures", CHES 2011, section 3.
struct Field25519: BitwiseCopyable, InvertibleField, Sendable {
    var l0: UInt64
    var l1: UInt64
    var l2: UInt64
    var l3: UInt64
    var l4: UInt64

    @inline(__always)
    init(_ l0: UInt64, _ l1: UInt64, _ l2: UInt64, _ l3: UInt64, _ l4: UInt64) {
        self.l0 = l0
        self.l1 = l1
        self.l2 = l2
        self.l3 = l3
        self.l4 = l4
    }

    @inline(__always)
    private static var limb: UInt64 { (1 &<< 51) &- 1 }

    static var zero: Field25519 { Field25519(0, 0, 0, 0, 0) }
    static var one: Field25519 { Field25519(1, 0, 0, 0, 0) }

    /// The lower 255 bits of a number; those from 2^255 − 19 on stand for small numbers
    /// (RFC 7748, section 5).
    @inline(__always)
    init(decoding words: Words256) {
        let limb = Field25519.limb
        l0 = words.w0 & limb
        l1 = (words.w0 &>> 51 | words.w1 &<< 13) & limb
        l2 = (words.w1 &>> 38 | words.w2 &<< 26) & limb
        l3 = (words.w2 &>> 25 | words.w3 &<< 39) & limb
        l4 = (words.w3 &>> 12) & limb
    }

    /// The number from 0 to 2^255 − 20 that a carried one stands for.
    var encoded: Words256 {
        let limb = Field25519.limb
        var a = carried
        // The quotient by 2^255 − 19 is 0 or 1: it is the carry out of a + 19.
        var quotient = (a.l0 &+ 19) &>> 51
        quotient = (a.l1 &+ quotient) &>> 51
        quotient = (a.l2 &+ quotient) &>> 51
        quotient = (a.l3 &+ quotient) &>> 51
        quotient = (a.l4 &+ quotient) &>> 51
        a.l0 &+= 19 &* quotient
        a.l1 &+= a.l0 &>> 51
        a.l2 &+= a.l1 &>> 51
        a.l3 &+= a.l2 &>> 51
        a.l4 &+= a.l3 &>> 51
        a = Field25519(a.l0 & limb, a.l1 & limb, a.l2 & limb, a.l3 & limb, a.l4 & limb)
        return Words256(
            a.l0 | a.l1 &<< 51, a.l1 &>> 13 | a.l2 &<< 38, a.l2 &>> 26 | a.l3 &<< 25,
            a.l3 &>> 39 | a.l4 &<< 12)
    }

    /// The same number with limbs below 2^51, but for the lowest, which may be above by 19 · 2^3.
    private var carried: Field25519 {
        let limb = Field25519.limb
        var a = self
        a.l1 &+= a.l0 &>> 51
        a.l2 &+= a.l1 &>> 51
        a.l3 &+= a.l2 &>> 51
        a.l4 &+= a.l3 &>> 51
        let top = a.l4 &>> 51
        return Field25519(
            (a.l0 & limb) &+ 19 &* top, a.l1 & limb, a.l2 & limb, a.l3 & limb, a.l4 & limb)
    }

    @inline(__always)
    static func + (a: Field25519, b: Field25519) -> Field25519 {
        Field25519(a.l0 &+ b.l0, a.l1 &+ b.l1, a.l2 &+ b.l2, a.l3 &+ b.l3, a.l4 &+ b.l4)
    }

    /// `a + 4 · (2^255 − 19) − b`, so that no limb goes below zero.
    @inline(__always)
    static func - (a: Field25519, b: Field25519) -> Field25519 {
        let low: UInt64 = 4 * ((1 << 51) - 19)
        let other: UInt64 = 4 * ((1 << 51) - 1)
        return Field25519(
            a.l0 &+ low &- b.l0, a.l1 &+ other &- b.l1, a.l2 &+ other &- b.l2,
            a.l3 &+ other &- b.l3, a.l4 &+ other &- b.l4)
    }

    @inline(__always)
    static func * (a: Field25519, b: Field25519) -> Field25519 {
        // 2^255 is 19, so a limb that would stand above comes back 19 times. Limbs are below 2^54:
        // a sum is below 77 · 2^108 and all carries are below 2^64.
        let b1 = 19 &* b.l1
        let b2 = 19 &* b.l2
        let b3 = 19 &* b.l3
        let b4 = 19 &* b.l4
        let s0 = sum(a, b.l0, b4, b3, b2, b1)
        let s1 = sum(a, b.l1, b.l0, b4, b3, b2)
        let s2 = sum(a, b.l2, b.l1, b.l0, b4, b3)
        let s3 = sum(a, b.l3, b.l2, b.l1, b.l0, b4)
        let s4 = sum(a, b.l4, b.l3, b.l2, b.l1, b.l0)
        return reduced(s0, s1, s2, s3, s4)
    }

    /// The sum of the products of the limbs with five words.
    @inline(__always)
    private static func sum(
        _ a: Field25519, _ b0: UInt64, _ b1: UInt64, _ b2: UInt64, _ b3: UInt64, _ b4: UInt64
    ) -> UInt128 {
        Wide.product(a.l0, b0) &+ Wide.product(a.l1, b1) &+ Wide.product(a.l2, b2)
            &+ Wide.product(a.l3, b3) &+ Wide.product(a.l4, b4)
    }

    @inline(__always)
    var squared: Field25519 {
        let d0 = l0 &<< 1
        let d1 = l1 &<< 1
        let n3 = 19 &* l3
        let n4 = 19 &* l4
        let s0 =
            Wide.product(l0, l0) &+ Wide.product(l1 &<< 1, n4) &+ Wide.product(l2 &<< 1, n3)
        let s1 = Wide.product(d0, l1) &+ Wide.product(l2 &<< 1, n4) &+ Wide.product(l3, n3)
        let s2 = Wide.product(d0, l2) &+ Wide.product(l1, l1) &+ Wide.product(l3 &<< 1, n4)
        let s3 = Wide.product(d0, l3) &+ Wide.product(d1, l2) &+ Wide.product(l4, n4)
        let s4 = Wide.product(d0, l4) &+ Wide.product(d1, l3) &+ Wide.product(l2, l2)
        return Field25519.reduced(s0, s1, s2, s3, s4)
    }

    /// The product with a small number, below 2^32.
    @inline(__always)
    func times(_ factor: UInt64) -> Field25519 {
        Field25519.reduced(
            Wide.product(l0, factor), Wide.product(l1, factor), Wide.product(l2, factor),
            Wide.product(l3, factor), Wide.product(l4, factor))
    }

    /// Carries sums of products.
    @inline(__always)
    private static func reduced(
        _ s0: UInt128, _ s1: UInt128, _ s2: UInt128, _ s3: UInt128, _ s4: UInt128
    ) -> Field25519 {
        let s1 = s1 &+ (s0 &>> 51)
        let s2 = s2 &+ (s1 &>> 51)
        let s3 = s3 &+ (s2 &>> 51)
        let s4 = s4 &+ (s3 &>> 51)
        let top = (s4 &>> 51)._low
        let low = (s0._low & limb) &+ 19 &* top
        return Field25519(
            low & limb, (s1._low & limb) &+ (low &>> 51),
            s2._low & limb, s3._low & limb,
            s4._low & limb)
    }

    /// Squared so many times.
    private func squared(times count: Int) -> Field25519 {
        var a = self
        for _ in 0..<count { a = a.squared }
        return a
    }

    /// The inverse; of 0, 0. It is the power 2^255 − 21: 254 squares, 11 products.
    var inverse: Field25519 {
        let two = squared
        let nine = two.squared(times: 2) * self
        let eleven = nine * two
        let bits5 = eleven.squared * nine  // 2^5 − 1
        let bits10 = bits5.squared(times: 5) * bits5
        let bits20 = bits10.squared(times: 10) * bits10
        let bits40 = bits20.squared(times: 20) * bits20
        let bits50 = bits40.squared(times: 10) * bits10
        let bits100 = bits50.squared(times: 50) * bits50
        let bits200 = bits100.squared(times: 100) * bits100
        let bits250 = bits200.squared(times: 50) * bits50
        return bits250.squared(times: 5) * eleven
    }

    /// Exchanges two numbers where the mask is all ones.
    @inline(__always)
    static func swap(_ mask: UInt64, _ a: inout Field25519, _ b: inout Field25519) {
        let d0 = mask & (a.l0 ^ b.l0)
        let d1 = mask & (a.l1 ^ b.l1)
        let d2 = mask & (a.l2 ^ b.l2)
        let d3 = mask & (a.l3 ^ b.l3)
        let d4 = mask & (a.l4 ^ b.l4)
        a = Field25519(a.l0 ^ d0, a.l1 ^ d1, a.l2 ^ d2, a.l3 ^ d3, a.l4 ^ d4)
        b = Field25519(b.l0 ^ d0, b.l1 ^ d1, b.l2 ^ d2, b.l3 ^ d3, b.l4 ^ d4)
    }
}
