// SPDX-License-Identifier: MIT

/// A point of the twisted Edwards curve −x² + y² = 1 + d·x²·y², which is Curve25519 in another form
/// (RFC 7748, section 4.1), in extended coordinates: x = X/Z, y = Y/Z, and T = X·Y/Z.
///
/// The formulas are complete: −1 is a square and d is none, so they hold for all pairs of points,
/// equal, opposite and neutral ones too.
///
/// Source: H. Hisil, K. Wong, G. Carter, E. Dawson, "Twisted Edwards Curves Revisited", ASIACRYPT
/// 2008, sections 3.1 and 3.3.
struct EdwardsPoint: BitwiseCopyable, Sendable {
    var x: Field25519
    var y: Field25519
    var z: Field25519
    var t: Field25519

    static var neutral: EdwardsPoint {
        EdwardsPoint(x: .zero, y: .one, z: .one, t: .zero)
    }

    /// The point whose u-coordinate is 9: y is 4/5, x is even.
    static var base: EdwardsPoint {
        let x = Field25519(
            0x62d6_08f2_5d51a, 0x412a_4b4f_6592a, 0x75b7_171a_4b31d, 0x1ff6_0527_118fe,
            0x2169_36d3_cd6e5)
        let y = Field25519(
            0x66666_6666_6658, 0x4cccc_cccc_cccc, 0x19999_9999_9999, 0x33333_3333_3333,
            0x66666_6666_6666)
        return EdwardsPoint(x: x, y: y, z: .one, t: x * y)
    }

    /// Twice the constant of the curve, −121665/121666.
    static var doubleD: Field25519 {
        Field25519(
            0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff)
    }

    /// The sum with a point in the table's form: 7 products.
    @inline(__always)
    func adding(_ other: EdwardsTable.Entry) -> EdwardsPoint {
        let a = (y - x) * other.yMinusX
        let b = (y + x) * other.yPlusX
        let c = t * other.xyd
        let d = z + z
        return EdwardsPoint.completed(b - a, d - c, d + c, b + a)
    }

    /// The sum with another point: 9 products.
    func adding(_ other: EdwardsPoint) -> EdwardsPoint {
        let a = (y - x) * (other.y - other.x)
        let b = (y + x) * (other.y + other.x)
        let c = t * EdwardsPoint.doubleD * other.t
        let d = (z + z) * other.z
        return EdwardsPoint.completed(b - a, d - c, d + c, b + a)
    }

    /// Twice the point: 4 squares, 4 products.
    var doubled: EdwardsPoint {
        let a = x.squared
        let b = y.squared
        let c = z.squared
        let h = a + b
        // All four with the other sign: it falls out of the products.
        let e = h - (x + y).squared
        let g = a - b
        return EdwardsPoint.completed(e, (c + c) + g, g, h)
    }

    @inline(__always)
    private static func completed(
        _ e: Field25519, _ f: Field25519, _ g: Field25519, _ h: Field25519
    ) -> EdwardsPoint {
        EdwardsPoint(x: e * f, y: g * h, z: f * g, t: e * h)
    }
}
