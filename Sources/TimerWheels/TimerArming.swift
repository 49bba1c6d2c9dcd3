// SPDX-License-Identifier: MIT

/// What who arms a timer of a `SharedTimerWheel` is told: the timer's name, and whether somebody
/// has to be woken for it.
@frozen
public struct TimerArming: Hashable, Sendable {
    /// The name by which the timer is cancelled or moved.
    public let token: TimerToken

    /// Whether the timer is the earliest: it is armed for an earlier tick than those who sleep
    /// until the next deadline were told. Who is told so wakes them.
    ///
    /// It is compared with what `nextDeadline()` has answered last and with what was armed since,
    /// not with the timers that are armed just now: when the earliest is cancelled and another one
    /// armed behind it, the sleeper needs no call, for it wakes at the earlier tick anyway.
    public let isEarliest: Bool

    @inlinable
    @inline(__always)
    init(token: TimerToken, isEarliest: Bool) {
        self.token = token
        self.isEarliest = isEarliest
    }
}
