// SPDX-License-Identifier: MIT

/// What a pooled client has done so far. Counts are recent while it runs and exact when it has
/// finished.
public struct ClientStatistics: Hashable, Sendable {
    /// Messages taken from senders.
    public var queued: UInt64 = 0
    /// Messages that wait for a connection now.
    public var waiting = 0
    /// Messages that reached what the delivery mode demands.
    public var delivered: UInt64 = 0
    /// Messages that were given up.
    public var failed: UInt64 = 0
    /// Messages written again after their connection died with some byte of them sent.
    public var resent: UInt64 = 0
    /// Bytes that kernels took.
    public var bytesWritten: UInt64 = 0
    /// Answers that matched no message in flight.
    public var unexpectedAnswers: UInt64 = 0
    /// Connections and attempts.
    public var pool = PoolStatistics()

    /// Nothing done yet.
    public init() {}
}
