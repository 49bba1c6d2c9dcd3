// SPDX-License-Identifier: MIT

public import AtomicSupport

/// One life of one connection: the slot it occupies and how often that slot was used. What is
/// said about an earlier life of a slot is recognised by its epoch and ignored.
@frozen
public struct ConnectionID: Hashable, Sendable {
    /// The place in the pool, from zero to `maxConnections`.
    public var slot: Int

    /// The number of the life; changes with every `connect`.
    public var epoch: UInt32

    /// A name made of its parts.
    public init(slot: Int, epoch: UInt32) {
        self.slot = slot
        self.epoch = epoch
    }
}

/// One of the machine's timers. Each slot has at most one at a time; two more belong to the pool.
@frozen
public struct PoolTimer: Hashable, Sendable {
    /// A dense number below `PoolMachine.timerCount`. Starting a timer replaces the one with the
    /// same index.
    public var index: Int

    /// Changes whenever the timer is started or cancelled: a late firing is recognised by it.
    public var generation: UInt32

    /// A timer made of its parts.
    public init(index: Int, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

/// What the driver knows about the traffic of an open connection, told when a timer of it fires.
@frozen
public struct ConnectionActivity: Hashable, Sendable {
    /// When a byte last went either way.
    public var lastTraffic: MonotonicInstant

    /// Since when bytes have been waiting without the kernel taking one; nil if none waits.
    public var isWritingSince: MonotonicInstant?

    /// Since when messages have been outstanding without one settling; nil if none is.
    public var isAwaitingSince: MonotonicInstant?

    /// A report.
    public init(
        lastTraffic: MonotonicInstant, isWritingSince: MonotonicInstant? = nil,
        isAwaitingSince: MonotonicInstant? = nil
    ) {
        self.lastTraffic = lastTraffic
        self.isWritingSince = isWritingSince
        self.isAwaitingSince = isAwaitingSince
    }
}

/// What happened. None of these comes once a message.
public enum PoolEvent: Hashable, Sendable {
    /// At least `PoolMachine.openThreshold` messages wait.
    case messageQueued
    /// The connection is established.
    case connected(ConnectionID)
    /// The attempt failed or was cancelled, and everything it held is back.
    case connectFailed(ConnectionID, ConnectionError)
    /// The first message of this connection settled as the delivery mode demands (in `written`
    /// mode: the peer acknowledged a byte). Later ones need no event.
    case madeProgress(ConnectionID)
    /// The connection is gone, everything it held is back, and its unsettled messages are in the
    /// backlog again.
    case disconnected(ConnectionID, ConnectionError, hadProgress: Bool)
    /// A connection that was told to drain found the queue and its window empty.
    case drained(ConnectionID)
    /// A timer fired, not before its instant. For an open connection its activity is told.
    case timerFired(PoolTimer, activity: ConnectionActivity?)
    /// `close()`: no message is queued any more. Without a deadline the configured one counts.
    case closeRequested(deadline: MonotonicInstant?)
    /// `shutdownNow()`.
    case shutdownRequested
}

/// How a connection is closed.
public enum CloseManner: Hashable, Sendable {
    /// Nothing is outstanding: end the sending side, wait for the peer's end, close.
    case graceful
    /// Cancel what is in flight and close at once.
    case abort
}

/// What the driver does next, in this order.
public enum PoolAction: Hashable, Sendable {
    /// Connect. Answered by at most one `connected` and exactly one `connectFailed` or
    /// `disconnected`. `attempt` counts from one since the last progress.
    case connect(ConnectionID, attempt: Int)
    /// Take messages from the backlog and write them.
    case serve(ConnectionID)
    /// Go on until the queue and the window are empty, then say `drained`.
    case drain(ConnectionID)
    /// Close; the connection's end is still reported when all it held is back.
    case closeConnection(ConnectionID, CloseManner)
    /// Messages came back from a dead connection: wake the connections that wait for work.
    case wakeConnections
    /// Start the timer, in place of any other with its index.
    case startTimer(PoolTimer, at: MonotonicInstant)
    /// Stop the timer.
    case cancelTimer(PoolTimer)
    /// Fail every message that no connection holds, and all that come later. Those in a window
    /// follow when their connection has ended.
    case failAllPending(FailureReason)
    /// Every connection is gone and every message has its outcome. Comes exactly once.
    case finished
}

/// Counts of what the machine did and saw. The driver counts messages.
public struct PoolStatistics: Hashable, Sendable {
    /// Attempts to connect that were started.
    public var attempts: UInt64 = 0
    /// Attempts that led to a connection.
    public var connects: UInt64 = 0
    /// Attempts that ended before there was a connection.
    public var connectFailures: UInt64 = 0
    /// Connections that ended, for whatever reason.
    public var disconnects: UInt64 = 0
    /// Pauses made before an attempt.
    public var pauses: UInt64 = 0
    /// Connections closed because they were idle.
    public var idleCloses: UInt64 = 0
    /// How often the breaker opened.
    public var breakerOpenings: UInt64 = 0
    /// Events that came after their connection or timer was gone, and were ignored.
    public var lateEvents: UInt64 = 0
    /// Failed attempts in a row, at present.
    public var failedAttempts = 0
    /// What the last attempt failed of, or the last connection died of; nil if none did.
    public var lastError: ConnectionError?
    /// Established connections, at present.
    public var openConnections = 0

    /// Nothing counted yet.
    public init() {}
}
