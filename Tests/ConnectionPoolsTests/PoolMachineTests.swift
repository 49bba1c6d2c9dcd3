// SPDX-License-Identifier: MIT

import AtomicSupport
import Testing

@testable import ConnectionPools

@Suite("Pool machine: opening and growing")
struct PoolOpeningTests {
    @Test("The first message opens the first connection, and only one")
    func firstMessageOpens() throws {
        // If this failed, a message would wait for ever, or a burst open four at a dead server.
        var driver = try PoolDriver()
        #expect(driver.machine.openThreshold == 1)
        driver.queue(4096)
        #expect(driver.connects == [ConnectionID(slot: 0, epoch: 1)])
        #expect(driver.machine.openThreshold == .max)
        driver.send(.messageQueued)
        #expect(driver.actions.isEmpty)
    }

    @Test("An empty backlog opens nothing")
    func nothingWithoutBacklog() throws {
        // If this failed, an idle pool would hold connections that nobody needs.
        var driver = try PoolDriver()
        driver.send(.messageQueued)
        #expect(driver.actions.isEmpty)
    }

    @Test("An established connection serves and gets one timer")
    func connectedServes() throws {
        // If this failed, the connection would never take a message or never be checked.
        var driver = try PoolDriver()
        driver.queue(1)
        let id = driver.connects[0]
        driver.advance(millisecond)
        driver.send(.connected(id))
        #expect(driver.actions.contains(.serve(id)))
        #expect(!driver.actions.contains(.drain(id)))
        #expect(driver.timers.count == 1)
        #expect(driver.timers[0]?.at == driver.now.advanced(byNanoseconds: 5 * second))
        #expect(driver.machine.statistics.openConnections == 1)
    }

    @Test("More are opened only for backlog beyond what the existing ones take, up to the limit")
    func growsWithBacklog() throws {
        // If this failed, the pool would not grow under load, or grow without load or limit.
        var driver = try PoolDriver()
        let first = driver.openFirst()
        driver.send(.madeProgress(first))
        #expect(driver.machine.openThreshold == 256)
        driver.queue(255)
        #expect(driver.connects.isEmpty)
        driver.queue(1)
        #expect(driver.connects == [ConnectionID(slot: 1, epoch: 1)])
        #expect(driver.machine.openThreshold == 512)
        driver.queue(3000)
        #expect(driver.connects.map(\.slot) == [2, 3])
        #expect(driver.machine.openThreshold == .max)
        driver.queue(840)
        #expect(driver.connects.isEmpty)
    }

    @Test("A full queue is always backlog enough")
    func fullQueueGrows() throws {
        // If this failed, a small queue could never reach the backlog that opens another.
        var driver = try PoolDriver { $0.queueCapacity = 8 }
        _ = driver.openFirst()
        driver.queue(7)
        #expect(driver.connects.isEmpty)
        driver.queue(1)
        #expect(driver.connects.count == 3)
    }

    @Test("A late event of an earlier life is ignored and counted")
    func lateEventsAreIgnored() throws {
        // If this failed, the end of a dead connection would end its successor.
        var driver = try PoolDriver()
        let old = driver.openFirst()
        driver.send(.disconnected(old, reset, hadProgress: true))
        driver.queue(1)
        let new = driver.connects[0]
        #expect(new.slot == old.slot)
        #expect(new.epoch != old.epoch)
        driver.send(.connected(old))
        driver.send(.madeProgress(old))
        driver.send(.connectFailed(old, refused))
        driver.send(.disconnected(old, reset, hadProgress: false))
        driver.send(.drained(old))
        driver.send(.timerFired(PoolTimer(index: 0, generation: 0), activity: nil))
        #expect(driver.actions.isEmpty)
        #expect(driver.machine.statistics.lateEvents == 6)
        #expect(driver.machine.statistics.failedAttempts == 0)
        driver.send(.drained(new))
        #expect(driver.machine.statistics.lateEvents == 7)
    }
}

@Suite("Pool machine: losing and reconnecting")
struct PoolReconnectingTests {
    @Test("When one of several dies it leaves the pool and the others are woken")
    func othersTakeOver() throws {
        // If this failed, messages of a dead connection would wait although others are idle.
        var driver = try PoolDriver()
        let ids = driver.openTwo()
        driver.backlog = 5
        driver.send(.disconnected(ids[0], reset, hadProgress: true))
        #expect(driver.actions.contains(.wakeConnections))
        #expect(driver.connects.isEmpty)
        #expect(driver.machine.statistics.openConnections == 1)
    }

