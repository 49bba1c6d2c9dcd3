// SPDX-License-Identifier: MIT

internal import CBenchSupport

/// CLOCK_MONOTONIC.
package enum Clock {
    /// Nanoseconds since some time ago.
    package static var now: UInt64 { bench_now() }
}
