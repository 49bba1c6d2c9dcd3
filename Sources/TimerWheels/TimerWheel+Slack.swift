// SPDX-License-Identifier: MIT

// Timers that may be late: they meet at round ticks.

extension TimerWheel where Payload: ~Copyable {
    /// Arms a timer that fires at `deadline` or up to `slack` ticks later, at the tick that
    /// `coalesced(_:slack:)` names. Answers nil, and destroys the payload, if as many as `capacity`
    /// timers are armed.
    ///
    /// Timers with slack meet at round ticks: fewer wakes, and fewer moves. One whose slack is at
    /// least 16 · 64ᴸ − 1 never lies below level L before it is due: with an eighth of its distance
    /// as slack a timer moves down twice at most, or three times if a digit above those of the
    /// distance changes before it fires.
    @inlinable
    public mutating func insert(
        deadline: UInt64, slack: UInt64, payload: consuming Payload
    ) -> TimerToken? {
        insert(deadline: Self.coalesced(deadline, slack: slack), payload: payload)
    }

    /// Moves an armed timer to `deadline` or up to `slack` ticks later. Answers false if the timer
    /// has fired or was cancelled.
    @inlinable
    public mutating func reschedule(_ token: TimerToken, deadline: UInt64, slack: UInt64) -> Bool {
        reschedule(token, deadline: Self.coalesced(deadline, slack: slack))
    }

    /// The roundest tick from `deadline` to `deadline + slack`: the multiple of the highest power
    /// of two. The same for all timers whose ranges have it, so that they fire together.
    ///
    /// A range that would go beyond the last tick ends there.
    @inlinable
    public static func coalesced(_ deadline: UInt64, slack: UInt64) -> UInt64 {
        if deadline == 0 { return 0 }
        let (sum, isBeyond) = deadline.addingReportingOverflow(slack)
        let latest = isBeyond ? UInt64.max : sum
        // The highest digit in which the last tick differs from the one before the first. Above it
        // they agree, so no multiple of a higher power lies between.
        let bit = 63 &- ((deadline &- 1) ^ latest).leadingZeroBitCount
        return latest & (UInt64.max &<< UInt64(bit))
    }
}
