// SPDX-License-Identifier: MIT

/// A connection that has left HTTP: another protocol speaks on it (RFC 9110, section 7.8). Use it
/// in the handler's own task, until the handler returns; then the connection ends.
public final class UpgradedConnection: Sendable {
    private let exchange: HTTPExchange

    init(_ exchange: HTTPExchange) {
        self.exchange = exchange
    }

    /// The next bytes; nil when the client has ended its side. Bytes that came right behind the
    /// request are the first of them.
    ///
    /// - Parameter limit: how long to wait; nil for ever.
    public func next(within limit: Duration? = nil) async throws(RequestBodyError) -> [UInt8]? {
        try await exchange.nextRawBytes(within: limit)
    }

    /// Writes bytes; waits while the client is slower. Throws when it is gone.
    public func write(_ bytes: [UInt8]) async throws { try await exchange.write(bytes) }

    /// Waits until the kernel has taken what was written.
    public func flush() async throws { try await exchange.flush() }
}
