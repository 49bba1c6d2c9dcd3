// SPDX-License-Identifier: MIT

/// Multiples of the base point: for each of 32 bytes of a scalar, 1 to 8 times its weight.
///
/// A scalar is cut into 64 digits of 4 bits from −8 to 8; those at odd places are added first,
/// then the sum is multiplied by 16, then those at even places are added, so that 32 groups of
/// entries serve all of them. Of a group all 8 entries are read, whatever the digit.
///
///     group 0: 1·B … 8·B    group 1: 256·B … 8·256·B   …   group 31         32 kB in all
struct EdwardsTable: Sendable {
    /// A point with Z = 1: `y + x`, `y − x`, `2·d·x·y`.
    struct Entry: BitwiseCopyable {
        var yPlusX: Field25519
        var yMinusX: Field25519
        var xyd: Field25519
    }

    /// Made on first use.
    static let base = EdwardsTable()

    private static let groupCount = 32
    private static let groupSize = 8

    /// One for each entry: its 15 limbs and a zero.
    private let rows: [SIMD16<UInt64>]

    private init() {
        var points: [EdwardsPoint] = []
        points.reserveCapacity(EdwardsTable.groupCount * EdwardsTable.groupSize)
        var first = EdwardsPoint.base
        for _ in 0..<EdwardsTable.groupCount {
            var point = first
            for _ in 0..<EdwardsTable.groupSize {
                points.append(point)
                point = point.adding(first)
            }
            for _ in 0..<8 { first = first.doubled }
        }
        rows = EdwardsTable.rows(points)
    }

    /// Divides all by their Z.
    private static func rows(_ points: [EdwardsPoint]) -> [SIMD16<UInt64>] {
        let scales = Field25519.inverses(points.map { $0.z })
        return points.indices.map { index in
            let x = points[index].x * scales[index]
            let y = points[index].y * scales[index]
            return row(Entry(yPlusX: y + x, yMinusX: y - x, xyd: x * y * EdwardsPoint.doubleD))
        }
    }

    private static func row(_ entry: Entry) -> SIMD16<UInt64> {
        // The least numbers that they stand for, so that limbs have 51 bits.
        let a = Field25519(decoding: (entry.yPlusX * .one).encoded)
        let b = Field25519(decoding: (entry.yMinusX * .one).encoded)
        let c = Field25519(decoding: entry.xyd.encoded)
        return SIMD16(
            a.l0, a.l1, a.l2, a.l3, a.l4, b.l0, b.l1, b.l2,
            b.l3, b.l4, c.l0, c.l1, c.l2, c.l3, c.l4, 0)
    }

    /// The base point multiplied by a number below 2^255.
    func multiply(_ scalar: Words256) -> EdwardsPoint {
        var point = EdwardsPoint.neutral
        for group in 0..<EdwardsTable.groupCount {
            point = point.adding(entry(group, scalar, 2 * group + 1))
        }
        point = point.doubled.doubled.doubled.doubled
        for group in 0..<EdwardsTable.groupCount {
            point = point.adding(entry(group, scalar, 2 * group))
        }
        return point
    }

    /// The digit at a place times the weight of a group.
    @inline(__always)
    private func entry(_ group: Int, _ scalar: Words256, _ place: Int) -> Entry {
        let digit = SignedDigit(scalar, place: place, width: 4)
        var row = SIMD16<UInt64>(repeating: 0)
        for index in 0..<EdwardsTable.groupSize {
            let mask = digit.mask(for: UInt64(index) &+ 1)
            row |= rows[group &* EdwardsTable.groupSize &+ index] & SIMD16(repeating: mask)
        }
        // The neutral element for the digit 0: 1, 1, 0.
        let one = digit.mask(for: 0) & 1
        let plus = Field25519(row[0] | one, row[1], row[2], row[3], row[4])
        let minus = Field25519(row[5] | one, row[6], row[7], row[8], row[9])
        let xyd = Field25519(row[10], row[11], row[12], row[13], row[14])
        // The opposite point has −x.
        var result = Entry(yPlusX: plus, yMinusX: minus, xyd: xyd)
        Field25519.swap(digit.sign, &result.yPlusX, &result.yMinusX)
        var negative = Field25519.zero - xyd
        Field25519.swap(digit.sign, &result.xyd, &negative)
        return result
    }
}
