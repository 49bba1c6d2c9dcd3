// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConnectionPools
internal import LoopSimulation

/// Looks at a client after each step of its loop.
///
/// Threads: the simulation's.
final class ClientWatch: @unchecked Sendable {
    private let client: PooledClient
    private let limits: PoolConfiguration
    private let messages: MessageLedger
    private let ledger: Ledger
    private let world: any StormWorld
    private let mode: DeliveryMode
    private let queueByteCountMax: Int
    private var last = PoolStatistics()
    /// When an attempt was last seen to fail.
    private var lastFailure = MonotonicInstant.now
    /// Messages wait beside a connection at rest.
    private var idleness = LastingState()
    /// Messages wait, nothing is alive, and the longest pause is over.
    private var pausing = LastingState()
    /// Senders wait beside a queue with room.
    private var room = LastingState()
    /// A connection is read that can write nothing any more.
    private var deafness = LastingState()
    /// When it was last looked at.
    private var lastLook = MonotonicInstant.now
    /// When bytes were last seen to go, and how many had gone.
    private var lastTraffic = MonotonicInstant.now
    private var writtenByteCount: UInt64 = 0
    /// For each slot that connects, which life of it, since when, and for how many steps.
    private var opening: [Int: (life: UInt32, since: MonotonicInstant, steps: Int)] = [:]

    init(
        _ client: PooledClient, _ configuration: ClientConfiguration, _ messages: MessageLedger,
        _ world: any StormWorld
    ) {
        self.client = client
        self.messages = messages
        ledger = messages.ledger
        queueByteCountMax = configuration.queueByteCountMax
        self.world = world
        mode = configuration.delivery
        limits = configuration.pool
    }

    func look() {
        if let broken = client.brokenInvariant { ledger.complain(broken) }
        let statistics = client.statistics
        let pool = statistics.pool
        lookAtAttempts(pool, at: .now)
        let isOverdue = statistics.waiting > 0 && isPauseOver(pool, at: .now)
        ledger.expect(
            !pausing.lasts(isOverdue, at: .now), "nobody tries again behind the longest pause")
        lookForIdleness(at: .now)
        lookAtOpening(at: .now)
        lookAtSenders(at: .now)
        lookAtIdleCloses(statistics, at: .now)
        // A box that ended the one direction has told the peer nothing of the other.
        ledger.expect(
            !deafness.lasts(client.isReadingBehindFailure, at: .now) || world.mayHaveCutStreams,
            "a connection that nothing can be written to stays")
        if mode == .acknowledged { lookAtAcknowledged() }
        last = pool
    }

    /// A connection is idle when nothing is in flight, and nothing has gone for as long as the
    /// limit says.
    private func lookAtIdleCloses(_ statistics: ClientStatistics, at now: MonotonicInstant) {
        if statistics.pool.idleCloses > last.idleCloses {
            ledger.expect(
                !client.isClosingBesideWork, "a connection is closed as idle beside its messages")
            let rested = now.nanoseconds(since: lastTraffic)
            // With several, another one may have worked.
            if limits.maxConnections == 1, let limit = limits.idleTimeoutNanoseconds {
                ledger.expect(
                    rested + 10_000_000 >= limit || world.mayHaveJumped,
                    "a connection is closed as idle after \(rested) ns, not \(limit)")
            }
        }
        // A thread of a busy system may have stood still since they went.
        if statistics.bytesWritten != writtenByteCount {
            lastTraffic = world.isReal ? lastLook : now
        }
        writtenByteCount = statistics.bytesWritten
        lastLook = now
    }

    private static func alive(_ pool: PoolStatistics) -> UInt64 {
        pool.attempts &- pool.connectFailures &- pool.disconnects
    }

