// SPDX-License-Identifier: MIT

/// What a loop has done since it started. Read it on the loop's thread.
public struct LoopStatistics: Sendable {
    /// How often the loop went round.
    public var turns: UInt64 = 0
    /// Operations given to the backend.
    public var submitted: UInt64 = 0
    /// Completions handed to their owners.
    public var completions: UInt64 = 0
    /// Completions whose operation was no longer known. Zero in a sound program.
    public var staleCompletions: UInt64 = 0
    /// Timers that came to their end.
    public var timersFired: UInt64 = 0
    /// Jobs that came from other threads.
    public var jobs: UInt64 = 0
    /// How often a stream found no receive buffer free.
    public var bufferShortages: UInt64 = 0
}