    @Test("The last one reconnects at once if it had made progress")
    func productiveEndReconnects() throws {
        // If this failed, a server's restart would cost a pause or the client would not come back.
        var driver = try PoolDriver()
        let id = driver.openFirst()
        driver.backlog = 3
        driver.send(.disconnected(id, reset, hadProgress: true))
        #expect(driver.connects == [ConnectionID(slot: 0, epoch: 2)])
    }

    @Test("Nothing waits: the pool stays without connections, and later keeps the pause")
    func noReconnectWithoutBacklog() throws {
        // If this failed, an idle client would hammer a dead server, or skip its pause.
        var driver = try PoolDriver()
        let id = driver.openFirst()
        driver.send(.disconnected(id, reset, hadProgress: false))
        #expect(driver.connects.isEmpty)
        #expect(driver.timers.isEmpty)
        driver.queue(1)
        #expect(driver.connects.isEmpty)
        #expect(driver.machine.statistics.pauses == 1)
        let pause = driver.timers[0].map { $0.at.nanoseconds(since: driver.now) } ?? 0
        #expect((50 * millisecond...100 * millisecond).contains(pause))
        #expect(driver.machine.openThreshold == .max)
        driver.fire(0)
        #expect(driver.connects.count == 1)
    }

    @Test("A message that disappears during the pause leaves the pool idle")
    func pauseEndsIdle() throws {
        // If this failed, the pool would connect for nobody.
        var driver = try PoolDriver()
        driver.queue(1)
        driver.send(.connectFailed(driver.connects[0], refused))
        driver.backlog = 0
        driver.fire(0)
        #expect(driver.actions.isEmpty)
        #expect(driver.machine.openThreshold == 1)
    }

