// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import HTTP1Codec
internal import Networking

#if TLS
    typealias SecurityProvider = ClientSecurity
#else
    /// Nothing is secured without the trait.
    struct SecurityProvider {}
#endif

extension ClientConnection {
    /// Connects, through a tunnel if need be, and makes the connection secure for https.
    static func open(
        _ id: ConnectionID, _ key: OriginKey, _ configuration: HTTPClientConfiguration,
        _ security: SecurityProvider, until deadline: MonotonicInstant
    ) async throws(HTTPClientError) -> ClientConnection {
        let patience = MonotonicInstant.now.advanced(by: configuration.connectTimeout)
        let limit = min(deadline, patience)
        let reason = deadline < patience ? HTTPClientError.TimeLimit.request : .connect
        let address = key.proxy?.origin ?? key.origin
        let stream: StreamConnection
        do throws(ConnectFailure) {
            stream = try await StreamConnection.connect(
                to: .host(address.bareHost, port: address.port),
                options: configuration.socketOptions, until: limit)
        } catch {
            switch error.cause {
            case .deadlineReached: throw .timedOut(reason)
            case .cancelled: throw .cancelled
            case .unresolved, .allFailed: throw .unreachable(error)
            }
        }
        let connection = ClientConnection(id, key, stream, configuration.limits)
        do throws(HTTPClientError) {
            try await connection.prepare(configuration, security, until: limit, reason)
        } catch {
            stream.close()
            throw error
        }
        return connection
    }

    private func prepare(
        _ configuration: HTTPClientConfiguration, _ security: SecurityProvider,
        until limit: MonotonicInstant, _ reason: HTTPClientError.TimeLimit
    ) async throws(HTTPClientError) {
        guard key.origin.isSecure else { return }
        if let proxy = key.proxy {
            try await openTunnel(through: proxy, configuration, until: limit, reason)
        }
        try await secure(security, until: limit, reason)
    }

    /// CONNECT (RFC 9110, section 9.3.6).
    private func openTunnel(
        through proxy: HTTPProxy, _ configuration: HTTPClientConfiguration,
        until limit: MonotonicInstant, _ reason: HTTPClientError.TimeLimit
    ) async throws(HTTPClientError) {
        let head = try RequestHeadBytes.connect(to: key.origin, through: proxy, configuration)
        do throws(SystemError) {
            try await stream.write(head, until: limit)
        } catch {
            throw Self.failure(error, reason)
        }
        var reader = ResponseHeadReader(to: .connect, configuration.limits)
        var interimCount = 0
        while true {  // Ends with the answer, an error, the limit, or too many interim ones.
            let count: Int?
            do throws(SystemError) {
                count = try await stream.consume(until: limit) { reader.take($0, &fields) }
            } catch {
                throw Self.failure(error, reason)
            }
            if count == nil { throw .disconnected(nil) }
            guard let answer = try reader.head() else { continue }
            guard answer.isInterim else {
                if !answer.switchesProtocol || stream.isReadable {
                    throw .proxyRefused(status: answer.status)
                }
                return
            }
            interimCount += 1
            if interimCount > configuration.interimResponsesMax { throw .tooManyInterimResponses }
            reader.reset()
        }
    }

    /// The one place where an open connection becomes a secure one, with the name of the origin's
    /// host: straight, or at the end of a tunnel.
    private func secure(
        _ security: SecurityProvider, until limit: MonotonicInstant,
        _ reason: HTTPClientError.TimeLimit
    ) async throws(HTTPClientError) {
        #if TLS
            let connector = try await security.current()
            do throws(HandshakeError) {
                try await stream.startTLS(
                    connector, serverName: key.origin.bareHost, until: limit)
            } catch {
                throw ClientSecurity.failure(error, reason)
            }
        #else
            throw .notSecure("the package was built without its trait TLS")
        #endif
    }

    static func failure(
        _ error: SystemError, _ reason: HTTPClientError.TimeLimit
    ) -> HTTPClientError {
        if error.isTimeout { return .timedOut(reason) }
        return error.isCancelled ? .cancelled : .disconnected(error)
    }
}
