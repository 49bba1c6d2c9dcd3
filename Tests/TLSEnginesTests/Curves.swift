// SPDX-License-Identifier: MIT

#if TLS

    import CBearSSL

    @testable import TLSEngines

    /// A table of functions that BearSSL takes for curves: ours, or its own.
    @safe
    struct Curves: @unchecked Sendable {
        private let table: UnsafePointer<br_ec_impl>

        // SAFETY: both live as long as the process.
        static let ours = unsafe Curves(table: CurveArithmetic.shared.table)
        static let theirs = unsafe Curves(table: br_ec_get_default())

        // SAFETY: as above.
        var supported: UInt32 { unsafe table.pointee.supported_curves }

        func base(_ curve: Int32, _ scalar: [UInt8]) -> [UInt8] {
            var bytes = [UInt8](repeating: 0xaa, count: 133)
            // SAFETY: room for any point.
            let count = unsafe table.pointee.mulgen(&bytes, scalar, scalar.count, curve)
            return Array(bytes[..<count])
        }

        func product(
            _ curve: Int32, _ point: [UInt8], _ scalar: [UInt8]
        ) -> [UInt8]? {
            var bytes = point
            // SAFETY: as many bytes as are told.
            let isGood = unsafe table.pointee.mul(
                &bytes, bytes.count, scalar, scalar.count, curve)
            return isGood == 1 ? bytes : nil
        }

        /// Nil for the other is the base point.
        func sum(
            _ curve: Int32, _ point: [UInt8], _ other: [UInt8]?, _ x: [UInt8],
            _ y: [UInt8]
        ) -> [UInt8]? {
            var bytes = point
            // SAFETY: as many bytes as are told.
            let isGood = unsafe table.pointee.muladd(
                &bytes, other, bytes.count, x, x.count, y, y.count, curve)
            return isGood == 1 ? bytes : nil
        }

        /// Whether a function that BearSSL takes finds that bytes in DER are a signature.
        func isSignature(
            _ verify: br_ecdsa_vrfy, _ der: [UInt8], of hash: [UInt8], by key: [UInt8],
            curve: Int32 = 23
        ) -> Bool {
            var key = key
            // SAFETY: as many bytes as are told, for the call.
            return unsafe key.withUnsafeMutableBufferPointer {
                // SAFETY: as above.
                var open = unsafe br_ec_public_key(
                    curve: curve, q: $0.baseAddress, qlen: $0.count)
                return unsafe verify(table, hash, hash.count, &open, der, der.count) == 1
            }
        }

        /// The same by ours and by BearSSL's.
        func isSignature(
            _ der: [UInt8], of hash: [UInt8], by key: [UInt8], curve: Int32 = 23
        ) -> (ours: Bool, theirs: Bool) {
            // SAFETY: functions of BearSSL's kind.
            unsafe (
                isSignature(CurveSignatures.verify, der, of: hash, by: key, curve: curve),
                isSignature(br_ecdsa_i31_vrfy_asn1, der, of: hash, by: key, curve: curve)
            )
        }

        /// A signature of 64 bytes in DER; nothing if it has another size.
        static func der(_ signature: [UInt8]) -> [UInt8] {
            if signature.count != 64 { return [] }
            var bytes = signature + [UInt8](repeating: 0, count: 16)
            let count = unsafe br_ecdsa_raw_to_asn1(&bytes, 64)  // SAFETY: there is room.
            return Array(bytes[..<count])
        }

        /// A signature in DER by a function that BearSSL takes; empty if there is none.
        func signature(
            _ sign: br_ecdsa_sign, _ curve: Int32, of hash: [UInt8],
            _ hashClass: UnsafePointer<br_hash_class>?, by secret: [UInt8]
        ) -> [UInt8] {
            var signature = [UInt8](repeating: 0, count: 139)
            var secret = secret
            // SAFETY: as many bytes as are told, for the call; room for a signature.
            let count = unsafe secret.withUnsafeMutableBufferPointer {
                // SAFETY: as above.
                var key = unsafe br_ec_private_key(
                    curve: curve, x: $0.baseAddress, xlen: $0.count)
                return unsafe sign(table, hashClass, hash, &key, &signature)
            }
            return Array(signature[..<count])
        }

        /// Our signature and BearSSL's of a hash of 32, 48 or 64 bytes.
        func signatures(
            of hash: [UInt8], by secret: [UInt8], curve: Int32 = 23
        ) -> (ours: [UInt8], theirs: [UInt8]) {
            // SAFETY: constants.
            let classes = unsafe [
                32: millrace_tls_sha256(), 48: millrace_tls_sha384(), 64: millrace_tls_sha512(),
            ]
            let hashClass = unsafe classes[hash.count] ?? nil  // SAFETY: as above.
            // SAFETY: as above.
            return unsafe (
                signature(CurveSignatures.sign, curve, of: hash, hashClass, by: secret),
                signature(br_ecdsa_i31_sign_asn1, curve, of: hash, hashClass, by: secret)
            )
        }

        static func bytes(_ text: some StringProtocol) -> [UInt8] {
            let digits = text.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
            return stride(from: 0, to: digits.count - 1, by: 2).map {
                digits[$0] << 4 | digits[$0 + 1]
            }
        }

        /// What differs from another in one round; nil if nothing does.
        func difference(from other: Curves, _ random: inout CurveInputs) -> String? {
            let k = random.scalar()
            let l = random.scalar()
            let point = base(23, k)
            if other.base(23, k) != point { return "P-256, base" }
            if other.product(23, point, l) != product(23, point, l) { return "P-256, product" }
            if other.sum(23, point, nil, k, l) != sum(23, point, nil, k, l) {
                return "P-256, sum with the base point"
            }
            let secret = random.bytes()
            let u = random.bytes()
            if other.base(29, secret) != base(29, secret) { return "X25519, base" }
            // Zero, of a point of small order, is refused by ours and not by theirs.
            var expected = other.product(29, u, secret)
            if expected?.allSatisfy({ $0 == 0 }) == true { expected = nil }
            if product(29, u, secret) != expected { return "X25519, product" }
            return signatureDifference(k, point, &random)
        }

        /// The same for a signature, and for one that was touched.
        private func signatureDifference(
            _ secret: [UInt8], _ key: [UInt8], _ random: inout CurveInputs
        ) -> String? {
            let hash = random.bytes()
            let both = signatures(of: hash, by: secret)
            if both.ours != both.theirs { return "P-256, signature" }
            if key.isEmpty || both.ours.isEmpty { return nil }
            if isSignature(both.ours, of: hash, by: key) != (true, true) {
                return "P-256, a signature is taken"
            }
            var touched = both.ours
            let place = Int(truncatingIfNeeded: random.word() % UInt64(8 * touched.count))
            touched[place / 8] ^= 1 << (place % 8)
            let answers = isSignature(touched, of: hash, by: key)
            return answers.ours == answers.theirs ? nil : "P-256, a touched signature is refused"
        }
    }

    /// Random inputs from a seed: SplitMix64 (G. Steele, D. Lea, C. Flood, 2014).
    struct CurveInputs {
        private(set) var seed: UInt64

        mutating func word() -> UInt64 {
            seed &+= 0x9e37_79b9_7f4a_7c15
            var word = seed
            word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
            return word ^ word >> 31
        }

        /// 32 bytes: any, or long runs of ones and zeroes, where carries go far.
        mutating func bytes() -> [UInt8] {
            let isSpecial = word() % 4 == 0
            var bytes: [UInt8] = []
            while bytes.count < 32 {
                let value = word()
                if isSpecial {
                    let run = Int((value >> 8) % 9) + 1
                    bytes += [UInt8](repeating: value & 1 == 0 ? 0 : 255, count: run)
                } else {
                    bytes.append(UInt8(truncatingIfNeeded: value))
                }
            }
            return Array(bytes[..<32])
        }

        /// A number from 1 to 2^256 − 2^224 − 1, which is below the order of P-256.
        mutating func scalar() -> [UInt8] {
            var bytes = bytes()
            if bytes[..<4] == [255, 255, 255, 255] { bytes[3] = 254 }
            bytes[31] |= 1
            return bytes
        }
    }

#endif
