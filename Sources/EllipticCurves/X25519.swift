// SPDX-License-Identifier: MIT

/// Diffie–Hellman on Curve25519 (RFC 7748).
///
/// A secret is 32 random bytes. Of a scalar the lowest three bits and the highest are cleared and
/// the second highest is set, as RFC 7748 asks; the caller need not.
///
/// | Operation | Cost (µs, one core of a server of 2023) | In steps |
/// |---|---|---|
/// | `multiply` | 35 | 255 steps of the ladder, one inversion |
/// | `publicKey` | 12; the first call once 300 | 64 additions from a table of 32 kB |
///
/// *Constant time*: neither branches nor addresses depend on scalars, on points or on results.
/// Copies of secrets on the stack are not erased.
///
/// Threads: any.
///
/// Source: RFC 7748, section 5, for the ladder; the table as in D. J. Bernstein et al., "High-speed
/// high-security signatures", CHES 2011, section 4.
public enum X25519 {
    /// Bytes of a scalar, of a point, and of what is agreed on.
    public static let byteCount = 32

    /// Multiplies a point, a peer's public key, by a scalar, the own secret; both are 32 bytes as
    /// on the wire, the lowest first.
    ///
    /// Returns whether the result is not zero. It is zero for the few points of small order, which
    /// no honest peer sends; what is agreed on is then known to everybody, and a protocol must end
    /// (RFC 8422, section 5.11). Any 32 bytes are a point, on the curve or on its twist.
    ///
    /// - Parameters:
    ///   - scalar: 32 bytes.
    ///   - point: 32 bytes; the highest bit is ignored.
    ///   - result: room for 32 bytes.
    public static func multiply(
        scalar: borrowing Span<UInt8>, point: borrowing Span<UInt8>,
        into result: inout MutableSpan<UInt8>
    ) -> Bool {
        precondition(scalar.count == byteCount && point.count == byteCount)
        precondition(result.count == byteCount)
        let secret = clamped(scalar)
        let product = ladder(secret, Field25519(decoding: Words256(littleEndian: point)))
        product.write(littleEndian: &result)
        return product.isZero == 0
    }

    /// The public key of a secret: the base point, 9, multiplied by it.
    ///
    /// - Parameters:
    ///   - scalar: 32 bytes.
    ///   - result: room for 32 bytes.
    public static func publicKey(
        scalar: borrowing Span<UInt8>, into result: inout MutableSpan<UInt8>
    ) {
        precondition(scalar.count == byteCount && result.count == byteCount)
        let point = EdwardsTable.base.multiply(clamped(scalar))
        // Edwards (y) to Montgomery (u): RFC 7748, section 4.1. `z − y` is zero for the neutral
        // element alone, which no clamped scalar reaches: it is eight times a number below the
        // base point's order, and not zero.
        ((point.z + point.y) * (point.z - point.y).inverse).encoded.write(littleEndian: &result)
    }

    /// RFC 7748, section 5.
    private static func clamped(_ scalar: borrowing Span<UInt8>) -> Words256 {
        var words = Words256(littleEndian: scalar)
        words.w0 &= ~7
        words.w3 &= ~(1 &<< 63)
        words.w3 |= 1 &<< 62
        return words
    }

    /// The Montgomery ladder: `x2 : z2` and `x3 : z3` are multiples of the point that differ by
    /// one, and both go on by one bit of the scalar in each step.
    private static func ladder(_ scalar: Words256, _ u: Field25519) -> Words256 {
        var x2 = Field25519.one
        var z2 = Field25519.zero
        var x3 = u
        var z3 = Field25519.one
        var isSwapped: UInt64 = 0
        for position in stride(from: 254, through: 0, by: -1) {
            let bit = scalar[position &>> 6] &>> UInt64(position & 63) & 1
            let mask = 0 &- Mask.opaque(isSwapped ^ bit)
            isSwapped = bit
            Field25519.swap(mask, &x2, &x3)
            Field25519.swap(mask, &z2, &z3)
            let sum2 = x2 + z2
            let difference2 = x2 - z2
            let sum3 = x3 + z3
            let difference3 = x3 - z3
            let square = sum2.squared
            let other = difference2.squared
            let difference = square - other
            let cross = difference3 * sum2
            let across = sum3 * difference2
            x3 = (cross + across).squared
            z3 = u * (cross - across).squared
            x2 = square * other
            z2 = difference * (square + difference.times(121665))
        }
        let mask = 0 &- Mask.opaque(isSwapped)
        Field25519.swap(mask, &x2, &x3)
        Field25519.swap(mask, &z2, &z3)
        return (x2 * z2.inverse).encoded
    }
}
