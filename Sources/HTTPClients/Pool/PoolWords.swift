// SPDX-License-Identifier: MIT

/// Whose connections are alike: requests for the same origin through the same proxy may share one.
struct OriginKey: Hashable, Sendable {
    let origin: HTTPOrigin
    let proxy: HTTPProxy?
}

/// Names a connection of one pool, from when its opening is decided to its end.
struct ConnectionID: Hashable, Sendable {
    let number: UInt64
}

/// Names a request that waits for a connection.
struct WaitTicket: Hashable, Sendable {
    let number: UInt64
}

/// What a request is answered that asks for a connection.
enum PoolDecision: Hashable, Sendable {
    /// Take this one, which was idle.
    case use(ConnectionID)
    /// Open one, after closing the idle one that makes way, if there is one.
    case open(ConnectionID, closing: ConnectionID?)
    /// Wait: an action will name the ticket.
    case wait(WaitTicket)
    /// Too many wait already.
    case refuseFull
    /// The pool is closed.
    case refuseClosed
}

/// What the owner of a pool has to do; in this order.
enum PoolAction: Hashable, Sendable {
    /// Close an idle connection; it is not the pool's any more.
    case close(ConnectionID)
    /// The request that waits gets a connection that just became free.
    case use(ConnectionID, WaitTicket)
    /// The request that waits may open one.
    case open(ConnectionID, WaitTicket)
    /// The request that waits gets none: the pool was closed.
    case refuse(WaitTicket)
}
