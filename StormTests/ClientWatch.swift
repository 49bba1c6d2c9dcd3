// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConnectionPools
internal import LoopSimulation

/// Looks at a client after each step of its loop.
///
/// Threads: the simulation's.
final class ClientWatch: @unchecked Sendable {
    /// How long messages may wait beside a connection that could take them.
    private static let idleNanosecondsMax: UInt64 = 1_000_000_000

    private let client: PooledClient
    private let limits: PoolConfiguration
    private let ledger: Ledger
    private var last = PoolStatistics()
    /// When an attempt was last seen to fail.
    private var lastFailure = MonotonicInstant.now
    /// Since when, and for how many steps, messages have waited beside a connection at rest.
    private var idleSince: MonotonicInstant?
    private var idleSteps = 0

    init(_ client: PooledClient, _ configuration: ClientConfiguration, _ ledger: Ledger) {
        self.client = client
        self.ledger = ledger
        limits = configuration.pool
    }

    func look() {
        if let broken = client.brokenInvariant { ledger.complain(broken) }
        let pool = client.statistics.pool
        lookAtAttempts(pool, at: .now)
        lookForIdleness(at: .now)
        last = pool
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
        var pause = limits.backoffInitialNanoseconds
        for _ in 1..<max(1, failures) {
            pause = min(limits.backoffCapNanoseconds, pause &* limits.backoffMultiplier)
        }
        return pause / 100 * (100 - limits.jitterPercent)
    }

    /// A call to work that was lost: nobody takes what waits.
    private func lookForIdleness(at now: MonotonicInstant) {
        guard client.isIdleBesideWork else {
            idleSince = nil
            idleSteps = 0
            return
        }
        let since = idleSince ?? now
        idleSince = since
        idleSteps += 1
        // The clock may have jumped.
        guard idleSteps > 3, now.nanoseconds(since: since) > Self.idleNanosecondsMax else { return }
        ledger.complain("messages wait beside a connection that has nothing to do")
    }
}
