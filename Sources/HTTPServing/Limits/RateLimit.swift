// SPDX-License-Identifier: MIT

/// How many requests one key may make.
public struct RateLimit: Equatable, Sendable {
    /// The time between two requests at the steady rate.
    public let intervalNanoseconds: UInt64
    /// How many may come at once after a pause.
    public let burst: UInt32

    /// The longest time that a bucket may take to fill: 146 years.
    static let depthNanosecondsMax: UInt64 = 1 << 62

    /// So many requests in so long a time, and so many at once.
    public init(count: UInt32, perNanoseconds period: UInt64, burst: UInt32) {
        precondition(count > 0 && burst > 0, "a limit of no requests")
        let interval = max(period / UInt64(count), 1)
        precondition(
            interval <= Self.depthNanosecondsMax / UInt64(burst),
            "the burst takes more than a hundred years")
        intervalNanoseconds = interval
        self.burst = burst
    }
}
