// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Refuses requests beyond a rate, 429 with `Retry-After`: counted for each key, by default the
/// address that the connection comes from.
public struct RateLimitMiddleware: Sendable {
    private let limiter: SharedRateLimiter
    private let key: @Sendable (ServerRequest) async -> [UInt8]?

    /// A limit, and whom it counts; requests whose key is nil pass.
    public init(
        _ limit: RateLimit, keyCapacity: Int = RateLimiter.keyCapacityDefault,
        key: @escaping @Sendable (ServerRequest) async -> [UInt8]? = Self.remoteHost
    ) {
        limiter = SharedRateLimiter(limit, keyCapacity: keyCapacity)
        self.key = key
    }

    /// The host that the connection comes from, without its port.
    public static let remoteHost: @Sendable (ServerRequest) async -> [UInt8]? = { request in
        guard let text = await request.remoteAddress.map({ "\($0)" }) else { return nil }
        return Array(text.utf8.prefix(upTo: text.utf8.lastIndex(of: 0x3A) ?? text.utf8.endIndex))
    }

    /// What `HTTPRoutes.use` takes.
    public var middleware: HTTPMiddleware {
        { request, next in
            guard let name = await key(request) else { return try await next(request) }
            let now = MonotonicInstant.now.nanoseconds
            let decision = limiter.check(name.span, nowNanoseconds: now)
            guard case .limited = decision, let seconds = decision.retryAfterSeconds else {
                return try await next(request)
            }
            return ServerResponse(to: HTTPFailure(429)).adding("Retry-After", "\(seconds)")
        }
    }
}
