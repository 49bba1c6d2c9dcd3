// SPDX-License-Identifier: MIT

/// A point of P-256, y² = x³ − 3x + b, in Jacobian coordinates: x = X/Z², y = Y/Z³. The point at
/// infinity has Z = 0.
///
/// Source of the formulas: D. J. Bernstein, T. Lange, Explicit-Formulas Database: doubling
/// "dbl-2001-b", additions after "add-2007-bl" and "madd-2004-hmv". Which inputs they do not hold
/// for is said at each.
struct P256Point: BitwiseCopyable, Sendable {
    /// A point that is not at infinity.
    struct Affine: BitwiseCopyable, Sendable {
        var x: P256Field
        var y: P256Field
    }

    var x: P256Field
    var y: P256Field
    var z: P256Field

    @inline(__always)
    init(x: P256Field, y: P256Field, z: P256Field) {
        self.x = x
        self.y = y
        self.z = z
    }

    @inline(__always)
    init(_ point: Affine) { self.init(x: point.x, y: point.y, z: .one) }

    @inline(__always)
    static var infinity: P256Point { P256Point(x: .one, y: .one, z: .zero) }

    @inline(__always)
    static func select(_ mask: UInt64, _ first: P256Point, _ second: P256Point) -> P256Point {
        P256Point(
            x: .select(mask, first.x, second.x), y: .select(mask, first.y, second.y),
            z: .select(mask, first.z, second.z))
    }

    /// Twice the point; holds for all: there is no point of order two.
    @inline(__always)
    var doubled: P256Point {
        let delta = z.squared
        let gamma = y.squared
        let beta = x * gamma
        let product = (x - delta) * (x + delta)
        let alpha = product + product + product
        let beta2 = beta + beta
        let beta4 = beta2 + beta2
        let newX = alpha.squared - (beta4 + beta4)
        let newZ = (y + z).squared - gamma - delta
        let square = (gamma + gamma).squared
        return P256Point(
            x: newX, y: alpha * (beta4 - newX) - (square + square), z: newZ)
    }

    /// The sum with a point that is not at infinity. Does not hold if this is at infinity, and for
    /// the same point.
    @inline(__always)
    func adding(_ other: Affine) -> P256Point {
        let square = z.squared
        let h = other.x * square - x
        let r = other.y * (square * z) - y
        return completed(h, r, x, y, z * h)
    }

    /// The sum. Does not hold if one of the two is at infinity, and for the same point.
    @inline(__always)
    func adding(_ other: P256Point) -> P256Point {
        let square = z.squared
        let otherSquare = other.z.squared
        let u = x * otherSquare
        let s = y * (otherSquare * other.z)
        let h = other.x * square - u
        let r = other.y * (square * z) - s
        return completed(h, r, u, s, z * other.z * h)
    }

    /// `h` and `r` are the differences of both x and both y, brought to the same denominator, in
    /// which the first point is `u`, `s`.
    @inline(__always)
    private func completed(
        _ h: P256Field, _ r: P256Field, _ u: P256Field, _ s: P256Field, _ newZ: P256Field
    ) -> P256Point {
        let square = h.squared
        let cube = square * h
        let v = u * square
        let newX = r.squared - cube - (v + v)
        return P256Point(x: newX, y: r * (v - newX) - s * cube, z: newZ)
    }

    /// The sum; holds for all.
    func addingCompletely(_ other: P256Point) -> P256Point {
        let square = z.squared
        let otherSquare = other.z.squared
        let isSameX = (x * otherSquare - other.x * square).isZero
        let isSameY = (y * (otherSquare * other.z) - other.y * (square * z)).isZero
        // Of opposite points the sum has Z = 0, as it should.
        var sum = P256Point.select(isSameX & isSameY, doubled, adding(other))
        sum = .select(z.isZero, other, sum)
        return .select(other.z.isZero, self, sum)
    }

    /// x and y; zeroes for the point at infinity.
    var affine: Affine {
        let inverse = z.inverse
        let square = inverse.squared
        return Affine(x: x * square, y: y * (square * inverse))
    }
}
