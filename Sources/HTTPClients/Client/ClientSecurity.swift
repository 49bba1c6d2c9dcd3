// SPDX-License-Identifier: MIT

#if TLS
    internal import AsyncRuntime
    internal import Networking
    public import TLSEngines

    extension HTTPClientConfiguration {
        /// What `tls` takes: servers are verified, always; "http/1.1" is asked for by ALPN.
        ///
        /// - Parameters:
        ///   - anchors: whose certificates are trusted.
        ///   - identity: who the client is, for servers that ask.
        /// - Returns: the policy.
        /// - Throws: what is wrong with the parts.
        public static func tlsPolicy(
            anchors: TrustAnchors, identity: TLSIdentity? = nil
        ) throws(TLSSetupError) -> TLSClientPolicy {
            var options = TLSClientOptions(anchors: anchors)
            options.identity = identity
            options.protocols = ["http/1.1"]
            return try TLSClientPolicy(options)
        }
    }

    /// Where a loop's secure connections come from. Its loop's only.
    final class ClientSecurity {
        private let policy: TLSClientPolicy?
        private var connector: TLSConnector?

        init(_ policy: TLSClientPolicy?) {
            self.policy = policy
        }

        /// The loop's connector, which remembers sessions.
        func current() async throws(HTTPClientError) -> TLSConnector {
            if let connector { return connector }
            let policy: TLSClientPolicy
            if let own = self.policy {
                policy = own
            } else {
                // Reading a hundred and more certificates takes tens of milliseconds.
                let found = await BlockingPool.shared.run { SystemSecurity.policy }
                switch found {
                case .success(let known): policy = known
                case .failure(let error): throw .notSecure("\(error)")
                }
            }
            // Another request may have been as fast.
            if let connector { return connector }
            let made = TLSConnector(policy)
            connector = made
            return made
        }

        /// What a failed handshake means.
        static func failure(
            _ error: HandshakeError, _ reason: HTTPClientError.TimeLimit
        ) -> HTTPClientError {
            if case .system(let error) = error {
                return ClientConnection.failure(error, reason)
            }
            return .notSecure("\(error)")
        }
    }

    /// The authorities that the system trusts, read once.
    private enum SystemSecurity {
        static let policy = Result { () throws(TLSSetupError) in
            try HTTPClientConfiguration.tlsPolicy(anchors: .system())
        }
    }
#endif
