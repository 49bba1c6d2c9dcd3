// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// How long something has held that should soon pass.
struct LastingState {
    /// Whoever has to act does so within this.
    private static let nanosecondsMax: UInt64 = 1_000_000_000

    private var since: MonotonicInstant?
    private var steps = 0

    /// Whether it has held for too long, also in steps: the clock may have jumped.
    mutating func lasts(_ holds: Bool, at now: MonotonicInstant) -> Bool {
        guard holds else {
            self = LastingState()
            return false
        }
        let begin = since ?? now
        since = begin
        steps += 1
        return steps > 3 && now.nanoseconds(since: begin) > Self.nanosecondsMax
    }
}
