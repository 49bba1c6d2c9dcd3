// SPDX-License-Identifier: MIT

extension P256 {
    /// Bytes of a signature: r and s.
    public static let signatureByteCount = 64

    /// Signs a hash by ECDSA (FIPS 186-5, section 6.4.1) with a nonce that the caller chooses:
    /// it must be random or made as RFC 6979 says, secret, and used once; whoever learns it, or a
    /// few of its bits in many signatures, has the secret.
    ///
    /// Returns whether secret and nonce are from 1 to n − 1 and neither half of the signature is
    /// zero, which happens once in 2^255; if not, another nonce must be taken.
    ///
    /// Cost: one product of the base point, one inversion modulo n: 30 µs. Constant time as the
    /// other operations; only the number of the hash's bytes is no secret.
    ///
    /// - Parameters:
    ///   - hash: any number of bytes; of more than 32 the first count.
    ///   - secret: 32 bytes.
    ///   - nonce: 32 bytes.
    ///   - result: room for 64 bytes, r and s.
    public static func sign(
        hash: borrowing Span<UInt8>, secret: borrowing Span<UInt8>,
        nonce: borrowing Span<UInt8>, into result: inout MutableSpan<UInt8>
    ) -> Bool {
        precondition(secret.count == scalarByteCount && nonce.count == scalarByteCount)
        precondition(result.count == signatureByteCount)
        let k = scalarBelowOrder(nonce)
        let d = scalarBelowOrder(secret)
        let x = P256Table.base.multiply(k).affine.x.number
        let r = belowOrder(x)
        let sum = P256Scalar(number(ofHash: hash)) + P256Scalar(r) * P256Scalar(d)
        let s = (P256Scalar(k).inverse * sum).number
        r.write(bigEndian: &result)
        s.write(bigEndian: &result, at: 32)
        let isBad =
            r.isZero | s.isZero | ~isBelowOrder(Words256(bigEndian: nonce))
            | ~isBelowOrder(Words256(bigEndian: secret)) | k.isZero | d.isZero
        return isBad == 0
    }

    /// Whether a signature of a hash is by the secret of a key, by ECDSA (FIPS 186-5, section
    /// 6.4.2). Bytes that are no point of the curve and halves that are not from 1 to n − 1 have
    /// signed nothing.
    ///
    /// Cost: two products, one inversion modulo n: 95 µs.
    ///
    /// - Parameters:
    ///   - signature: 64 bytes, r and s.
    ///   - hash: any number of bytes; of more than 32 the first count.
    ///   - key: any bytes; only 65 can be a point.
    public static func isSignature(
        _ signature: borrowing Span<UInt8>, of hash: borrowing Span<UInt8>,
        by key: borrowing Span<UInt8>
    ) -> Bool {
        precondition(signature.count == signatureByteCount)
        let r = Words256(bigEndian: signature)
        let s = Words256(bigEndian: signature, at: 32)
        guard let point = P256Point.Affine(decoding: key) else { return false }
        if r.isZero | s.isZero | ~isBelowOrder(r) | ~isBelowOrder(s) != 0 { return false }
        let inverse = P256Scalar(s).inverse
        let product = point.multiplied(by: (P256Scalar(r) * inverse).number)
        let base = P256Table.base.multiply(
            (P256Scalar(number(ofHash: hash)) * inverse).number)
        let sum = product.addingCompletely(base)
        let difference = Words256.subtract(belowOrder(sum.affine.x.number), r).0
        return ~sum.z.isZero & difference.isZero != 0
    }

    /// Writes the number below n that a hash stands for, the highest byte first: what is signed,
    /// and what RFC 6979 (section 2.3.4) makes nonces of.
    ///
    /// - Parameters:
    ///   - hash: any number of bytes; of more than 32 the first count.
    ///   - result: room for 32 bytes.
    public static func reduce(
        hash: borrowing Span<UInt8>, into result: inout MutableSpan<UInt8>
    ) {
        precondition(result.count == scalarByteCount)
        number(ofHash: hash).write(bigEndian: &result)
    }

    private static func number(ofHash hash: borrowing Span<UInt8>) -> Words256 {
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        let count = min(hash.count, 32)
        for index in 0..<count { bytes[32 - count + index] = hash[index] }
        return belowOrder(Words256(bigEndian: bytes.span))
    }

    /// All ones if a number is below the order.
    private static func isBelowOrder(_ number: Words256) -> UInt64 {
        0 &- Words256.subtract(number, order).1
    }
}
