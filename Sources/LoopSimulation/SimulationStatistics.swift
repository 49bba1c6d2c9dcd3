// SPDX-License-Identifier: MIT

/// What happened in a simulated world.
public struct SimulationStatistics: Sendable {
    private var faults = [UInt64](repeating: 0, count: Fault.allCases.count)
    /// Waits of the loop: its turns.
    public internal(set) var waits: UInt64 = 0
    /// Completions that backends handed to loops.
    public package(set) var completions: UInt64 = 0
    /// Bytes that arrived.
    public internal(set) var bytes: UInt64 = 0
    /// Connections that were made.
    public internal(set) var connections: UInt64 = 0
    /// Connections that ended with a reset.
    public internal(set) var resets: UInt64 = 0
    /// Calls from a thread that is not the world's: what such a thread does no seed repeats.
    public internal(set) var escapes: UInt64 = 0

    /// Closes of descriptors that were not open: with another thread beside it, each may have hit
    /// what somebody else had just opened.
    public internal(set) var strayCloses: UInt64 = 0
    /// Operations on a number that nobody had: on a kernel it may be another socket's by then.
    public internal(set) var strayRequests: UInt64 = 0
    /// Sends on streams whose bytes were changed before they were done, as far as the 64 at both
    /// ends of each piece tell.
    public internal(set) var changedSends: UInt64 = 0
    /// Cancellations that met the operation's completion on its way.
    public internal(set) var crossedCancellations: UInt64 = 0

    /// Nothing yet.
    public init() {}

    /// How often a fault happened.
    public internal(set) subscript(fault: Fault) -> UInt64 {
        get { faults[fault.rawValue] }
        set { faults[fault.rawValue] = newValue }
    }

    /// Adds what happened in another run.
    public static func += (left: inout SimulationStatistics, right: SimulationStatistics) {
        for fault in Fault.allCases { left[fault] += right[fault] }
        left.waits += right.waits
        left.completions += right.completions
        left.bytes += right.bytes
        left.connections += right.connections
        left.resets += right.resets
        left.escapes += right.escapes
        left.strayCloses += right.strayCloses
        left.strayRequests += right.strayRequests
        left.changedSends += right.changedSends
        left.crossedCancellations += right.crossedCancellations
    }
}
