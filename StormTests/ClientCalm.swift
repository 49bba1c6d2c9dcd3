// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import ConnectionPools
internal import LoopSimulation

/// A while in which nothing goes wrong: then nothing may be lost, sent twice, or opened and closed
/// without need, and every number that the client tells is known beforehand.
struct ClientCalm {
    /// How long behind the network's recovery the last trace of trouble is gone: the longest pause
    /// of a client, and the limits of connections that nobody serves.
    private static let recoveryNanoseconds: UInt64 = 15_000_000_000
    /// In which everything settles that was sent.
    private static let settling = Duration.seconds(6)

    /// None of the storm's.
    private static let sender = -1

    let client: PooledClient
    let configuration: ClientConfiguration
    let world: any StormWorld
    let messages: MessageLedger

    /// Whether an attempt has the time that it needs here.
    private var isPossible: Bool {
        !world.isReal && configuration.pool.connectTimeoutNanoseconds >= 3_000_000_000
    }

    /// Sends some messages, the first of this number, when the network has been well for a while.
    func run(from number: Int, wellSince: () -> MonotonicInstant) async {
        guard isPossible else { return }
        // Ends: a clock that jumps may have passed the recovery, but the network is well by then.
        while true {
            let begin = wellSince().advanced(byNanoseconds: Self.recoveryNanoseconds)
            let wait = begin.nanoseconds(since: .now)
            if wait == 0 { break }
            try? await LoopTime.sleep(for: .nanoseconds(wait))
        }
        // Where it rests in a pause between attempts, this one ends it.
        guard await send(number) != nil else { return }
        try? await LoopTime.sleep(for: Self.settling)
        messages.mayBeDisordered = { false }
        let before = client.statistics
        let count = 1 + world.draw(below: 30)
        var byteCount = 0
        for offset in 1...count {
            try? await LoopTime.sleep(for: .nanoseconds(world.draw(below: 400_000_000)))
            guard let sent = await send(number + offset) else { return }
            byteCount += sent
        }
        try? await LoopTime.sleep(for: Self.settling)
        compare(before, client.statistics, count: UInt64(count), byteCount: UInt64(byteCount))
    }

    /// Sends a message and answers its length; nil if the client has given up.
    private func send(_ number: Int) async -> Int? {
        let bytes = messages.make(
            number, from: Self.sender, byteCount: 20 + world.draw(below: 300))
        do throws(PoolError) {
            try await client.send(bytes, ticket: MessageTicket(rawValue: UInt64(number)))
            messages.accept(number)
            return bytes.count
        } catch {
            messages.refuse(number)
            return nil
        }
    }

    private func compare(
        _ before: ClientStatistics, _ after: ClientStatistics, count: UInt64, byteCount: UInt64
    ) {
        let (was, pool) = (before.pool, after.pool)
        expect(before.waiting, 0, "messages wait")
        expect(after.waiting, 0, "messages wait behind all")
        expect(after.queued - before.queued, count, "messages were taken")
        expect(after.delivered - before.delivered, count, "messages were delivered")
        expect(after.failed - before.failed, 0, "messages failed")
        expect(after.resent - before.resent, 0, "messages were sent again")
        expect(after.bytesWritten - before.bytesWritten, byteCount, "bytes were written")
        expect(after.unexpectedAnswers - before.unexpectedAnswers, 0, "answers matched nothing")
        expect(pool.connectFailures - was.connectFailures, 0, "attempts failed")
        expect(pool.pauses - was.pauses, 0, "pauses were made")
        expect(pool.lateEvents - was.lateEvents, 0, "events came late")
        expect(pool.breakerOpenings - was.breakerOpenings, 0, "times the breaker opened")
        // Those of additional attempts are forgotten with the next connection that works.
        messages.expect(
            pool.failedAttempts <= was.failedAttempts,
            "in the calm: \(pool.failedAttempts) failures, \(was.failedAttempts) before")
        if configuration.pool.maxConnections == 1 {
            expect(pool.failedAttempts, 0, "failures are remembered")
        }
        let idleCloses = pool.idleCloses - was.idleCloses
        expect(pool.disconnects - was.disconnects, idleCloses, "connections ended")
        let opened = pool.attempts - was.attempts
        let open = UInt64(was.openConnections) + opened
        expect(UInt64(pool.openConnections) + idleCloses, open, "connections were opened")
        if configuration.pool.idleTimeoutNanoseconds != nil {
            expect(pool.openConnections, 0, "idle connections are open")
        } else {
            expect(idleCloses, 0, "connections were idle without a limit")
            messages.expect(pool.openConnections > 0, "in the calm: nothing is open")
        }
    }

    private func expect<Number: Equatable>(_ number: Number, _ due: Number, _ what: String) {
        messages.expect(number == due, "in the calm: \(number) \(what), not \(due)")
    }
}
