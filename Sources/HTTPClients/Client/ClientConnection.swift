// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import EventLoops
internal import HTTP1Codec
internal import Networking

/// A connection of the pool, to an origin or to its proxy.
///
/// Threads: its loop's. One exchange at a time has it.
final class ClientConnection: @unchecked Sendable {
    let id: ConnectionID
    let key: OriginKey
    let stream: StreamConnection
    /// How many exchanges have used it.
    var exchangeCount = 0
    /// Memory for the fields of heads and of trailers, from exchange to exchange.
    var fields: FieldTable
    var trailers: FieldTable

    init(_ id: ConnectionID, _ key: OriginKey, _ stream: StreamConnection, _ limits: HTTPLimits) {
        self.id = id
        self.key = key
        self.stream = stream
        fields = FieldTable(capacity: limits.fieldCountMax)
        trailers = FieldTable(capacity: limits.trailerCountMax)
    }

    /// Whether it can take a request: the peer has neither ended it nor sent what nobody asked for,
    /// and has taken all that was sent.
    var isUsable: Bool { !stream.isReadable && stream.enqueuedByteCount == 0 }

    /// Whether targets are sent in absolute form: to a proxy, without a tunnel (RFC 9112, section
    /// 3.2.2).
    var isToProxy: Bool { key.proxy != nil && !key.origin.isSecure }
}
