// SPDX-License-Identifier: MIT

public import HTTP1Codec
public import Networking

#if TLS
    public import TLSEngines
#endif

/// Every limit of a server, by name, and what happens there.
public struct HTTPServerConfiguration: Sendable {
    /// The limits of messages: what goes beyond is answered with a status of its own.
    public var limits = HTTPLimits()
    /// The most connections at one time, over all loops. A request on one beyond that is answered
    /// with 503; beyond a quarter more, connections are closed at once. Each connection needs
    /// a timer of its loop (`LoopOptions.timersMax`); one that gets none for a limit is reset.
    public var maxConnections = 10_000
    /// How long a head may take from its first byte on; then 408. On a new connection it counts
    /// from the beginning, and a silent one is closed.
    public var headerTimeout = Duration.seconds(10)
    /// How long a handler waits for the next bytes of a body; then 408. See also
    /// `bodyBytesPerSecondMin`.
    public var bodyTimeout = Duration.seconds(30)
    /// How long a client may take no byte of an answer; then the connection is reset, at the latest
    /// after twice this. Over TCP a byte is taken when the client's system has acknowledged it:
    /// what fills the kernel's buffers alone does not count.
    public var writeTimeout = Duration.seconds(30)
    /// How fast a body must come, in bytes a second; zero is no minimum. A client that is waited
    /// for and falls behind this by `rateTimeout` in all gets 408. Without it, single bytes just
    /// within `bodyTimeout` would hold a connection for ever.
    public var bodyBytesPerSecondMin = 240
    /// How fast a client must take an answer, in bytes a second; zero is no minimum. One that falls
    /// behind by `rateTimeout` in all is reset. Only time counts in which the answer waits for the
    /// client: a download may be as long as it likes, and a stream of events as quiet.
    public var answerBytesPerSecondMin = 240
    /// How far a client may fall behind these rates. Whoever is faster catches up again.
    public var rateTimeout = Duration.seconds(30)
    /// How long a connection may be silent between two requests; then it is closed.
    public var idleTimeout = Duration.seconds(60)
    /// How long a stop waits for what is under way; then it is cut.
    public var shutdownTimeout = Duration.seconds(10)
    /// How long the server reads on after its last answer, so that the client gets it
    /// (RFC 9112, section 9.6).
    public var lingerTimeout = Duration.seconds(2)
    /// Whether a client that ends its side, with a FIN, counts as gone: the task of a handler with
    /// its request is cancelled, the answer still sent if there is one. Off, because ending its
    /// side is a legal way to end a request; on, handlers also notice clients that have closed,
    /// which send the same. A reset cancels in any case.
    public var cancelsAtHalfClose = false
    /// What `Server` says; nil leaves the field out.
    public var serverName: String?
    /// Told each answered request, on its loop's thread; it must not block. Nil costs nothing.
    public var onAccess: (@Sendable (HTTPAccess) -> Void)?
    #if TLS
        /// The TLS of all connections; nil serves plain ones. A handshake counts towards
        /// `headerTimeout`. Its options should name the protocol "http/1.1".
        public var tls: TLSServerPolicy?
    #endif
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
