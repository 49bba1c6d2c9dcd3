// SPDX-License-Identifier: MIT

#if Examples && TLS
    public import ArgumentParser
    public import TLSEngines

    /// The arguments of a client that speaks TLS.
    public struct ClientTLSArguments: ParsableArguments, Sendable {
        /// Whether it does.
        @Flag(help: "Speak TLS; the server's certificate is always checked.")
        public var tls = false

        /// Whom it trusts.
        @Option(
            help: ArgumentHelp(
                "Trust these authorities, PEM, in place of the system's.", valueName: "file"))
        public var ca: String?

        /// Its certificate.
        @Option(
            help: ArgumentHelp(
                "The client's own chain of certificates, PEM, if the server asks for one.",
                valueName: "file"))
        public var cert: String?

        /// Its key.
        @Option(help: ArgumentHelp("The key of that chain, PEM.", valueName: "file"))
        public var key: String?

        /// The server's name.
        @Option(
            help: ArgumentHelp(
                "The name in the server's certificate, if it is not the destination's.",
                valueName: "name"))
        public var serverName: String?

        /// Nothing given.
        public init() {}

        /// Checks what can be checked without files.
        public func validate() throws {
            guard (cert == nil) == (key == nil) else {
                throw ValidationError("--cert and --key belong together.")
            }
            let isGiven = ca != nil || cert != nil || serverName != nil
            guard tls || !isGiven else {
                throw ValidationError("--ca, --cert, --key and --server-name need --tls.")
            }
        }

        /// The policy; nil without TLS.
        public func policy() throws(TLSSetupError) -> TLSClientPolicy? {
            guard tls else { return nil }
            let anchors: TrustAnchors
            if let ca { anchors = try TrustAnchors(file: ca) } else { anchors = try .system() }
            var options = TLSClientOptions(anchors: anchors)
            if let cert, let key {
                options.identity = try TLSIdentity(chainFile: cert, keyFile: key)
            }
            return try TLSClientPolicy(options)
        }
    }
#endif