    /// No more connections than allowed; and behind a failure, the pause, if nothing is alive.
    private func lookAtAttempts(_ pool: PoolStatistics, at now: MonotonicInstant) {
        let alive = Self.alive(pool)
        ledger.expect(
            alive <= UInt64(limits.maxConnections),
            "\(alive) connections are open or connecting, \(limits.maxConnections) are allowed")
        let hasTried = pool.attempts > last.attempts
        let hasFailed = pool.failedAttempts > last.failedAttempts
        if hasTried, pool.failedAttempts > 0, Self.alive(last) == 0 {
            let waited = now.nanoseconds(since: lastFailure)
            let shortest = shortestPause(after: last.failedAttempts)
            ledger.expect(
                hasFailed || waited >= shortest,
                "tries again \(waited) ns after failure \(last.failedAttempts), not \(shortest)")
            ledger.expect(
                pool.attempts == last.attempts + 1,
                "\(pool.attempts - last.attempts) attempts at once while nothing is alive")
        }
        if hasFailed {
            ledger.expect(
                !hasTried || limits.maxConnections > 1, "tries again in the turn of a failure")
            lastFailure = now
        }
    }

    private func shortestPause(after failures: Int) -> UInt64 {
        longestPause(after: failures) / 100 * (100 - limits.jitterPercent)
    }

    private func longestPause(after failures: Int) -> UInt64 {
        var pause = limits.backoffInitialNanoseconds
        var left = failures
        while left > 1, pause < limits.backoffCapNanoseconds {  // Ends: counts down.
            pause = min(limits.backoffCapNanoseconds, pause &* limits.backoffMultiplier)
            left -= 1
        }
        return pause
    }

    private func isPauseOver(_ pool: PoolStatistics, at now: MonotonicInstant) -> Bool {
        guard Self.alive(pool) == 0, pool.failedAttempts > 0 else { return false }
        return now.nanoseconds(since: lastFailure) > longestPause(after: pool.failedAttempts)
    }

    /// A call to work that was lost: nobody takes what waits.
    private func lookForIdleness(at now: MonotonicInstant) {
        ledger.expect(
            !idleness.lasts(client.isIdleBesideWork, at: now),
            "messages wait beside a connection that has nothing to do")
    }

    /// Senders are called when half of the queue has gone; and it takes no more than it should.
    private func lookAtSenders(at now: MonotonicInstant) {
        let statistics = client.statistics
        let most = limits.queueCapacity + limits.maxConnections * limits.windowCapacity
        ledger.expect(
            statistics.waiting <= most, "\(statistics.waiting) messages wait, with room for \(most)"
        )
        // Where bytes are what is short, an empty queue has room.
        let isRoomy = queueByteCountMax >= 1 << 20
        let least = isRoomy ? limits.queueCapacity / 2 : 0
        let isWaiting = messages.sendersWaiting > 0 && statistics.waiting <= least
        ledger.expect(
            !room.lasts(isWaiting, at: now), "a sender waits beside a queue with room")
    }

    /// An attempt ends at its limit, whatever becomes of it.
    private func lookAtOpening(at now: MonotonicInstant) {
        let lives = client.openingLives
        if lives.isEmpty { return opening.removeAll(keepingCapacity: true) }
        opening = opening.filter { lives[$0.key] == $0.value.life }
        for (slot, life) in lives {
            let before = opening[slot] ?? (life, now, 0)
            opening[slot] = (life, before.since, before.steps + 1)
            let passed = now.nanoseconds(since: before.since)
            // The clock may have jumped.
            guard before.steps > 3, passed > limits.connectTimeoutNanoseconds + 1_000_000_000
            else { continue }
            ledger.complain("an attempt has lasted \(passed) ns")
        }
    }

    /// What is settled as acknowledged has reached the other system.
    private func lookAtAcknowledged() {
        client.forEachAcknowledged { descriptor, byteCount in
            guard let arrived = world.arrivedByteCount(from: descriptor) else { return }
            ledger.expect(
                byteCount <= arrived, "\(byteCount) bytes are acknowledged, \(arrived) arrived")
        }
    }
}
