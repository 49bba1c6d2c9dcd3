// SPDX-License-Identifier: MIT

#if Examples && TLS
    public import ArgumentParser
    public import TLSEngines

    /// The arguments of a server that speaks TLS.
    public struct ServerTLSArguments: ParsableArguments, Sendable {
        /// Files of chains.
        @Option(
            name: .customLong("cert"),
            help: ArgumentHelp(
                "A chain of certificates, PEM, the server's own first. Again for other names, or "
                    + "for the other kind of key.",
                valueName: "file"))
        public var chains: [String] = []

        /// Files of keys.
        @Option(
            name: .customLong("key"),
            help: ArgumentHelp("The key of the chain, PEM, in the same order.", valueName: "file"))
        public var keys: [String] = []

        /// The authorities of clients.
        @Option(
            name: .customLong("client-ca"),
            help: ArgumentHelp(
                "Asks clients for a certificate of these authorities, and lets in no others.",
                valueName: "file"))
        public var clientAuthorities: String?

        /// A throw-away certificate.
        @Flag(help: "Makes a certificate for localhost that nobody trusts (by openssl).")
        public var selfSigned = false

        /// Nothing given.
        public init() {}

        /// Whether anything was said of certificates.
        public var isGiven: Bool {
            selfSigned || !chains.isEmpty || !keys.isEmpty || clientAuthorities != nil
        }

        /// Checks what can be checked without files.
        public func validate() throws {
            guard chains.count == keys.count else {
                throw ValidationError(
                    "--cert and --key belong together: \(chains.count) chains, \(keys.count) keys.")
            }
            guard !selfSigned || chains.isEmpty else {
                throw ValidationError("--self-signed and --cert exclude each other.")
            }
        }

        /// Who the server is, by the files as they are now.
        public func identities() throws -> [TLSIdentity] {
            guard !chains.isEmpty else { return [try ThrowawayCertificate.make()] }
            return try zip(chains, keys).map { chain, key throws(TLSSetupError) in
                try TLSIdentity(chainFile: chain, keyFile: key)
            }
        }

        /// The policy of those identities.
        public func policy(
            for identities: [TLSIdentity], protocols: [String]
        ) throws -> TLSServerPolicy {
            var options = TLSServerOptions(identities: identities)
            options.protocols = protocols
            if let clientAuthorities {
                options.clientCertificates = .required(try TrustAnchors(file: clientAuthorities))
            }
            return try TLSServerPolicy(options)
        }
    }
#endif
