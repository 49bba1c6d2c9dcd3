// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// A private key, RSA or of an elliptic curve, read from PKCS#1, SEC1 or PKCS#8.
    ///
    /// Its memory is erased when it goes.
    @safe
    final class PrivateKey: @unchecked Sendable {
        private let context: UnsafeMutablePointer<br_skey_decoder_context>
        let source: String

        /// The only key of a text.
        init(pem text: [UInt8], source: String) throws(TLSSetupError) {
            let objects = try PEM.objects(in: text, source: source)
            if objects.contains(where: { $0.isLabelled("ENCRYPTED PRIVATE KEY") }) {
                throw TLSSetupError(source, .encryptedKey)
            }
            let keys = objects.filter {
                $0.isLabelled("PRIVATE KEY") || $0.isLabelled("EC PRIVATE KEY")
                    || $0.isLabelled("RSA PRIVATE KEY")
            }
            guard var key = keys.first else { throw TLSSetupError(source, .noKey) }
            if keys.count > 1 { throw TLSSetupError(source, .severalKeys) }
            self.source = source
            unsafe context = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
            unsafe br_skey_decoder_init(context)
            unsafe key.bytes.withUnsafeMutableBytes {
                // SAFETY: the bytes live for the call; they are a copy of a secret.
                unsafe br_skey_decoder_push(context, $0.baseAddress, $0.count)
                if let base = $0.baseAddress { unsafe TLSMemory.erase(base, $0.count) }
            }
            // SAFETY: the context lives as long as this; the rest for the call.
            if unsafe br_skey_decoder_last_error(context) != 0 {
                throw TLSSetupError(source, .badKey)
            }
            try checkSize()
        }

        deinit {
            // SAFETY: from `init`, not used any more.
            unsafe TLSMemory.erase(context, MemoryLayout<br_skey_decoder_context>.size)
            unsafe context.deallocate()
        }

        /// The key if it is RSA; lives as long as this.
        var rsa: UnsafePointer<br_rsa_private_key>? {
            unsafe br_skey_decoder_get_rsa(context)  // SAFETY: points into the context.
        }

        /// The key if it is of a curve; lives as long as this.
        var ec: UnsafePointer<br_ec_private_key>? {
            unsafe br_skey_decoder_get_ec(context)  // SAFETY: points into the context.
        }

        /// The curve's number (RFC 8422, section 5.1.1); nil for RSA.
        var curve: Int32? {
            // SAFETY: as above.
            if let key = unsafe ec { unsafe key.pointee.curve } else { nil }
        }

        private func checkSize() throws(TLSSetupError) {
            // SAFETY: the context lives as long as this; the rest for the call.
            if let rsa = unsafe rsa {
                let bits = Int(unsafe rsa.pointee.n_bitlen)  // SAFETY: as above.
                if bits < 2048 || bits > 4096 {
                    throw TLSSetupError(source, .badKeySize(bits: bits))
                }
            } else if let curve, !(23...25).contains(curve) {
                throw TLSSetupError(source, .unsupportedKey)
            }
        }

        /// Whether a public key is the other half.
        func matches(_ key: UnsafeMutablePointer<br_x509_pkey>) -> Bool {
            // SAFETY: both live as long as their owners; which part of the union is right is said
            // beside it.
            let kind = unsafe Int32(key.pointee.key_type)
            if let ec = unsafe ec {
                return unsafe kind == BR_KEYTYPE_EC && isSame(ec, key.pointee.key.ec)
            }
            // SAFETY: the context lives as long as this; the rest for the call.
            if let rsa = unsafe rsa {
                return unsafe kind == BR_KEYTYPE_RSA && isSame(rsa, key.pointee.key.rsa)
            }
            return false
        }

        private func isSame(
            _ secret: UnsafePointer<br_ec_private_key>, _ open: br_ec_public_key
        ) -> Bool {
            // SAFETY: the buffer is as large as BearSSL asks for; `open` points to bytes that live
            // for the call.
            unsafe withUnsafeTemporaryAllocation(
                byteCount: Int(BR_EC_KBUF_PUB_MAX_SIZE), alignment: 1
            ) { buffer in
                // SAFETY: the context lives as long as this; the rest for the call.
                let count = unsafe br_ec_compute_pub(
                    CurveArithmetic.shared.table, nil, buffer.baseAddress, secret)
                guard count > 0, unsafe secret.pointee.curve == open.curve,
                    // SAFETY: the context lives as long as this; the rest for the call.
                    unsafe count == open.qlen
                else { return false }
                return (0..<count).allSatisfy { unsafe buffer[$0] == open.q[$0] }
            }
        }

        private func isSame(
            _ secret: UnsafePointer<br_rsa_private_key>, _ open: br_rsa_public_key
        ) -> Bool {
            // The default of 0.6 finds no modulus of 4096 bits.
            // SAFETY: as above; the modulus has as many bytes as its bits need.
            let count = unsafe br_rsa_i15_compute_modulus(nil, secret)
            if count == 0 { return false }
            return unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
                // SAFETY: the context lives as long as this; the rest for the call.
                guard unsafe br_rsa_i15_compute_modulus(buffer.baseAddress, secret) == count
                else { return false }
                var skip = 0
                // SAFETY: the context lives as long as this; the rest for the call.
                while unsafe skip < open.nlen, unsafe open.n[skip] == 0 { skip += 1 }
                guard unsafe open.nlen - skip == count else { return false }
                return (0..<count).allSatisfy { unsafe buffer[$0] == open.n[skip + $0] }
            }
        }
    }

#endif
