// SPDX-License-Identifier: MIT

/// Every limit of a pooled client, by name. `validate` says which are refused.
public struct PoolConfiguration: Hashable, Sendable {
    /// The most connections at one time, those being opened and those being closed included.
    public var maxConnections = 4

    /// The most messages that wait for a connection; a sender waits when there are as many.
    public var queueCapacity = 4096

    /// The most messages in flight on one connection.
    public var windowCapacity = 1024

    /// The backlog that one connection is trusted to work off: with `n` connections, another one
    /// is opened when `n` times as many messages wait (or the queue is full).
    public var backlogPerConnection = 256

    /// How often the last connection is tried again before the pool gives up. The first attempt
    /// is not counted: at most one more than this fail in a row.
    public var maxReconnectAttempts = 10

    /// The pause after the first failed attempt.
    public var backoffInitialNanoseconds: UInt64 = 100 * .nanosecondsPerMillisecond

    /// What each further failure multiplies the pause by.
    public var backoffMultiplier: UInt64 = 2

    /// No pause is longer.
    public var backoffCapNanoseconds: UInt64 = 5 * .nanosecondsPerSecond

    /// How much of a pause chance may take away. At most what still lets pauses grow: half of it
    /// when they double.
    public var jitterPercent: UInt64 = 50

    /// How long an attempt may take.
    public var connectTimeoutNanoseconds: UInt64 = 5 * .nanosecondsPerSecond

    /// How long bytes may wait although the kernel takes none.
    public var writeTimeoutNanoseconds: UInt64 = 5 * .nanosecondsPerSecond

    /// How long messages may be outstanding although none settles.
    public var answerTimeoutNanoseconds: UInt64 = 30 * .nanosecondsPerSecond

    /// How long a connection may be without traffic before it is closed quietly; nil for ever.
    public var idleTimeoutNanoseconds: UInt64?

    /// How long a graceful close waits for the peer before the connection is cut.
    public var closeTimeoutNanoseconds: UInt64 = .nanosecondsPerSecond

    /// How long `close` drains when the caller names no deadline.
    public var drainTimeoutNanoseconds: UInt64 = 5 * .nanosecondsPerSecond

    /// From so many failed attempts in a row on, no additional connection is opened.
    public var breakerThreshold = 3

    /// How long the breaker stays open before it admits one additional connection as a probe.
    public var breakerResetNanoseconds: UInt64 = .nanosecondsPerSecond

    /// The defaults.
    public init() {}

    /// The most that `maxConnections` may be.
    public static var connectionsLimit: Int { 1024 }

    /// The most that `queueCapacity` and `windowCapacity` may be.
    public static var messagesLimit: Int { 1 << 24 }

    /// Refuses limits that cannot hold or that contradict each other.
    public func validate() throws(PoolConfigurationError) {
        let messages = Self.messagesLimit
        guard (1...Self.connectionsLimit).contains(maxConnections) else { throw .maxConnections }
        guard (2...messages).contains(queueCapacity) else { throw .queueCapacity }
        guard (1...messages).contains(windowCapacity) else { throw .windowCapacity }
        guard (1...messages).contains(backlogPerConnection) else { throw .backlogPerConnection }
        guard maxReconnectAttempts >= 0 else { throw .maxReconnectAttempts }
        guard breakerThreshold >= 1 else { throw .breakerThreshold }
        try validateBackoff()
        try validateTimeLimits()
    }

    private func validateBackoff() throws(PoolConfigurationError) {
        guard backoffInitialNanoseconds > 0 else { throw .backoffInitial }
        guard backoffCapNanoseconds >= backoffInitialNanoseconds else { throw .backoffCap }
        guard (1...1024).contains(backoffMultiplier) else { throw .backoffMultiplier }
        guard jitterPercent <= 100 else { throw .jitterPercent }
        // The shortest pause after a failure is then no shorter than the longest before it.
        let isGrowing = (100 - jitterPercent) * backoffMultiplier >= 100
        guard isGrowing else { throw .jitterPercent }
    }

    private func validateTimeLimits() throws(PoolConfigurationError) {
        guard connectTimeoutNanoseconds > 0 else { throw .connectTimeout }
        guard writeTimeoutNanoseconds > 0 else { throw .writeTimeout }
        guard answerTimeoutNanoseconds > 0 else { throw .answerTimeout }
        guard idleTimeoutNanoseconds ?? 1 > 0 else { throw .idleTimeout }
        guard closeTimeoutNanoseconds > 0 else { throw .closeTimeout }
        guard breakerResetNanoseconds > 0 else { throw .breakerReset }
    }
}

/// The limit that `PoolConfiguration.validate` or `ClientConfiguration.validate` refuses.
public enum PoolConfigurationError: Error, Hashable, Sendable {
    /// Not in 1 ... `connectionsLimit`.
    case maxConnections
    /// Not in 2 ... `messagesLimit`.
    case queueCapacity
    /// Not in 1 ... `messagesLimit`.
    case windowCapacity
    /// Not in 1 ... `messagesLimit`.
    case backlogPerConnection
    /// Negative.
    case maxReconnectAttempts
    /// Zero.
    case backoffInitial
    /// Less than the first pause.
    case backoffCap
    /// Not in 1 ... 1024.
    case backoffMultiplier
    /// More than 100, or so much that a later pause could be shorter than an earlier one.
    case jitterPercent
    /// Zero.
    case connectTimeout
    /// Zero.
    case writeTimeout
    /// Zero.
    case answerTimeout
    /// Zero: it would close every connection at once.
    case idleTimeout
    /// Zero.
    case closeTimeout
    /// Less than one.
    case breakerThreshold
    /// Zero.
    case breakerReset
    /// Less than one: no message could be sent.
    case messageByteCount
    /// Not in 64 ... `ClientConfiguration.memoryLimit`.
    case memoryByteCount
    /// Less than one: no message could ever be queued.
    case queueByteCount
    /// More than `ClientConfiguration.memoryLimit`.
    case writeBufferByteCount
    /// The destination has no name that a certificate could bear, and none was given: an address,
    /// a Unix socket.
    case serverName
}

extension UInt64 {
    static var nanosecondsPerMillisecond: UInt64 { 1_000_000 }
    static var nanosecondsPerSecond: UInt64 { 1_000_000_000 }
}
