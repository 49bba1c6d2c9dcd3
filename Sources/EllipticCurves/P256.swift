// SPDX-License-Identifier: MIT

/// The curve P-256 (secp256r1): what ECDH and ECDSA need of it.
///
/// Scalars are 32 bytes, the highest first; points are 65 bytes, a 4, x, and y (SEC 1, section
/// 2.3.3, without compression).
///
/// | Operation | Cost (µs, one core of a server of 2023) | In steps |
/// |---|---|---|
/// | `multiplyBase` | 16; the first call once 600 | 52 additions from a table of 53 kB, inversion |
/// | `multiply` | 70 | 255 doublings, 52 additions, one inversion |
/// | `multiplyAdd` | 85 | both, and one addition |
/// | `sign` | 30 | `multiplyBase`, and one inversion modulo the order |
/// | `isSignature` | 95 | `multiplyAdd`, and one inversion modulo the order |
///
/// *Constant time*, but for `isSignature`, which has no secrets: neither branches nor addresses
/// depend on scalars, on points or on results; that a point is not on the curve is no secret.
/// Copies of secrets on the stack are not erased.
///
/// Threads: any.
///
/// Source: SEC 1 version 2, FIPS 186-5, SP 800-186.
public enum P256 {
    /// Bytes of a scalar.
    public static let scalarByteCount = 32
    /// Bytes of a point.
    public static let pointByteCount = 65

    /// Multiplies a point by a scalar.
    ///
    /// Returns whether the bytes are a point of the curve and the result is not at infinity; if
    /// not, the result is zeroes. It is at infinity for the scalars 0 and n, the order; scalars
    /// above n are taken modulo n.
    ///
    /// - Parameters:
    ///   - point: any bytes; only 65 can be a point.
    ///   - scalar: 32 bytes.
    ///   - result: room for 65 bytes.
    public static func multiply(
        _ point: borrowing Span<UInt8>, by scalar: borrowing Span<UInt8>,
        into result: inout MutableSpan<UInt8>
    ) -> Bool {
        precondition(scalar.count == scalarByteCount && result.count == pointByteCount)
        guard let affine = P256Point.Affine(decoding: point) else {
            return write(.infinity, &result)
        }
        return write(affine.multiplied(by: scalarBelowOrder(scalar)), &result)
    }

    /// Multiplies the base point by a scalar: the public key of a secret.
    ///
    /// Returns whether the result is not at infinity, where it is for the scalars 0 and n; scalars
    /// above n are taken modulo n.
    ///
    /// - Parameters:
    ///   - scalar: 32 bytes.
    ///   - result: room for 65 bytes.
    public static func multiplyBase(
        by scalar: borrowing Span<UInt8>, into result: inout MutableSpan<UInt8>
    ) -> Bool {
        precondition(scalar.count == scalarByteCount && result.count == pointByteCount)
        return write(P256Table.base.multiply(scalarBelowOrder(scalar)), &result)
    }

    /// The sum of a point multiplied by a scalar and the base point multiplied by another: what
    /// the check of a signature needs.
    ///
    /// Returns whether the bytes are a point of the curve and the result is not at infinity; if
    /// not, the result is zeroes. Scalars are taken modulo n, and may be 0.
    ///
    /// - Parameters:
    ///   - point: any bytes; only 65 can be a point.
    ///   - scalar: 32 bytes, the point's.
    ///   - baseScalar: 32 bytes, the base point's.
    ///   - result: room for 65 bytes.
    public static func multiplyAdd(
        _ point: borrowing Span<UInt8>, by scalar: borrowing Span<UInt8>,
        baseScalar: borrowing Span<UInt8>, into result: inout MutableSpan<UInt8>
    ) -> Bool {
        precondition(scalar.count == scalarByteCount && baseScalar.count == scalarByteCount)
        precondition(result.count == pointByteCount)
        guard let affine = P256Point.Affine(decoding: point) else {
            return write(.infinity, &result)
        }
        let product = affine.multiplied(by: scalarBelowOrder(scalar))
        let base = P256Table.base.multiply(scalarBelowOrder(baseScalar))
        return write(product.addingCompletely(base), &result)
    }

    /// The sum of two points multiplied by a scalar each; else as the other.
    ///
    /// - Parameters:
    ///   - point: any bytes; only 65 can be a point.
    ///   - scalar: 32 bytes, the first point's.
    ///   - other: any bytes; only 65 can be a point.
    ///   - otherScalar: 32 bytes, the second point's.
    ///   - result: room for 65 bytes.
    public static func multiplyAdd(
        _ point: borrowing Span<UInt8>, by scalar: borrowing Span<UInt8>,
        other: borrowing Span<UInt8>, by otherScalar: borrowing Span<UInt8>,
        into result: inout MutableSpan<UInt8>
    ) -> Bool {
        precondition(scalar.count == scalarByteCount && otherScalar.count == scalarByteCount)
        precondition(result.count == pointByteCount)
        guard let first = P256Point.Affine(decoding: point),
            let second = P256Point.Affine(decoding: other)
        else { return write(.infinity, &result) }
        let product = first.multiplied(by: scalarBelowOrder(scalar))
        let otherProduct = second.multiplied(by: scalarBelowOrder(otherScalar))
        return write(product.addingCompletely(otherProduct), &result)
    }

    /// The base point's order.
    static var order: Words256 {
        Words256(
            0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, 0xffff_ffff_ffff_ffff,
            0xffff_ffff_0000_0000)
    }

    /// A number below the order: 2^256 is less than twice of it.
    static func scalarBelowOrder(_ bytes: borrowing Span<UInt8>) -> Words256 {
        belowOrder(Words256(bigEndian: bytes))
    }

    /// A number modulo the order.
    static func belowOrder(_ number: Words256) -> Words256 {
        let (less, borrow) = Words256.subtract(number, order)
        return .select(0 &- borrow, number, less)
    }

    /// Writes the bytes of a point, zeroes for the one at infinity; returns whether it is another.
    private static func write(_ point: P256Point, _ bytes: inout MutableSpan<UInt8>) -> Bool {
        let isFinite = ~point.z.isZero
        let affine = point.affine
        bytes[0] = UInt8(truncatingIfNeeded: isFinite & 4)
        affine.x.number.write(bigEndian: &bytes, at: 1)
        affine.y.number.write(bigEndian: &bytes, at: 33)
        return isFinite != 0
    }
}