    @Test("Pauses grow up to the cap, attempts are bounded, and the pool gives up with the reason")
    func givesUp() throws {
        // If this failed, retries would be unbounded, or in step, or their end unexplained.
        var driver = try PoolDriver(seed: 7)
        driver.queue(3)
        var pauses: [UInt64] = []
        for attempt in 1...10 {
            #expect(driver.actions.contains(.connect(driver.connects[0], attempt: attempt)))
            driver.send(.connectFailed(driver.connects[0], refused))
            let at = try #require(driver.timers[0]).at
            pauses.append(at.nanoseconds(since: driver.now))
            #expect(driver.machine.sendError == nil)
            driver.fire(0)
        }
        for (index, pause) in pauses.enumerated() {
            let longest = min(100 * millisecond << UInt64(index), 5 * second)
            #expect((longest / 2...longest).contains(pause))
        }
        for index in 1..<6 { #expect(pauses[index] >= pauses[index - 1]) }
        driver.send(.connectFailed(driver.connects[0], refused))
        #expect(driver.failures == [.gaveUp])
        #expect(driver.actions.last == .finished)
        #expect(driver.machine.sendError == .gaveUp(refused))
        #expect(driver.machine.statistics.attempts == 11)
        #expect(driver.machine.openThreshold == 1)
        driver.queue(1)
        #expect(driver.actions == [.failAllPending(.gaveUp)])
        driver.send(.shutdownRequested)
        driver.send(.closeRequested(deadline: nil))
        #expect(driver.finishedCount == 1)
    }

    @Test("The seed decides the jitter")
    func jitterIsSeeded() throws {
        // If this failed, a simulation could not be replayed, or clients would retry in step.
        func pause(seed: UInt64) throws -> UInt64 {
            var driver = try PoolDriver(seed: seed)
            driver.queue(1)
            driver.send(.connectFailed(driver.connects[0], refused))
            return try #require(driver.timers[0]).at.nanoseconds
        }
        #expect(try pause(seed: 3) == pause(seed: 3))
        #expect(try pause(seed: 3) != pause(seed: 4))
        let driver = try PoolDriver()
        #expect(driver.machine.pauses.shortest(afterFailures: 1) == 50 * millisecond)
        #expect(driver.machine.pauses.longest(afterFailures: 1) == 100 * millisecond)
    }

    @Test("Without jitter a pause is as long as it says")
    func withoutJitter() throws {
        // If this failed, a client that leaves nothing to chance would trap at its first failure.
        var driver = try PoolDriver { $0.jitterPercent = 0 }
        driver.queue(1)
        for pause in [100, 200, 400] {
            driver.send(.connectFailed(driver.connects[0], refused))
            let at = driver.now.advanced(byNanoseconds: UInt64(pause) * millisecond)
            #expect(driver.timers[0]?.at == at)
            driver.fire(0)
        }
    }

    @Test("Each pause is drawn anew")
    func everyPauseIsDrawn() throws {
        // If this failed, clients that once drew alike would come back in step for ever.
        var driver = try PoolDriver { $0.backoffInitialNanoseconds = $0.backoffCapNanoseconds }
        driver.queue(1)
        var pauses: Set<UInt64> = []
        for _ in 0..<5 {
            driver.send(.connectFailed(driver.connects[0], refused))
            let at = try #require(driver.timers[0]).at
            pauses.insert(at.nanoseconds(since: driver.now))
            driver.fire(0)
        }
        #expect(pauses.count == 5)
    }

    @Test("Accepted and reset, again and again, is bounded like a refusal")
    func acceptThenResetIsBounded() throws {
        // If this failed, a peer that accepts into its backlog and resets would loop us for ever.
        var driver = try PoolDriver { $0.maxReconnectAttempts = 4 }
        driver.queue(1)
        var rounds = 0
        while driver.finishedCount == 0, rounds < 100 {
            rounds += 1
            let id = driver.connects[0]
            driver.backlog = 0
            driver.send(.connected(id))
            driver.backlog = 1
            driver.send(.disconnected(id, reset, hadProgress: false))
            if driver.finishedCount == 0 { driver.fire(0) }
        }
        #expect(rounds == 5)
        #expect(driver.machine.sendError == .gaveUp(reset))
    }

    @Test("Progress starts the count anew")
    func progressResets() throws {
        // If this failed, a client would give up after enough failures in a whole year.
        for isReportedAtEnd in [false, true] {
            var driver = try PoolDriver { $0.maxReconnectAttempts = 2 }
            driver.queue(1)
            for _ in 0..<2 {
                driver.send(.connectFailed(driver.connects[0], refused))
                driver.fire(0)
            }
            #expect(driver.machine.statistics.failedAttempts == 2)
            let id = driver.connects[0]
            driver.send(.connected(id))
            #expect(driver.machine.statistics.failedAttempts == 2)
            if !isReportedAtEnd {
                driver.send(.madeProgress(id))
                #expect(driver.machine.statistics.failedAttempts == 0)
                driver.send(.madeProgress(id))
                #expect(driver.actions.isEmpty)
            }
            driver.send(.disconnected(id, reset, hadProgress: isReportedAtEnd))
            #expect(driver.machine.statistics.failedAttempts == 0)
            #expect(driver.connects.count == 1)
        }
    }

    @Test("Failures of additional connections do not end a pool that works")
    func livingConnectionKeepsPool() throws {
        // If this failed, a server that admits one connection would make us give up.
        var driver = try PoolDriver { $0.maxReconnectAttempts = 1 }
        let first = driver.openFirst()
        driver.send(.madeProgress(first))
        driver.queue(300)
        for _ in 0..<20 {
            while let id = driver.connects.first { driver.send(.connectFailed(id, refused)) }
            if driver.timers[driver.breakerIndex] != nil { driver.fire(driver.breakerIndex) }
        }
        #expect(driver.machine.sendError == nil)
        #expect(driver.machine.statistics.failedAttempts > 10)
        driver.send(.disconnected(first, reset, hadProgress: true))
        #expect(driver.machine.sendError == nil)
    }

    @Test("A pause too long for its number is the longest")
    func pauseOverflows() throws {
        // If this failed, a peer that is down would be tried without a pause.
        var configuration = PoolConfiguration()
        configuration.backoffInitialNanoseconds = 1 << 62
        configuration.backoffMultiplier = 1024
        configuration.backoffCapNanoseconds = .max
        try configuration.validate()
        let pauses = ReconnectPauses(configuration: configuration, seed: 1)
        #expect(pauses.longest(afterFailures: 1) == 1 << 62)
        #expect(pauses.longest(afterFailures: 2) == .max)
    }
}

@Suite("Pool machine: circuit breaker")
struct PoolBreakerTests {
    @Test("Failures in a row open it; while open nothing is added; then one probe at a time")
    func breakerCycle() throws {
        // If this failed, a full server would be hammered, or its recovery never noticed.
        var driver = try PoolDriver()
        let first = driver.openFirst()
        driver.send(.madeProgress(first))
        driver.queue(300)
        for _ in 0..<2 {
            driver.send(.connectFailed(driver.connects[0], refused))
            #expect(driver.connects.count == 1)
        }
        driver.send(.connectFailed(driver.connects[0], refused))
        #expect(driver.connects.isEmpty)
        #expect(driver.machine.openThreshold == .max)
        driver.queue(3000)
        #expect(driver.connects.isEmpty)
        driver.fire(driver.breakerIndex)
        #expect(driver.connects.count == 1)
        driver.queue(1)
        #expect(driver.connects.isEmpty)
        driver.send(
            .connectFailed(driver.connects.first ?? ConnectionID(slot: 1, epoch: 4), refused))
        #expect(driver.connects.isEmpty)
        #expect(driver.machine.statistics.breakerOpenings == 2)
        driver.fire(driver.breakerIndex)
        let probe = driver.connects[0]
        driver.send(.connected(probe))
        #expect(driver.connects.isEmpty)
        driver.send(.madeProgress(probe))
        #expect(driver.connects.count == 2)
        #expect(driver.timers[driver.breakerIndex] == nil)
    }

