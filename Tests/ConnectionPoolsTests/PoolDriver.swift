// SPDX-License-Identifier: MIT

import AtomicSupport

@testable import ConnectionPools

/// Drives a machine by hand: holds the time, the backlog, and what the last event led to.
struct PoolDriver {
    var machine: PoolMachine
    var now = MonotonicInstant(nanoseconds: 1_000)
    var backlog = 0
    var actions: [PoolAction] = []
    /// The running timer of each index.
    var timers: [Int: (timer: PoolTimer, at: MonotonicInstant)] = [:]
    var finishedCount = 0

    init(
        seed: UInt64 = 1, _ change: (inout PoolConfiguration) -> Void = { _ in }
    ) throws(PoolConfigurationError) {
        var configuration = PoolConfiguration()
        change(&configuration)
        machine = try PoolMachine(configuration: configuration, jitterSeed: seed)
    }

    @discardableResult
    mutating func send(_ event: PoolEvent) -> [PoolAction] {
        actions = machine.handle(event, backlog: backlog, now: now)
        for action in actions {
            switch action {
            case .startTimer(let timer, let instant): timers[timer.index] = (timer, instant)
            case .cancelTimer(let timer): timers[timer.index] = nil
            case .failAllPending: backlog = 0
            case .finished: finishedCount += 1
            default: continue
            }
        }
        return actions
    }

    mutating func queue(_ count: Int) {
        backlog += count
        send(.messageQueued)
    }

    mutating func advance(_ nanoseconds: UInt64) {
        now = now.advanced(byNanoseconds: nanoseconds)
    }

    /// Goes on to the instant of a timer and fires it.
    mutating func fire(_ index: Int, activity: ConnectionActivity? = nil) {
        guard let entry = timers.removeValue(forKey: index) else {
            preconditionFailure("timer \(index) does not run")
        }
        now = max(now, entry.at)
        send(.timerFired(entry.timer, activity: activity))
    }

    /// Opens a connection for one message, which it takes.
    mutating func openFirst() -> ConnectionID {
        queue(1)
        let id = connects[0]
        backlog = 0
        send(.connected(id))
        return id
    }

    /// Two connections that made progress; nothing waits.
    mutating func openTwo() -> [ConnectionID] {
        let first = openFirst()
        send(.madeProgress(first))
        queue(machine.configuration.backlogPerConnection)
        let second = connects[0]
        backlog = 0
        send(.connected(second))
        send(.madeProgress(second))
        return [first, second]
    }

    var connects: [ConnectionID] {
        actions.compactMap { if case .connect(let id, _) = $0 { id } else { nil } }
    }

    var closes: [ConnectionID: CloseManner] {
        var result: [ConnectionID: CloseManner] = [:]
        for action in actions {
            if case .closeConnection(let id, let manner) = action { result[id] = manner }
        }
        return result
    }

    var failures: [FailureReason] {
        actions.compactMap { if case .failAllPending(let reason) = $0 { reason } else { nil } }
    }

    var breakerIndex: Int { machine.configuration.maxConnections }
    var drainIndex: Int { machine.configuration.maxConnections + 1 }
}

let refused = ConnectionError(.refused, systemErrorNumber: 111)
let reset = ConnectionError(.reset, systemErrorNumber: 104)
let millisecond: UInt64 = 1_000_000
let second: UInt64 = 1_000_000_000
