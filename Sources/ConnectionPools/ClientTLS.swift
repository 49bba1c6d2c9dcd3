// SPDX-License-Identifier: MIT

#if TLS

    internal import AsyncRuntime
    internal import Networking
    public import TLSEngines

    /// The TLS of a pooled client. The handshake is part of an attempt: it counts towards the time
    /// limit for connecting, and a server that is not trusted is a failed attempt.
    public struct ClientTLS: Sendable {
        /// Whom the client trusts, and who it is.
        public var policy: TLSClientPolicy
        /// The name that the server's certificate must bear; nil takes the destination's. An
        /// address or a Unix socket has none.
        public var serverName: String?

        /// TLS by a policy.
        public init(_ policy: TLSClientPolicy, serverName: String? = nil) {
            self.policy = policy
            self.serverName = serverName
        }
    }

    /// The same for a client that runs: a connector, with its sessions, for each loop.
    final class ClientConnectors: @unchecked Sendable {
        // Threads: each connector is its loop's.
        private let serverName: String
        private let connectors: [(executor: LoopExecutor, connector: TLSConnector)]

        init(
            _ tls: ClientTLS, _ endpoint: Endpoint, _ executors: [LoopExecutor]
        ) throws(PoolConfigurationError) {
            var name = tls.serverName
            if case .host(let host, _) = endpoint, name == nil { name = host }
            guard let name, (try? TLSConnector(tls.policy).open(serverName: name)) != nil else {
                throw .serverName
            }
            serverName = name
            connectors = executors.map { ($0, TLSConnector(tls.policy)) }
        }

        func secure(_ connection: StreamConnection) async throws(HandshakeError) {
            let found = connectors.first { $0.executor === connection.executor }
            guard let found else { preconditionFailure("a loop of the client") }
            try await connection.startTLS(found.connector, serverName: serverName)
        }
    }

#endif
