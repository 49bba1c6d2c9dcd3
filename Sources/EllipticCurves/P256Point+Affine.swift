// SPDX-License-Identifier: MIT

extension P256Point.Affine {
    /// The base point (SP 800-186, section 3.2.1.3).
    static var base: P256Point.Affine {
        P256Point.Affine(
            x: P256Field(
                words: Words256(
                    0x79e7_30d4_18a9_143c, 0x75ba_95fc_5fed_b601, 0x79fb_732b_7762_2510,
                    0x1890_5f76_a537_55c6)),
            y: P256Field(
                words: Words256(
                    0xddf2_5357_ce95_560a, 0x8b4a_b8e4_ba19_e45c, 0xd2e8_8688_dd21_f325,
                    0x8571_ff18_2588_5d85)))
    }

    /// The curve's constant b.
    private static var b: P256Field {
        P256Field(
            words: Words256(
                0xd89c_df62_29c4_bddf, 0xacf0_05cd_7884_3090, 0xe5a2_20ab_f721_2ed6,
                0xdc30_061d_0487_4834))
    }

    /// Reads a point that is not compressed; nil if the bytes are none of the curve. The curve has
    /// no other subgroup, so a point of it is one of the base point's.
    init?(decoding bytes: borrowing Span<UInt8>) {
        guard bytes.count == P256.pointByteCount, bytes[0] == 4 else { return nil }
        let x = Words256(bigEndian: bytes, at: 1)
        let y = Words256(bigEndian: bytes, at: 33)
        let isXBelow = Words256.subtract(x, P256Field.modulus).1
        let isYBelow = Words256.subtract(y, P256Field.modulus).1
        self.init(x: P256Field(x), y: P256Field(y))
        let x3 = self.x + self.x + self.x
        let right = self.x.squared * self.x - x3 + P256Point.Affine.b
        let isOnCurve = (self.y.squared - right).isZero & 1
        // Whether a point is one is no secret.
        if isXBelow & isYBelow & isOnCurve == 0 { return nil }
    }

    /// The point multiplied by a number k below the order n.
    ///
    /// From the highest of 52 digits of 5 bits on. After digit i the sum is A = (k + 2^(5i−1)) >>
    /// 5i, from 0 to n − 1, and before the addition of a digit d it is A − d, a multiple of 32.
    /// The formula for the addition does not hold if that is 0 (then the sum is the entry) or ±d
    /// modulo n. As d is not 0 and |d| ≤ 16, ±d is no multiple of 32, so only A − d = ±d + n is
    /// left: A = n is too large; A = n + 2d with d < 0 is reached by i = 0 alone, where A = k, and
    /// d = k modulo 32: then d = −n modulo 32 = 15, which is not below 0.
    func multiplied(by scalar: Words256) -> P256Point {
        let multiples = Multiples(of: self)
        var point = P256Point.infinity
        for place in stride(from: 51, through: 0, by: -1) {
            for _ in 0..<5 { point = point.doubled }
            let digit = SignedDigit(scalar, place: place, width: 5)
            let entry = multiples.entry(digit)
            let sum = P256Point.select(point.z.isZero, entry, point.adding(entry))
            point = .select(digit.mask(for: 0), point, sum)
        }
        return point
    }

    /// 1 to 16 times a point.
    private struct Multiples {
        private var points: InlineArray<16, P256Point>

        init(of affine: P256Point.Affine) {
            let point = P256Point(affine)
            points = InlineArray(repeating: point)
            points[1] = point.doubled
            // The formula holds: no two of these are the same, the order is larger.
            for index in 2..<16 { points[index] = points[index &- 1].adding(affine) }
        }

        /// The digit times the point; anything for the digit 0. All 16 are read.
        @inline(__always)
        func entry(_ digit: SignedDigit) -> P256Point {
            // A span, because the array itself would be copied for each.
            let points = points.span
            var result = P256Point(x: .zero, y: .zero, z: .zero)
            for index in 0..<16 {
                let mask = digit.mask(for: UInt64(index) &+ 1)
                result = .select(mask, points[index], result)
            }
            result.y = .select(digit.sign, .zero - result.y, result.y)
            return result
        }
    }
}
