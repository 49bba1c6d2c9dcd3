// SPDX-License-Identifier: MIT

public import AtomicSupport

/// The decisions of a pooled, reconnecting client, without its sockets: events in, actions out.
///
/// | Guarantee | `handle`                                                                     |
/// |-----------|------------------------------------------------------------------------------|
/// | Progress  | never waits                                                                  |
/// | Order     | actions are to be done in the order returned                                 |
/// | Cost      | O(`maxConnections`); allocates the list of actions: call it for rare events  |
/// | Memory    | a few words for each connection                                              |
/// | Threads   | a plain value: one at a time, under the driver's lock or on its loop         |
///
/// The same configuration, seed and events give the same actions. The machine sees no message, only
/// how many wait (`backlog`); windows and outcomes are the driver's (`DeliveryWindow`).
///
/// ```swift
/// var machine = try PoolMachine(configuration: PoolConfiguration(), jitterSeed: 1)
/// for action in machine.handle(.messageQueued, backlog: 1, now: .now) { perform(action) }
/// ```
///
/// After `closeRequested` the pool drains until the deadline; after `shutdownRequested` it ends at
/// once; when it gives up it ends too. Each leads to one `finished`.
public struct PoolMachine: Sendable {
    // Layout: slot.state     idle ─► connecting ─► connected ─► draining ─► closing ─► idle
    //                        idle ─► backingOff ─► idle, from where it connects
    //         phase          open ─► closing ─► stopping(reason) ─► finished(reason)
    //         timers[s]      the one timer of slot s (connect, limits, back-off, or close)
    //         timers[max]    breaker     timers[max + 1]  drain deadline
    //
    // Invariants:
    //   I1  at most `maxConnections` connections, those being opened or closed included
    //   I2  at most one slot backs off, and none is alive then
    //   I3  while nothing is alive, and it is open, or closing with something waiting at the last
    //       event, failedAttempts ≤ maxReconnectAttempts
    //   I4  a slot has a timer exactly while it connects, is open, backs off, or closes gracefully
    //   I5  draining slots exist only while closing, connected ones only while open
    //   I6  the breaker is closed exactly while failedAttempts < breakerThreshold
    //   I7  finished: every slot is idle and no timer runs
    //   I8  while closing, nothing connects or backs off unless something waited at the last event

    enum Phase: Hashable, Sendable {
        case open
        case closing
        case stopping(FailureReason)
        case finished(FailureReason)
    }

    enum Breaker: Hashable, Sendable {
        case closed
        case open
        case halfOpen
    }

    enum SlotState: Hashable, Sendable {
        case idle
        case connecting
        case connected
        case draining
        case closing
        case backingOff
    }

    struct Slot: Sendable {
        var state = SlotState.idle
        var epoch: UInt32 = 0
        /// The connection was established at some time.
        var wasEstablished = false
        /// A message settled on it.
        var hasProgress = false
        /// While closing: it was told to abort.
        var isAborted = false
    }

    struct TimerState: Sendable {
        var generation: UInt32 = 0
        var isRunning = false
    }

    /// The limits.
    public let configuration: PoolConfiguration

    var slots: [Slot]
    var timers: [TimerState]
    var phase = Phase.open
    var breaker = Breaker.closed
    var failedAttempts = 0
    var drainDeadline = MonotonicInstant.never
    /// No attempt starts earlier while nothing is alive.
    var retryNotBefore = MonotonicInstant(nanoseconds: 0)
    var lastError: ConnectionError?
    var pauses: ReconnectPauses
    var counts = PoolStatistics()

    // The event being handled, or the last one.
    var now = MonotonicInstant(nanoseconds: 0)
    var backlog = 0
    var actions: [PoolAction] = []

    /// A pool without connections. The seed decides the jitter of the pauses.
    public init(
        configuration: PoolConfiguration, jitterSeed: UInt64
    ) throws(PoolConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        slots = Array(repeating: Slot(), count: configuration.maxConnections)
        timers = Array(repeating: TimerState(), count: configuration.maxConnections + 2)
        pauses = ReconnectPauses(configuration: configuration, seed: jitterSeed)
    }

    /// Takes an event and tells what to do.
    ///
    /// - Parameters:
    ///   - event: what has happened.
    ///   - backlog: how many messages wait and are held by no connection, those included that came
    ///     back from a dead one.
    ///   - now: the present.
    /// - Returns: what to do, in this order.
    public mutating func handle(
        _ event: PoolEvent, backlog: Int, now: MonotonicInstant
    ) -> [PoolAction] {
        precondition(backlog >= 0, "a backlog is not negative")
        assert(actions.isEmpty)
        self.now = now
        self.backlog = backlog
        switch event {
        case .messageQueued: break
        case .connected(let id): handleConnected(id)
        case .connectFailed(let id, let error):
            handleEnd(id, error, hadProgress: false)
        case .madeProgress(let id): handleProgress(id)
        case .disconnected(let id, let error, let hadProgress):
            handleEnd(id, error, hadProgress: hadProgress)
        case .drained(let id): handleDrained(id)
        case .timerFired(let timer, let activity): handleTimer(timer, activity)
        case .closeRequested(let deadline): handleClose(deadline)
        case .shutdownRequested: handleShutdown()
        }
        conclude()
        #if Checks || DEBUG
            checkInvariants()
        #endif
        let result = actions
        actions = []
        return result
    }