    @Test("It closes with the progress of the reconnecting connection, which is its probe")
    func reconnectIsTheProbe() throws {
        // If this failed, back-off and breaker would both delay one recovery, or block growth.
        var driver = try PoolDriver()
        driver.queue(4000)
        for _ in 0..<4 {
            driver.send(.connectFailed(driver.connects[0], refused))
            driver.fire(0)
        }
        let id = driver.connects[0]
        driver.send(.connected(id))
        #expect(driver.connects.isEmpty)
        driver.send(.madeProgress(id))
        #expect(driver.connects.count == 3)
    }
}

@Suite("Pool machine: time limits")
struct PoolTimeLimitTests {
    @Test("An attempt that takes too long is cancelled and counts as failed")
    func connectTimeout() throws {
        // If this failed, a silent destination would hold the queue for ever.
        var driver = try PoolDriver()
        driver.queue(1)
        let id = driver.connects[0]
        driver.fire(0)
        #expect(driver.now.nanoseconds == 1_000 + 5 * second)
        #expect(driver.closes == [id: .abort])
        #expect(driver.machine.statistics.failedAttempts == 1)
        // The next attempt pauses although another slot is free.
        #expect(driver.connects.isEmpty)
        driver.send(.connectFailed(id, refused))
        #expect(driver.machine.statistics.failedAttempts == 1)
        #expect(driver.machine.lastError?.reason == .connectTimeout)
    }

    @Test("A connect that succeeds just as it is cancelled does not serve")
    func connectedTooLate() throws {
        // If this failed, messages would be written to a connection about to be cut.
        var driver = try PoolDriver()
        driver.queue(1)
        let id = driver.connects[0]
        driver.fire(0)
        driver.send(.connected(id))
        #expect(driver.actions.isEmpty)
        driver.send(.disconnected(id, reset, hadProgress: false))
        #expect(driver.machine.statistics.disconnects == 1)
    }

    @Test("With room for one connection, its successor waits for its end")
    func oneSlotWaitsForTheEnd() throws {
        // If this failed, there would be more connections than allowed.
        var driver = try PoolDriver { $0.maxConnections = 1 }
        driver.queue(1)
        let id = driver.connects[0]
        driver.fire(0)
        driver.advance(10 * second)
        driver.send(.messageQueued)
        #expect(driver.actions.isEmpty)
        #expect(driver.machine.openThreshold == .max)
        driver.send(.connectFailed(id, refused))
        #expect(driver.connects == [ConnectionID(slot: 0, epoch: 2)])
    }

