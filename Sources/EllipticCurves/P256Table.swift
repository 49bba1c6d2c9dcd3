// SPDX-License-Identifier: MIT

/// Multiples of the base point of P-256: for each digit of a scalar, 1 to 16 times its weight.
///
/// Digits have 5 bits, so there are 52 of them, from −16 to 16. Of a group all entries are read,
/// whatever the digit.
///
///     group 0: 1·G … 16·G    group 1: 32·G … 16·32·G   …   group 51         53 kB in all
struct P256Table: Sendable {
    /// Made on first use.
    static let base = P256Table()

    static let width = 5
    static let groupCount = 52
    static let groupSize = 16

    /// The four words of x, then those of y.
    private let rows: [SIMD8<UInt64>]

    private init() {
        var points: [P256Point] = []
        points.reserveCapacity(P256Table.groupCount * P256Table.groupSize)
        var first = P256Point(P256Point.Affine.base)
        for _ in 0..<P256Table.groupCount {
            points.append(first)
            points.append(first.doubled)
            for index in 2..<P256Table.groupSize {
                points.append(points[points.count - index].adding(points[points.count - 1]))
            }
            first = points[points.count - 1].doubled
        }
        rows = P256Table.rows(points)
    }

    /// Divides all by their Z.
    private static func rows(_ points: [P256Point]) -> [SIMD8<UInt64>] {
        let scales = P256Field.inverses(points.map { $0.z })
        return points.indices.map { index in
            let square = scales[index].squared
            let x = (points[index].x * square).words
            let y = (points[index].y * (square * scales[index])).words
            return SIMD8(x.w0, x.w1, x.w2, x.w3, y.w0, y.w1, y.w2, y.w3)
        }
    }

    /// The base point multiplied by a number below its order.
    ///
    /// From the lowest digit on, so that no addition meets a case for which the formula does not
    /// hold. Let S be the sum of the digits so far, each with its weight, and D = d · 32^i what is
    /// added, not zero; |d| ≤ 16, so |S| ≤ 16 · (32^i − 1) / 31 < 32^i ≤ |D|, and S = ±D is out of
    /// the question. Modulo the order n, S = ±D needs |S| + |D| ≥ n, which only the last digit
    /// (i = 51, d from 0 to 2, S + D the scalar k) can reach. S = −D then means k = 0 or n; S = D
    /// means k = 2D − t · n = d · 2^256 − t · n, which for 0 < k < n leaves k = d · (2^256 − n),
    /// below 2^226, whose last digit is 0.
    func multiply(_ scalar: Words256) -> P256Point {
        var point = P256Point.infinity
        for group in 0..<P256Table.groupCount {
            let digit = SignedDigit(scalar, place: group, width: P256Table.width)
            let entry = entry(group, digit)
            // Nothing yet: the sum is the entry, which is not at infinity unless the digit is 0.
            let sum = P256Point.select(point.z.isZero, P256Point(entry), point.adding(entry))
            point = .select(digit.mask(for: 0), point, sum)
        }
        return point
    }

    /// The digit times the weight of a group; anything for the digit 0.
    @inline(__always)
    private func entry(_ group: Int, _ digit: SignedDigit) -> P256Point.Affine {
        var row = SIMD8<UInt64>(repeating: 0)
        for index in 0..<P256Table.groupSize {
            let mask = digit.mask(for: UInt64(index) &+ 1)
            row |= rows[group &* P256Table.groupSize &+ index] & SIMD8(repeating: mask)
        }
        let x = P256Field(words: Words256(row[0], row[1], row[2], row[3]))
        let y = P256Field(words: Words256(row[4], row[5], row[6], row[7]))
        return P256Point.Affine(x: x, y: .select(digit.sign, .zero - y, y))
    }
}
