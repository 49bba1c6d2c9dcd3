// SPDX-License-Identifier: MIT

/// How a router treats a slash at the end of a path.
public enum TrailingSlash: Sendable {
    /// `/a` and `/a/` are two paths.
    case strict
    /// A path that no pattern matches is tried once more with a slash added or taken away.
    case ignore
    /// As `ignore`, but what is found then is answered with `RouteOutcome.redirect`.
    case redirect
}

/// Where a redirected path has its slash.
public enum SlashChange: Sendable {
    /// The right path ends with one slash more.
    case add
    /// The right path is the one without its last byte.
    case remove
}

/// A route's number in its router.
@frozen
public struct RouteID: Hashable, Sendable {
    /// From zero, in the order of registration.
    public let index: Int

    @usableFromInline
    init(index: Int) { self.index = index }
}

/// What a router says about a request.
public enum RouteOutcome: Equatable, Sendable {
    /// A route for the path and the method. A HEAD request without a route of its own gets the one
    /// of GET.
    case found(RouteID)
    /// 405: the path is known and the method is none of its own. The bytes are the value of
    /// `Allow`.
    case methodNotAllowed(allow: [UInt8])
    /// OPTIONS for a known path without a route for it, or for `*`: answer 204 with this `Allow`.
    case options(allow: [UInt8])
    /// 308 to the same path with a slash added or removed.
    case redirect(SlashChange)
    /// 404.
    case notFound
    /// 501: the path is unknown, and no route has this method.
    case methodNotImplemented
    /// 400: the path does not begin with a slash, has a dot segment, a broken percent-encoding, a
    /// NUL, a space or a control byte.
    case malformedPath
    /// 414: the path is longer than `Router.pathByteCountMax`.
    case pathTooLong
}

/// What a router says about a request, with the payload of the route.
@frozen
public enum RouteResult<Payload> {
    /// A route for the path and the method.
    case found(Payload, RouteID)
    /// Anything else that `RouteOutcome` can be.
    case other(RouteOutcome)
}

extension RouteResult: Sendable where Payload: Sendable {}
