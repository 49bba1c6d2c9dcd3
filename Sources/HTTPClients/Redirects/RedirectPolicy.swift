// SPDX-License-Identifier: MIT

/// Which redirects a client follows (RFC 9110, section 15.4).
public struct RedirectPolicy: Hashable, Sendable {
    /// How many, one behind the other; 0 follows none and hands the redirect itself out. A request
    /// that would need one more fails.
    public var limit = 10
    /// Whether a redirect may lead from https to http.
    public var allowsDowngrade = false

    /// The defaults.
    public init() {}

    /// Follows none.
    public static var none: RedirectPolicy {
        var policy = RedirectPolicy()
        policy.limit = 0
        return policy
    }
}
