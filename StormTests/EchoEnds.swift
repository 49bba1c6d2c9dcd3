// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import LoopSimulation
internal import Networking

#if TLS
    internal import TLSEngines
#endif

/// The server of an echo storm, and what its clients need to talk to it.
///
/// Threads: the simulation's.
final class EchoEnds: @unchecked Sendable {
    let world: any StormWorld
    let ledger: Ledger
    let isSecure: Bool
    private let server: StreamServer
    #if TLS
        private let connector: TLSConnector?
    #endif

    /// How long a client may take for its handshake.
    static let handshakeTimeout = Duration.seconds(30)

    /// Listens.
    init(
        _ group: LoopGroup, _ world: any StormWorld, _ ledger: Ledger, isSecure: Bool
    ) async throws {
        self.world = world
        self.ledger = ledger
        self.isSecure = isSecure
        guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else {
            preconditionFailure("an address")
        }
        #if TLS
            if isSecure {
                let (server, client) = try EchoSecrets.policies(world)
                connector = TLSConnector(client)
                self.server = try await StreamServer.open(
                    on: address, group: group, options: world.streamOptions, tls: server,
                    handshakeTimeout: Self.handshakeTimeout)
                return
            }
            connector = nil
        #endif
        server = try await StreamServer.open(
            on: address, group: group, options: world.streamOptions)
    }

    // MARK: The server

    /// Sends back what comes, until `stop` and the end of every connection.
    func serve() async {
        await server.run { connection in
            do throws(SystemError) {
                while true {  // Ends with the stream.
                    let bytes = try await connection.read(
                        atMost: 1 + self.world.draw(below: 20_000))
                    if bytes.isEmpty { return }
                    try await EchoWriter(connection, self).write(bytes)
                    try await connection.flush()
                }
            } catch {
                // A clean end would say that this was all.
                connection.reset()
            }
        }
    }

    func stop() { server.stopAccepting() }

    /// Where it listens.
    var port: UInt16 { server.address.port }

    // MARK: Clients

    /// A connection that is ready to talk; nil, with the reason told if it had to succeed.
    func connect(mustSucceed: Bool) async -> StreamConnection? {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 60_000_000_000)
        let connection: StreamConnection
        do {
            connection = try await reach(until: deadline)
        } catch {
            if mustSucceed { ledger.complain("no connection: \(error)") }
            return nil
        }
        #if TLS
            if let connector, await !secure(connection, connector, mustSucceed, deadline) {
                connection.close()
                return nil
            }
        #endif
        return connection
    }

    /// By address, or by a host, which may have several.
    private func reach(until deadline: MonotonicInstant) async throws -> StreamConnection {
        if world.draw(below: 2) == 0 {
            return try await StreamConnection.connect(
                to: server.address, options: world.streamOptions, until: deadline)
        }
        return try await StreamConnection.connect(
            to: .host("127.0.0.1", port: server.address.port), options: world.streamOptions,
            until: deadline)
    }

    #if TLS
        private func secure(
            _ connection: StreamConnection, _ connector: TLSConnector, _ mustSucceed: Bool,
            _ deadline: MonotonicInstant
        ) async -> Bool {
            do throws(HandshakeError) {
                try await connection.startTLS(connector, serverName: "e.test", until: deadline)
                return true
            } catch {
                // A network that loses bytes breaks a connection; it does not change any.
                let isBroken =
                    switch error {
                    case .system: true
                    case .tls(let error): error == .truncated
                    case .setup: false
                    }
                ledger.expect(isBroken && !mustSucceed, "no handshake: \(error)")
                return false
            }
        }
    #endif
}
