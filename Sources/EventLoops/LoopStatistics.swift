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
    /// Bytes that were copied out of the shared receive buffers because another stream needed them.
    public var spilledBytes: UInt64 = 0
    /// The most completions that came in one turn.
    public var completionsMax = 0
    /// Turns in which the loop was ready to sleep.
    public var sleeps: UInt64 = 0
    /// How often a poster found the loop asleep and woke it with a system call.
    public var wakeUps: UInt64 = 0
    /// What the backend counts.
    public var backend = BackendStatistics()
}
