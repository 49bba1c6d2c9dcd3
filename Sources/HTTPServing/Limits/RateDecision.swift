// SPDX-License-Identifier: MIT

/// What a rate limiter says about a request.
public enum RateDecision: Equatable, Sendable {
    /// It may go on; so many more may follow at once.
    case allowed(remaining: UInt32)
    /// 429: the same request would be allowed after this time.
    case limited(retryAfterNanoseconds: UInt64)

    /// The value of `Retry-After`: whole seconds, rounded up. Nil if the request is allowed.
    public var retryAfterSeconds: UInt64? {
        guard case .limited(let nanoseconds) = self else { return nil }
        return nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1)
    }
}