    @Test("The limit check fires exactly when a stall is over the limit, and not before")
    func writeTimeout() throws {
        // If this failed, a stalled peer would hold messages, or a slow one be cut.
        var driver = try PoolDriver()
        let id = driver.openFirst()
        driver.fire(0, activity: ConnectionActivity(lastTraffic: driver.now))
        let since = driver.now.advanced(byNanoseconds: second)
        let activity = ConnectionActivity(lastTraffic: since, isWritingSince: since)
        driver.fire(0, activity: activity)
        #expect(driver.closes.isEmpty)
        #expect(driver.timers[0]?.at == since.advanced(byNanoseconds: 5 * second))
        driver.fire(0, activity: activity)
        #expect(driver.closes == [id: .abort])
        #expect(driver.machine.statistics.failedAttempts == 1)
        driver.backlog = 1
        driver.send(.disconnected(id, reset, hadProgress: false))
        #expect(driver.machine.statistics.failedAttempts == 1)
        #expect(driver.connects.isEmpty)
        driver.fire(0)
        #expect(driver.connects.count == 1)
    }

    @Test("A stall after progress is no failed attempt")
    func writeTimeoutAfterProgress() throws {
        // If this failed, a long-lived connection's death would begin with a pause.
        var driver = try PoolDriver()
        let id = driver.openFirst()
        driver.send(.madeProgress(id))
        let activity = ConnectionActivity(lastTraffic: driver.now, isWritingSince: driver.now)
        driver.backlog = 2
        driver.fire(0, activity: activity)
        #expect(driver.closes == [id: .abort])
        #expect(driver.connects == [ConnectionID(slot: 1, epoch: 1)])
    }

    @Test("Messages that nobody acknowledges or answers end the connection")
    func answerTimeout() throws {
        // If this failed, a peer that takes bytes and never answers would hold messages for ever.
        var driver = try PoolDriver { $0.writeTimeoutNanoseconds = 60 * second }
        let id = driver.openFirst()
        let activity = ConnectionActivity(lastTraffic: driver.now, isAwaitingSince: driver.now)
        driver.fire(0, activity: activity)
        #expect(driver.closes == [id: .abort])
        #expect(driver.machine.lastError?.reason == .answerTimeout)
    }

    @Test("An idle connection closes quietly; traffic or waiting work puts it off")
    func idleTimeout() throws {
        // If this failed, idle connections would stay, count as failures, or busy ones be closed.
        var driver = try PoolDriver { $0.idleTimeoutNanoseconds = 2 * second }
        let id = driver.openFirst()
        let start = driver.now
        #expect(driver.timers[0]?.at == start.advanced(byNanoseconds: 2 * second))
        let later = start.advanced(byNanoseconds: second)
        driver.fire(0, activity: ConnectionActivity(lastTraffic: later))
        #expect(driver.timers[0]?.at == later.advanced(byNanoseconds: 2 * second))
        let busy = ConnectionActivity(lastTraffic: later, isAwaitingSince: later)
        driver.fire(0, activity: busy)
        #expect(driver.closes.isEmpty)
        driver.fire(0, activity: ConnectionActivity(lastTraffic: later, isWritingSince: later))
        #expect(driver.closes.isEmpty)
        driver.backlog = 1
        driver.fire(0, activity: ConnectionActivity(lastTraffic: later))
        #expect(driver.closes.isEmpty)
        driver.backlog = 0
        driver.fire(0, activity: ConnectionActivity(lastTraffic: later))
        #expect(driver.closes == [id: .graceful])
        driver.send(.disconnected(id, ConnectionError(.idle), hadProgress: false))
        #expect(driver.machine.statistics.failedAttempts == 0)
        #expect(driver.machine.statistics.idleCloses == 1)
        #expect(driver.timers.isEmpty)
        driver.queue(1)
        #expect(driver.connects.count == 1)
    }

    @Test("A graceful close that the peer does not answer is cut")
    func closeTimeout() throws {
        // If this failed, a peer that never closes would keep close() from returning.
        var driver = try PoolDriver { $0.idleTimeoutNanoseconds = 2 * second }
        let id = driver.openFirst()
        driver.fire(0)
        driver.fire(0, activity: ConnectionActivity(lastTraffic: MonotonicInstant(nanoseconds: 0)))
        #expect(driver.closes == [id: .graceful])
        driver.fire(0)
        #expect(driver.closes == [id: .abort])
        #expect(driver.timers.isEmpty)
    }
}
