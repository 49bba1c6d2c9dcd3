// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// A chain of certificates, and the key of its first one: who an end is.
    ///
    /// Made once, shared by all connections; it never changes.
    public final class TLSIdentity: Sendable {
        let chain: CertificateChain
        let key: PrivateKey
        /// The DNS names in the certificate, as they stand there: what a client's server name is
        /// compared with.
        let names: [[UInt8]]

        /// Reads a chain and a key from files, in PEM; both may be the same file. The chain begins
        /// with the end's own certificate.
        ///
        /// Throws: what is wrong, and in which file.
        public convenience init(
            chainFile: String, keyFile: String
        ) throws(TLSSetupError) {
            try self.init(
                chain: PEM.load(chainFile), chainSource: chainFile,
                key: PEM.load(keyFile), keySource: keyFile)
        }

        /// Takes a chain and a key from texts in PEM. The sources are what errors call them.
        public init(
            chain chainText: [UInt8], chainSource: String, key keyText: [UInt8], keySource: String
        ) throws(TLSSetupError) {
            chain = try CertificateChain(pem: chainText, source: chainSource)
            key = try PrivateKey(pem: keyText, source: keySource)
            names = CertificateNames.dnsNames(of: chain.leaf)
            let leaf = Certificate(chain.leaf)
            // SAFETY: the key's bytes live as long as `leaf`.
            guard let open = unsafe leaf.key, unsafe key.matches(open) else {
                throw TLSSetupError(keySource, .keyMismatch(chain: chainSource))
            }
        }

        /// Whether the key is of a curve, and not RSA.
        var isElliptic: Bool { key.curve != nil }

        /// Whether the certificate is for that server: exactly, or with "*" for one label.
        func isFor(_ name: borrowing Span<UInt8>) -> Bool {
            for candidate in names where ServerName.matches(candidate, name) { return true }
            return false
        }
    }

#endif
