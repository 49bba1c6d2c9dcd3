// SPDX-License-Identifier: MIT

internal import CBenchSupport

/// CLOCK_MONOTONIC.
package enum Clock {
    /// Nanoseconds since some time ago.
    package static var now: UInt64 { bench_now() }

    /// Blocks the calling thread.
    package static func pause(seconds: Double) { bench_pause(UInt64(max(0, seconds) * 1e9)) }

    /// Looks again and again, every few milliseconds, until something is so; false if it is not
    /// when the time is over.
    package static func wait(
        withinSeconds seconds: Double, until isSo: () throws(BenchError) -> Bool
    ) throws(BenchError) -> Bool {
        let deadline = now + UInt64(seconds * 1e9)
        while try !isSo() {  // Ends with the deadline.
            if now >= deadline { return false }
            pause(seconds: 0.002)
        }
        return true
    }
}
