// SPDX-License-Identifier: MIT

/// For how long a client may still be waited for that is slower than a rate: a bucket of time.
/// Waiting takes from it, bytes give back the time that they may take, and it is never fuller than
/// at the beginning. So a client that keeps the rate is never cut off, however much it has to send
/// or to take, and one that sends a byte now and then is, soon after the bucket's time.
struct RateAllowance {
    /// What is left, in nanoseconds; zero is too slow.
    private(set) var nanoseconds: UInt64
    private let nanosecondsMax: UInt64
    private let bytesPerSecondMin: UInt64

    /// A full bucket. A rate of zero is none: nothing is taken from it.
    init(bytesPerSecondMin: Int, nanosecondsMax: UInt64) {
        self.bytesPerSecondMin = UInt64(max(0, bytesPerSecondMin))
        self.nanosecondsMax = bytesPerSecondMin > 0 ? nanosecondsMax : .max
        nanoseconds = self.nanosecondsMax
    }

    /// Whether the client has used it up.
    var isSpent: Bool { nanoseconds == 0 }

    /// Whether more is left than taken: nothing to worry about.
    var isAmple: Bool { nanoseconds > nanosecondsMax / 2 }

    /// The client was waited for.
    mutating func spend(_ waitedNanoseconds: UInt64) {
        guard bytesPerSecondMin > 0 else { return }
        nanoseconds -= min(nanoseconds, waitedNanoseconds)
    }

    /// The client has sent or taken bytes.
    mutating func earn(_ byteCount: UInt64) {
        guard bytesPerSecondMin > 0 else { return }
        let (product, isTooLarge) = byteCount.multipliedReportingOverflow(by: 1_000_000_000)
        let earned = isTooLarge ? UInt64.max : product / bytesPerSecondMin
        nanoseconds += min(nanosecondsMax - nanoseconds, earned)
    }
}
