// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// What a server has done so far. Recent while it runs, exact when it has ended.
public struct HTTPServerStatistics: Hashable, Sendable {
    /// Connections that are open now.
    public var openConnections = 0
    /// Connections that were taken.
    public var acceptedConnections: UInt64 = 0
    /// Connections that were closed or answered with 503 because there were too many.
    public var refusedConnections: UInt64 = 0
    /// Answers whose status begins with 2, 3, 4 and 5.
    public var successes: UInt64 = 0
    /// See `successes`.
    public var redirections: UInt64 = 0
    /// See `successes`.
    public var clientErrors: UInt64 = 0
    /// See `successes`.
    public var serverErrors: UInt64 = 0

    /// TLS handshakes that came to their end; among them those that resumed a session.
    public var handshakes: UInt64 = 0
    /// See `handshakes`.
    public var resumedHandshakes: UInt64 = 0
    /// TLS handshakes that failed: no trust, nothing in common, not TLS, or broken off.
    public var failedHandshakes: UInt64 = 0

    /// Nothing done yet.
    public init() {}

    /// Both together.
    public static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.openConnections += right.openConnections
        sum.acceptedConnections += right.acceptedConnections
        sum.refusedConnections += right.refusedConnections
        sum.successes += right.successes
        sum.redirections += right.redirections
        sum.clientErrors += right.clientErrors
        sum.serverErrors += right.serverErrors
        sum.handshakes += right.handshakes
        sum.resumedHandshakes += right.resumedHandshakes
        sum.failedHandshakes += right.failedHandshakes
        return sum
    }

    /// All answers.
    public var answers: UInt64 { successes + redirections + clientErrors + serverErrors }
}

/// The counters of one loop: written by its thread, read by any. Relaxed: numbers for people.
final class WorkerCounters: Sendable {
    private let accepted = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)
    private let successes = Atomic<UInt64>(0)
    private let redirections = Atomic<UInt64>(0)
    private let clientErrors = Atomic<UInt64>(0)
    private let serverErrors = Atomic<UInt64>(0)
    private let handshakes = Atomic<UInt64>(0)
    private let resumedHandshakes = Atomic<UInt64>(0)
    private let failedHandshakes = Atomic<UInt64>(0)

    /// One writer: no exchange is needed.
    @inline(__always)
    private static func bump(_ counter: borrowing Atomic<UInt64>) {
        counter.store(counter.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    func didAccept() { Self.bump(accepted) }
    func didRefuse() { Self.bump(refused) }

    func didShakeHands(failed: Bool, resumed: Bool) {
        if failed { return Self.bump(failedHandshakes) }
        Self.bump(handshakes)
        if resumed { Self.bump(resumedHandshakes) }
    }

    @inline(__always)
    func didAnswer(_ status: Int) {
        switch status {
        case ..<300: Self.bump(successes)
        case ..<400: Self.bump(redirections)
        case ..<500: Self.bump(clientErrors)
        default: Self.bump(serverErrors)
        }
    }

    func add(to statistics: inout HTTPServerStatistics) {
        statistics.acceptedConnections += accepted.load(ordering: .relaxed)
        statistics.refusedConnections += refused.load(ordering: .relaxed)
        statistics.successes += successes.load(ordering: .relaxed)
        statistics.redirections += redirections.load(ordering: .relaxed)
        statistics.clientErrors += clientErrors.load(ordering: .relaxed)
        statistics.serverErrors += serverErrors.load(ordering: .relaxed)
        statistics.handshakes += handshakes.load(ordering: .relaxed)
        statistics.resumedHandshakes += resumedHandshakes.load(ordering: .relaxed)
        statistics.failedHandshakes += failedHandshakes.load(ordering: .relaxed)
    }
}
