// SPDX-License-Identifier: MIT

#if TLS

    import TLSEngines
    import TLSTestSupport

    /// The tests' certificates, as servers and clients of HTTP use them.
    enum SecureServer {
        /// Found by a process that counts; it makes none of its own.
        // SAFETY: set before the first use, in a process that begins.
        nonisolated(unsafe) static var files: TestCertificates?

        private static var certificates: TestCertificates {
            unsafe files ?? TestCertificates.shared  // SAFETY: as above.
        }

        static func policy(
            _ identity: String = "ec", _ change: (inout TLSServerOptions) throws -> Void = { _ in }
        ) throws -> TLSServerPolicy {
            var options = TLSServerOptions(identities: [try certificates.identity(identity)])
            options.protocols = ["http/1.1"]
            try change(&options)
            return try TLSServerPolicy(options)
        }

        static func connector(
            identity: String? = nil, resumes: Bool = true
        ) throws -> TLSConnector {
            var options = TLSClientOptions(anchors: try certificates.anchors())
            options.protocols = ["http/1.1"]
            options.identity = try identity.map(certificates.identity)
            options.resumesSessions = resumes
            return TLSConnector(try TLSClientPolicy(options))
        }
    }

#endif
