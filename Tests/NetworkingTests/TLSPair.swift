// SPDX-License-Identifier: MIT

#if TLS

    import AsyncRuntime
    import AtomicSupport
    import EventLoops
    import Networking
    import TLSEngines
    import TLSTestSupport

    /// What both ends of a connection bring to the handshake.
    struct TLSEnds: Sendable {
        let server: TLSServerPolicy
        let client: TLSClientPolicy

        init(
            _ identity: String = "ec", anchors: String = "ca", clientIdentity: String? = nil,
            files: TestCertificates = .shared,
            server: (inout TLSServerOptions) throws -> Void = { _ in },
            client: (inout TLSClientOptions) throws -> Void = { _ in }
        ) throws {
            var serverOptions = TLSServerOptions(identities: [try files.identity(identity)])
            try server(&serverOptions)
            var clientOptions = TLSClientOptions(anchors: try files.anchors(anchors))
            clientOptions.identity = try clientIdentity.map(files.identity)
            try client(&clientOptions)
            self.server = try TLSServerPolicy(serverOptions)
            self.client = try TLSClientPolicy(clientOptions)
        }
    }

    /// Runs both ends of a connection with TLS on one loop; gives back what the client gave.
    func tlsPair<Value: Sendable>(
        _ choice: BackendChoice, _ ends: TLSEnds, name: String = "localhost",
        server: @escaping @Sendable (StreamConnection) async throws -> Void,
        client: @escaping @Sendable (StreamConnection) async throws -> Value
    ) throws -> Value {
        try pair(choice, on: loopback) { connection in
            try await connection.startTLS(TLSAcceptor(ends.server), until: inTime)
            try await server(connection)
        } client: { connection in
            try await connection.startTLS(
                TLSConnector(ends.client), serverName: name, until: inTime)
            return try await client(connection)
        }
    }

    /// How a handshake ended on each side; nil for well.
    struct Endings: Sendable {
        var client: HandshakeError?
        var server: HandshakeError?

        /// Why TLS failed, on each side.
        var clientFault: TLSError? { Self.fault(client) }
        var serverFault: TLSError? { Self.fault(server) }

        private static func fault(_ error: HandshakeError?) -> TLSError? {
            if case .tls(let fault) = error { fault } else { nil }
        }
    }

    /// Shakes hands, says what came of it, and reads the client's side to its end: with TLS 1.2 a
    /// server's refusal of a certificate comes before the end of the handshake.
    func shakeHands(
        _ choice: BackendChoice, _ ends: TLSEnds, name: String = "localhost"
    ) throws -> Endings {
        let serverEnding = Box<HandshakeError?>(nil)
        let clientEnding = try pair(choice, on: loopback) { connection in
            await serverEnding.set(
                ending { () throws(HandshakeError) in
                    try await connection.startTLS(TLSAcceptor(ends.server), until: inTime)
                })
            try? await connection.finishWriting()
            _ = try? await readAll(connection, atMost: 1000)
        } client: { connection in
            let found = await ending { () throws(HandshakeError) in
                try await connection.startTLS(
                    TLSConnector(ends.client), serverName: name, until: inTime)
            }
            try? await connection.finishWriting()
            return found
        }
        return Endings(client: clientEnding, server: serverEnding.value)
    }

    /// The error that the closure ends with.
    func ending(
        _ body: () async throws(HandshakeError) -> Void
    ) async -> HandshakeError? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    /// Bytes that tell their place.
    func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

#endif
