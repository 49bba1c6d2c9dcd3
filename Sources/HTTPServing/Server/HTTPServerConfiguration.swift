// SPDX-License-Identifier: MIT

public import HTTP1Codec
public import Networking

/// Every limit of a server, by name, and what happens there.
public struct HTTPServerConfiguration: Sendable {
    /// The limits of messages: what goes beyond is answered with a status of its own.
    public var limits = HTTPLimits()
    /// The most connections at one time, over all loops. A request on one beyond that is answered
    /// with 503; beyond a quarter more, connections are closed at once.
    public var maxConnections = 10_000
    /// How long a head may take from its first byte on; then 408. On a new connection it counts
    /// from the beginning, and a silent one is closed.
    public var headerTimeout = Duration.seconds(10)
    /// How long a handler waits for the next bytes of a body; then 408.
    public var bodyTimeout = Duration.seconds(30)
    /// How long a client may take no byte of an answer; then the connection is reset.
    public var writeTimeout = Duration.seconds(30)
    /// How long a connection may be silent between two requests; then it is closed.
    public var idleTimeout = Duration.seconds(60)
    /// How long a stop waits for what is under way; then it is cut.
    public var shutdownTimeout = Duration.seconds(10)
    /// How long the server reads on after its last answer, so that the client gets it
    /// (RFC 9112, section 9.6).
    public var lingerTimeout = Duration.seconds(2)
    /// What `Server` says; nil leaves the field out.
    public var serverName: String?
    /// Told each answered request, on its loop's thread; it must not block. Nil costs nothing.
    public var onAccess: (@Sendable (HTTPAccess) -> Void)?
    /// Options of each connection's socket.
    public var stream = StreamOptions()

    /// The defaults.
    public init() {}
}

extension Duration {
    /// In nanoseconds, zero if it is negative, and the greatest number if it is beyond.
    var nanosecondCount: UInt64 {
        guard components.seconds >= 0, components.attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(components.seconds)
            .multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole &+ UInt64(components.attoseconds / 1_000_000_000)
    }
}
