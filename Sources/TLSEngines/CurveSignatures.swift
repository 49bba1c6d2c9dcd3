// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL
    internal import EllipticCurves

    /// ECDSA for BearSSL: on P-256 by `EllipticCurves` with a nonce by RFC 6979, on the other
    /// curves by BearSSL itself.
    ///
    /// The signatures are the same as BearSSL's, byte by byte, and so is what is taken for one; its
    /// inversion, in 31-bit limbs, costs six times as much as the product of the base point.
    enum CurveSignatures {
        /// Nonces that are tried; one of them is not good once in 2^32.
        private static let attemptCountMax = 32

        /// A `br_ecdsa_sign` (bearssl_ec.h): the bytes of the signature, in DER; 0: none.
        static let sign: br_ecdsa_sign = { curves, hash, value, key, signature in
            // SAFETY: BearSSL lends a hash of its class, a key, and room for a signature.
            guard let hash = unsafe hash, let key = unsafe key, let signature = unsafe signature
            else { return 0 }
            // SAFETY: as above.
            if unsafe key.pointee.curve != CurveNumber.p256 {
                return unsafe br_ecdsa_sign_asn1_get_default()(curves, hash, value, key, signature)
            }
            // SAFETY: as above.
            let number = unsafe UnsafeBufferPointer(start: key.pointee.x, count: key.pointee.xlen)
            let bytes = unsafe UnsafeRawBufferPointer(
                start: value, count: millrace_tls_hash_size(hash))
            // SAFETY: as above.
            guard
                let halves = unsafe CurveSignatures.halves(
                    CurveScalar(highestFirst: number.span),
                    bytes.bindMemory(to: UInt8.self).span, hash)
            else { return 0 }
            // SAFETY: the room is for DER, which is longer.
            let place = unsafe signature.assumingMemoryBound(to: UInt8.self)
            for index in 0..<P256.signatureByteCount { unsafe place[index] = halves[index] }
            return unsafe br_ecdsa_raw_to_asn1(signature, P256.signatureByteCount)
        }

        /// A `br_ecdsa_vrfy`: 1 if a signature in DER is one of a hash by a key, else 0.
        static let verify: br_ecdsa_vrfy = { curves, hash, hashCount, key, signature, count in
            // SAFETY: BearSSL lends as many bytes as it tells, and a key.
            guard let open = unsafe key else { return 0 }
            // SAFETY: as above.
            if unsafe open.pointee.curve != CurveNumber.p256 {
                return unsafe br_ecdsa_vrfy_asn1_get_default()(
                    curves, hash, hashCount, key, signature, count)
            }
            // SAFETY: as above.
            let der = unsafe UnsafeRawBufferPointer(start: signature, count: count)
            let bytes = unsafe UnsafeRawBufferPointer(start: hash, count: hashCount)
            let point = unsafe UnsafeBufferPointer(start: open.pointee.q, count: open.pointee.qlen)
            // SAFETY: as above.
            guard let halves = unsafe CurveSignatures.halves(der) else { return 0 }
            // SAFETY: as above.
            let isGood = unsafe P256.isSignature(
                halves.span, of: bytes.bindMemory(to: UInt8.self).span, by: point.span)
            return isGood ? 1 : 0
        }

        /// r and s of a signature in DER; nil if it is none, or a half is longer than 32 bytes.
        @unsafe
        private static func halves(
            _ der: UnsafeRawBufferPointer
        ) -> InlineArray<64, UInt8>? {
            // Two numbers of 33 bytes, one of them a zero, and what DER needs besides.
            var room = InlineArray<72, UInt8>(repeating: 0)
            if der.count > room.count { return nil }
            for index in 0..<der.count { unsafe room[index] = der[index] }  // SAFETY: in bounds.
            var place = room.mutableSpan
            // SAFETY: the conversion is in place, and never longer.
            let count = unsafe place.withUnsafeMutableBytes {
                unsafe br_ecdsa_asn1_to_raw($0.baseAddress, der.count)
            }
            if count == 0 || count > P256.signatureByteCount { return nil }
            var result = InlineArray<64, UInt8>(repeating: 0)
            let half = count / 2
            for index in 0..<half {
                result[32 - half + index] = room[index]
                result[64 - half + index] = room[half + index]
            }
            return result
        }

        /// r and s. The nonce is RFC 6979's, section 3.2, with the hash that was signed.
        private static func halves(
            _ secret: CurveScalar, _ hash: borrowing Span<UInt8>,
            _ hashClass: UnsafePointer<br_hash_class>
        ) -> InlineArray<64, UInt8>? {
            var seed = InlineArray<64, UInt8>(repeating: 0)
            var number = InlineArray<32, UInt8>(repeating: 0)
            var span = number.mutableSpan
            P256.reduce(hash: hash, into: &span)
            for index in 0..<32 {
                seed[index] = secret.bytes[index]
                seed[32 + index] = number[index]
            }
            // SAFETY: the context and its inputs live for the calls.
            var generator = unsafe br_hmac_drbg_context()
            unsafe seed.span.withUnsafeBytes {
                unsafe br_hmac_drbg_init(&generator, hashClass, $0.baseAddress, $0.count)
            }
            for _ in 0..<attemptCountMax {
                var nonce = InlineArray<32, UInt8>(repeating: 0)
                var result = InlineArray<64, UInt8>(repeating: 0)
                var place = nonce.mutableSpan
                // SAFETY: as above.
                unsafe place.withUnsafeMutableBytes {
                    unsafe br_hmac_drbg_generate(&generator, $0.baseAddress, $0.count)
                }
                var room = result.mutableSpan
                let isGood = P256.sign(
                    hash: hash, secret: secret.bytes.span, nonce: nonce.span, into: &room)
                if isGood { return result }
            }
            return nil
        }
    }

#endif