    /// The smallest backlog at which `messageQueued` makes a difference; `Int.max` if none does.
    /// The driver publishes it after every `handle`, so that a sender compares and does nothing.
    public var openThreshold: Int {
        switch phase {
        case .stopping, .finished: return 1
        case .open, .closing: break
        }
        guard hasSlot(in: .idle) else { return .max }
        if aliveCount == 0 { return hasSlot(in: .backingOff) ? .max : 1 }
        return canGrow ? growthThreshold : .max
    }

    /// The error that a new message is refused with; nil while messages are taken.
    public var sendError: PoolError? {
        switch phase {
        case .open: nil
        case .closing: .closed
        case .stopping(let reason), .finished(let reason):
            switch reason {
            case .gaveUp: .gaveUp(lastError ?? ConnectionError(.refused))
            case .cancelled: .cancelled
            default: .closed
            }
        }
    }

    /// Whether `finished` was returned.
    public var isFinished: Bool {
        if case .finished = phase { true } else { false }
    }

    /// One more than the largest timer index.
    public var timerCount: Int { timers.count }

    /// The counts so far.
    public var statistics: PoolStatistics {
        var result = counts
        result.failedAttempts = failedAttempts
        result.lastError = lastError
        result.openConnections = slots.count { $0.state == .connected || $0.state == .draining }
        return result
    }
}

// What the slots look like, counted afresh: there are few, and events are rare.
extension PoolMachine {
    var breakerTimerIndex: Int { slots.count }
    var drainTimerIndex: Int { slots.count + 1 }

    /// Slots whose connection works or may come to work.
    var aliveCount: Int { slots.count { Self.isAlive($0.state) } }

    /// Slots that hold, or may hold, a descriptor.
    var occupiedCount: Int { slots.count { $0.state != .idle && $0.state != .backingOff } }

    static func isAlive(_ state: SlotState) -> Bool {
        switch state {
        case .connecting, .connected, .draining: true
        case .idle, .closing, .backingOff: false
        }
    }

    func hasSlot(in state: SlotState) -> Bool {
        slots.contains { $0.state == state }
    }

    /// Whether a connection is opened when none is alive: always while it is open, and while it
    /// closes as long as something waits.
    var goesOnTrying: Bool { phase == .open || (phase == .closing && backlog > 0) }

    /// Whether the destination is known to accept and the breaker admits one more connection.
    /// While closing no connection is `connected` (I5), so the pool does not grow.
    var canGrow: Bool {
        guard hasSlot(in: .connected) else { return false }
        switch breaker {
        case .closed: return true
        case .open: return false
        case .halfOpen:
            // One probe: nobody else is being tried.
            return slots.allSatisfy { !Self.isAlive($0.state) || $0.hasProgress }
        }
    }

    /// The backlog beyond what the connections that exist are trusted with. A full queue is always
    /// beyond.
    var growthThreshold: Int {
        min(occupiedCount * configuration.backlogPerConnection, configuration.queueCapacity)
    }

    /// Checks I1 to I8; traps if one is broken.
    func checkInvariants() {
        if let broken = brokenInvariant { preconditionFailure(broken) }
    }

    /// The first of I1 to I8 that does not hold.
    var brokenInvariant: String? {
        let backingOff = slots.count { $0.state == .backingOff }
        if occupiedCount > configuration.maxConnections {
            return "I1: \(occupiedCount) connections"
        }
        if backingOff > 1 { return "I2: \(backingOff) slots back off" }
        if backingOff > 0, aliveCount > 0 { return "I2: a slot backs off beside a living one" }
        switch phase {
        case .open:
            if hasSlot(in: .draining) { return "I5: drains while open" }
        case .closing:
            if hasSlot(in: .connected) { return "I5: connected while closing" }
            if backlog == 0, hasSlot(in: .connecting) || backingOff > 0 {
                return "I8: it opens connections for nothing while it closes"
            }
        case .stopping, .finished:
            if aliveCount + backingOff > 0 { return "I5: lives while stopping" }
        }
        if goesOnTrying, aliveCount == 0,
            failedAttempts > configuration.maxReconnectAttempts
        {
            return "I3: \(failedAttempts) attempts have failed, and it goes on"
        }
        return brokenTimer ?? brokenEnd
    }

    private var brokenTimer: String? {
        for (index, slot) in slots.enumerated() {
            let needsTimer =
                switch slot.state {
                case .idle: false
                case .closing: !slot.isAborted
                case .connecting, .connected, .draining, .backingOff: true
                }
            if timers[index].isRunning != needsTimer {
                let word = needsTimer ? "stands" : "runs"
                return "I4: slot \(index) is \(slot.state), its timer \(word)"
            }
        }
        return nil
    }

    private var brokenEnd: String? {
        let isClosed = failedAttempts < configuration.breakerThreshold
        if (breaker == .closed) != isClosed {
            return "I6: \(failedAttempts) attempts have failed, the breaker is \(breaker)"
        }
        guard isFinished else { return nil }
        if !slots.allSatisfy({ $0.state == .idle }) { return "I7: slots" }
        return timers.allSatisfy { !$0.isRunning } ? nil : "I7: timers"
    }
}
