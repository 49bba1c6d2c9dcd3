// SPDX-License-Identifier: MIT

/// Takes the bytes of a request's body that is made while it is sent. One call at a time.
public struct ClientBodyWriter: Sendable {
    private let exchange: Exchange

    init(_ exchange: Exchange) {
        self.exchange = exchange
    }

    /// Sends bytes; waits while the server takes none.
    ///
    /// - Parameter bytes: any number; none is nothing.
    /// - Throws: `bodyLength` if they are more than was promised; how the connection ended; `over`
    ///   when the request is over.
    public func write(_ bytes: [UInt8]) async throws(HTTPClientError) {
        try await exchange.writeBody(bytes)
    }
}
