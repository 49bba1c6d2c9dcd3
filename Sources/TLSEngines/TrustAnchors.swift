// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// Whose certificates are trusted: authorities, and single certificates.
    ///
    /// Made once, shared by all connections; it never changes. A certificate that is no authority's
    /// is trusted for itself alone.
    @safe
    public final class TrustAnchors: @unchecked Sendable {
        /// Where Debian's `ca-certificates` writes the authorities that the system trusts.
        public static let systemFile = "/etc/ssl/certs/ca-certificates.crt"

        let entries: UnsafeMutableBufferPointer<br_x509_trust_anchor>
        /// How many there are.
        public var count: Int { unsafe entries.count }  // SAFETY: a number.

        /// The certificates of a file, in PEM.
        ///
        /// Cost: about a third of a millisecond for each. Throws: what is wrong with the file.
        public convenience init(file: String) throws(TLSSetupError) {
            try self.init(pem: PEM.load(file), source: file)
        }

        /// The authorities that the system trusts.
        public static func system() throws(TLSSetupError) -> TrustAnchors {
            try TrustAnchors(file: systemFile)
        }

        /// The certificates of a text in PEM. The source is what errors call it.
        public init(pem text: [UInt8], source: String) throws(TLSSetupError) {
            let objects = try PEM.objects(in: text, source: source).filter { $0.isCertificate }
            if objects.isEmpty { throw TLSSetupError(source, .noAnchor) }
            // SAFETY: copied while the certificate lives, freed in `deinit`.
            var anchors: [br_x509_trust_anchor] = unsafe []
            for (index, object) in objects.enumerated() {
                let certificate = Certificate(object.bytes)
                // SAFETY: copies, which `deinit` frees.
                if let fault = certificate.fault {
                    while let anchor = unsafe anchors.popLast() { unsafe TrustAnchors.free(anchor) }
                    throw TLSSetupError(source, .badCertificate(number: index + 1, fault))
                }
                // SAFETY: copied while the certificate lives, freed in `deinit`.
                if let anchor = unsafe TrustAnchors.anchor(certificate) {
                    unsafe anchors.append(anchor)
                }
            }
            unsafe entries = .allocate(capacity: anchors.count)  // SAFETY: freed in `deinit`.
            _ = unsafe entries.initialize(from: anchors)
        }

        deinit {
            // SAFETY: from `init`, not used any more.
            for index in unsafe entries.indices { unsafe TrustAnchors.free(entries[index]) }
            unsafe entries.deallocate()
        }

        private static func anchor(_ certificate: Certificate) -> br_x509_trust_anchor? {
            // SAFETY: the key's bytes live as long as the certificate; they are copied.
            guard let key = unsafe certificate.key else { return nil }
            var anchor = unsafe br_x509_trust_anchor()
            unsafe anchor.dn = unsafe br_x500_name(
                data: copy(certificate.subject), len: certificate.subject.count)
            // SAFETY: copied while the certificate lives, freed in `deinit`.
            unsafe anchor.flags = certificate.isAuthority ? UInt32(BR_X509_TA_CA) : 0
            unsafe anchor.pkey.key_type = key.pointee.key_type
            if unsafe Int32(key.pointee.key_type) == BR_KEYTYPE_RSA {
                // SAFETY: copied while the certificate lives, freed in `deinit`.
                let rsa = unsafe key.pointee.key.rsa
                unsafe anchor.pkey.key.rsa = unsafe br_rsa_public_key(
                    n: copy(UnsafeBufferPointer(start: rsa.n, count: rsa.nlen)), nlen: rsa.nlen,
                    e: copy(UnsafeBufferPointer(start: rsa.e, count: rsa.elen)), elen: rsa.elen)
            } else {
                // SAFETY: copied while the certificate lives, freed in `deinit`.
                let ec = unsafe key.pointee.key.ec
                unsafe anchor.pkey.key.ec = unsafe br_ec_public_key(
                    curve: ec.curve, q: copy(UnsafeBufferPointer(start: ec.q, count: ec.qlen)),
                    qlen: ec.qlen)
            }
            // SAFETY: copied while the certificate lives, freed in `deinit`.
            return unsafe anchor
        }

        private static func copy(_ bytes: some Collection<UInt8>) -> UnsafeMutablePointer<UInt8>? {
            let result = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
            _ = unsafe result.initialize(from: bytes)  // SAFETY: as many as there are.
            return result.baseAddress
        }

        private static func free(_ anchor: br_x509_trust_anchor) {
            // SAFETY: allocated by `copy`, freed once.
            unsafe anchor.dn.data?.deallocate()
            if unsafe Int32(anchor.pkey.key_type) == BR_KEYTYPE_RSA {
                unsafe anchor.pkey.key.rsa.n?.deallocate()
                // SAFETY: copied while the certificate lives, freed in `deinit`.
                unsafe anchor.pkey.key.rsa.e?.deallocate()
            } else {
                unsafe anchor.pkey.key.ec.q?.deallocate()
            }
        }
    }

#endif
