// SPDX-License-Identifier: MIT

/// A number modulo n, the order of P-256's base point, from 0 to n − 1, times 2^256 (Montgomery's
/// form).
///
/// Source: P. L. Montgomery, "Modular Multiplication Without Trial Division", 1985.
struct P256Scalar: BitwiseCopyable, Sendable {
    var words: Words256

    @inline(__always)
    private init(words: Words256) { self.words = words }

    /// The number in the usual form as one here. It must be below n.
    init(_ number: Words256) {
        let square = Words256(
            0x8324_4c95_be79_eea2, 0x4699_799c_49bd_6fa6, 0x2845_b239_2b6b_ec59,
            0x66e1_2d94_f3d9_5620)
        self = P256Scalar(words: number) * P256Scalar(words: square)
    }

    /// The usual form.
    var number: Words256 { (self * P256Scalar(words: Words256(1, 0, 0, 0))).words }

    /// The number below n that is `carry · 2^256 + words`, less n or not.
    @inline(__always)
    private static func reduced(_ words: Words256, _ carry: UInt64) -> P256Scalar {
        let (less, borrow) = Words256.subtract(words, P256.order)
        return P256Scalar(words: .select(0 &- (borrow & ~carry), words, less))
    }

    static func + (a: P256Scalar, b: P256Scalar) -> P256Scalar {
        let (sum, carry) = Words256.add(a.words, b.words)
        return reduced(sum, carry)
    }

    @inline(never)
    static func * (a: P256Scalar, b: P256Scalar) -> P256Scalar {
        var sum = Words256.zero
        var top: UInt64 = 0
        step(&sum, &top, a.words, b.words.w0)
        step(&sum, &top, a.words, b.words.w1)
        step(&sum, &top, a.words, b.words.w2)
        step(&sum, &top, a.words, b.words.w3)
        return reduced(sum, top)
    }

    /// `sum` becomes `(sum + a · b + m · n) / 2^64`, where `m` makes it a whole number. It stays
    /// below 2n.
    @inline(__always)
    private static func step(
        _ sum: inout Words256, _ top: inout UInt64, _ a: Words256, _ b: UInt64
    ) {
        let n = P256.order
        var carry: UInt64 = 0
        let s0 = Wide.multiplyAdd(a.w0, b, sum.w0, &carry)
        let s1 = Wide.multiplyAdd(a.w1, b, sum.w1, &carry)
        let s2 = Wide.multiplyAdd(a.w2, b, sum.w2, &carry)
        let s3 = Wide.multiplyAdd(a.w3, b, sum.w3, &carry)
        var high: UInt64 = 0
        let s4 = Wide.add(top, carry, &high)
        // The factor is −1/n modulo 2^64.
        let m = s0 &* 0xccd1_c8aa_ee00_bc4f
        carry = 0
        _ = Wide.multiplyAdd(m, n.w0, s0, &carry)
        sum.w0 = Wide.multiplyAdd(m, n.w1, s1, &carry)
        sum.w1 = Wide.multiplyAdd(m, n.w2, s2, &carry)
        sum.w2 = Wide.multiplyAdd(m, n.w3, s3, &carry)
        var over: UInt64 = 0
        sum.w3 = Wide.add(s4, carry, &over)
        top = high &+ over
    }

    /// The inverse; of 0, 0. It is the power n − 2, four bits at a time: 255 squares, 74 products.
    /// The exponent is no secret.
    var inverse: P256Scalar {
        var memory = InlineArray<15, P256Scalar>(repeating: self)
        for index in 1..<15 { memory[index] = memory[index - 1] * self }
        // A span, because the array itself would be copied for each.
        let powers = memory.span
        var exponent = P256.order
        exponent.w0 &-= 2
        // The highest four bits are ones.
        var power = powers[14]
        for place in stride(from: 62, through: 0, by: -1) {
            for _ in 0..<4 { power = power * power }
            let digit = Int(exponent.bits(from: 4 * place, count: 4))
            if digit > 0 { power = power * powers[digit - 1] }
        }
        return power
    }
}
