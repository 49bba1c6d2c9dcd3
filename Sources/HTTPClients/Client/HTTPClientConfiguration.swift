// SPDX-License-Identifier: MIT

public import HTTP1Codec
public import Networking
#if TLS
    public import TLSEngines
#endif

/// The limits of a client. They count for each of its loops.
public struct HTTPClientConfiguration: Sendable {
    /// Connections, and requests that wait for one.
    public var pool = PoolLimits()
    /// Heads, chunk lines and trailers of responses. A body may be of any length, because it is
    /// handed out piece by piece; `collect` has a limit of its own.
    public var limits = Self.responseLimits
    /// How long a request may wait for a connection in the line, and how long opening one may
    /// take: look-up, all addresses, tunnel and handshake.
    public var connectTimeout = Duration.seconds(10)
    /// How long nothing may move, in either direction, while the client waits for the server.
    public var idleTimeout = Duration.seconds(30)
    /// How long a request may take from its beginning to the end of its handler, as far as that
    /// waits for the client; nil is no limit. `ClientRequest.timeout` comes before it.
    public var requestTimeout: Duration? = .seconds(300)
    /// Which redirects are followed.
    public var redirects = RedirectPolicy()
    /// How often a request is sent again on a new connection, because a connection that had served
    /// others died under it before a byte of the answer: idempotent methods only (RFC 9110, section
    /// 9.2.2), and bodies that can be repeated.
    public var retriesMax = 1
    /// Proxies; none by default. `ProxySettings.ofEnvironment` takes the usual variables.
    public var proxies = ProxySettings()
    #if TLS
        /// Whom https trusts, and who the client is (`tlsPolicy`); nil trusts whom the system
        /// trusts. Servers are verified in either case. Only with the trait `TLS`.
        public var tls: TLSClientPolicy?
    #endif
    /// How many interim responses (1xx) may come before an answer.
    public var interimResponsesMax = 16
    /// How many bytes of a body that nobody wants are read so that the connection can be kept.
    public var drainByteCountMax = 65_536
    /// How long that may take.
    public var drainTimeout = Duration.seconds(1)
    /// Sent as `User-Agent`, if the request has none; nil sends none.
    public var userAgent: String? = "millrace"
    /// Whether bodies are decoded: `Accept-Encoding` is sent, and gzip and br are undone. Only with
    /// the trait `Compression`; not for requests that have `Accept-Encoding` or `Range`.
    public var decodesBodies = true
    /// Options of the connections' sockets.
    public var socketOptions = StreamOptions()

    /// The defaults.
    public init() {}

    private static var responseLimits: HTTPLimits {
        var limits = HTTPLimits()
        limits.bodyByteCountMax = UInt64(Int64.max)
        return limits
    }
}
