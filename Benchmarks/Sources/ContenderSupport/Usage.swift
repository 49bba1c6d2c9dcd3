// SPDX-License-Identifier: MIT

internal import CContender

/// What this process has used of time and processors.
package struct Usage: Sendable, CustomStringConvertible {
    private var elapsed: UInt64
    private var cpu: UInt64
    private var user: UInt64
    private var system: UInt64

    /// Until now.
    package static var now: Usage {
        var user: UInt64 = 0
        var system: UInt64 = 0
        // SAFETY: the callee fills in both.
        unsafe contender_cpu(&user, &system)
        return Usage(
            elapsed: contender_now(), cpu: contender_cpu_precise(), user: user, system: system)
    }

    /// What was used since.
    package func since(_ earlier: Usage) -> Usage {
        Usage(
            elapsed: elapsed - earlier.elapsed, cpu: cpu - earlier.cpu,
            user: user - earlier.user, system: system - earlier.system)
    }

    /// As a sender's line of results holds it.
    package var description: String {
        "nanoseconds=\(elapsed) cpu_ns=\(cpu) user_ns=\(user) system_ns=\(system)"
    }
}
