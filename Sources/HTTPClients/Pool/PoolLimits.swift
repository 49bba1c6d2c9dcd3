// SPDX-License-Identifier: MIT

/// The bounds of the connections that a client has on one loop.
public struct PoolLimits: Hashable, Sendable {
    /// Connections to one origin, those being opened included; at least 1.
    public var connectionsPerOriginMax = 8
    /// Connections in all, those being opened included; at least 1.
    public var connectionsMax = 64
    /// Connections that wait for their next request; beyond it the one that waits longest is
    /// closed. 0 keeps none.
    public var idleConnectionsMax = 32
    /// Requests that wait for a connection; one more is refused.
    public var waitingRequestsMax = 1024
    /// How long a connection waits for its next request before it is closed.
    public var idleTimeout = Duration.seconds(30)

    /// The defaults.
    public init() {}
}
