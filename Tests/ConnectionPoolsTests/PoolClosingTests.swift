// SPDX-License-Identifier: MIT

import AtomicSupport
import Testing

@testable import ConnectionPools

@Suite("Pool machine: closing and shutting down")
struct PoolClosingTests {
    @Test("Closing an unused pool finishes at once")
    func closeUnused() throws {
        // If this failed, close() of an unused client would hang.
        var driver = try PoolDriver()
        driver.send(.closeRequested(deadline: nil))
        #expect(driver.actions.last == .finished)
        #expect(driver.timers.isEmpty)
        #expect(driver.machine.isFinished)
        #expect(driver.machine.sendError == .closed)
    }

    @Test("Close drains every connection, closes each gracefully, and finishes after the last")
    func closeDrains() throws {
        // If this failed, close() would lose messages or return with a connection's memory out.
        var driver = try PoolDriver()
        let ids = driver.openTwo()
        driver.backlog = 4000
        driver.send(.closeRequested(deadline: nil))
        #expect(driver.connects.isEmpty)
        #expect(driver.actions.contains(.drain(ids[0])))
        #expect(driver.actions.contains(.drain(ids[1])))
        #expect(driver.machine.sendError == .closed)
        #expect(driver.machine.statistics.openConnections == 2)
        driver.backlog = 0
        driver.send(.drained(ids[0]))
        #expect(driver.closes == [ids[0]: .graceful])
        driver.send(.disconnected(ids[0], ConnectionError(.closed), hadProgress: true))
        #expect(driver.finishedCount == 0)
        driver.send(.drained(ids[1]))
        driver.send(.disconnected(ids[1], ConnectionError(.closed), hadProgress: true))
        #expect(driver.actions.last == .finished)
        #expect(driver.timers.isEmpty)
    }

    @Test("A drained connection goes on when messages of a dead one came back", arguments: [1, 2])
    func drainedWithBacklog(_ count: Int) throws {
        // If this failed, messages that came back while closing would be lost.
        var driver = try PoolDriver()
        let ids = driver.openTwo()
        driver.send(.closeRequested(deadline: nil))
        driver.backlog = count
        driver.send(.disconnected(ids[0], reset, hadProgress: true))
        #expect(driver.actions.contains(.wakeConnections))
        driver.send(.drained(ids[1]))
        #expect(driver.actions == [.drain(ids[1])])
    }

    @Test("The last connection dies while draining: it reconnects and drains on")
    func reconnectsWhileClosing() throws {
        // If this failed, close() would fail messages although there is time to send them.
        var driver = try PoolDriver()
        let id = driver.openFirst()
        driver.send(.madeProgress(id))
        driver.send(.closeRequested(deadline: nil))
        driver.backlog = 2
        driver.send(.disconnected(id, reset, hadProgress: true))
        let next = driver.connects[0]
        driver.send(.connected(next))
        #expect(driver.actions.contains(.serve(next)))
        #expect(driver.actions.contains(.drain(next)))
    }

    @Test("Failures beside a connection that works are no reason to give up while it closes")
    func closesBehindFailures() throws {
        // Wrong: who closes a client that has sent everything is told that it gave up. The client's
        // storm found it, seed 2326.
        var driver = try PoolDriver { $0.maxReconnectAttempts = 1 }
        let first = driver.openFirst()
        driver.queue(300)
        for _ in 0..<5 {
            while let id = driver.connects.first { driver.send(.connectFailed(id, refused)) }
            if driver.timers[driver.breakerIndex] != nil { driver.fire(driver.breakerIndex) }
        }
        #expect(driver.machine.statistics.failedAttempts > 1)
        driver.backlog = 0
        driver.send(.closeRequested(deadline: nil))
        driver.send(.drained(first))
        #expect(driver.closes == [first: .graceful])
        #expect(driver.failures == [])
        driver.send(.disconnected(first, ConnectionError(.closed), hadProgress: true))
        #expect(driver.actions.last == .finished)
        #expect(driver.machine.sendError == .closed)
    }

    @Test("Closing while connecting: at once without backlog, within the deadline with backlog")
    func closeWhileConnecting() throws {
        // If this failed, close() would wait for a pointless attempt or drop what waits for it.
        var driver = try PoolDriver()
        driver.queue(1)
        let id = driver.connects[0]
        var other = driver
        driver.backlog = 0
        driver.send(.closeRequested(deadline: nil))
        #expect(driver.closes == [id: .abort])
        driver.send(.connectFailed(id, refused))
        #expect(driver.actions.last == .finished)
        #expect(driver.machine.statistics.failedAttempts == 0)

        other.send(.closeRequested(deadline: nil))
        #expect(other.closes.isEmpty)
        other.send(.connectFailed(id, refused))
        #expect(other.finishedCount == 0)
        other.fire(0)
        #expect(other.connects.count == 1)
    }

    @Test("Closing while backing off: at once without backlog, within the deadline with backlog")
    func closeWhileBackingOff() throws {
        // If this failed, close() would sit out a pause for nobody or drop what waits for it.
        var driver = try PoolDriver()
        driver.queue(1)
        driver.send(.connectFailed(driver.connects[0], refused))
        var other = driver
        driver.backlog = 0
        driver.send(.closeRequested(deadline: nil))
        #expect(driver.actions.last == .finished)
        #expect(driver.timers.isEmpty)

        other.send(.closeRequested(deadline: nil))
        #expect(other.finishedCount == 0)
        other.fire(other.drainIndex)
        #expect(other.failures == [.closed])
        #expect(other.actions.last == .finished)
        #expect(other.timers.isEmpty)
    }

    @Test("Giving up ends a close before its deadline")
    func givesUpWhileClosing() throws {
        // If this failed, close() would try more often than the limit says.
        var driver = try PoolDriver { $0.maxReconnectAttempts = 0 }
        driver.queue(1)
        driver.send(.closeRequested(deadline: .never))
        driver.send(.connectFailed(driver.machine.id(0), refused))
        #expect(driver.failures == [.gaveUp])
        #expect(driver.finishedCount == 1)
        #expect(driver.timers.isEmpty)
    }

    @Test("The deadline fails the rest, cuts the connections, and waits for their ends")
    func deadlinePasses() throws {
        // If this failed, close() could hang, or free memory that the kernel still uses.
        var driver = try PoolDriver()
        let ids = driver.openTwo()
        driver.backlog = 4
        driver.send(.closeRequested(deadline: driver.now.advanced(byNanoseconds: second)))
        driver.fire(driver.drainIndex)
        #expect(driver.failures == [.closed])
        #expect(driver.closes == [ids[0]: .abort, ids[1]: .abort])
        driver.backlog = 3
        driver.send(.disconnected(ids[0], reset, hadProgress: true))
        #expect(driver.actions == [.failAllPending(.closed)])
        driver.send(.disconnected(ids[1], reset, hadProgress: false))
        #expect(driver.actions == [.finished])
        driver.send(.shutdownRequested)
        #expect(driver.actions.isEmpty)
    }

    @Test("A deadline that has passed stops at once; a later second one is ignored")
    func deadlines() throws {
        // If this failed, an expired deadline would wait, or a second close() prolong the first.
        var driver = try PoolDriver()
        let id = driver.openFirst()
        var other = driver
        driver.send(.closeRequested(deadline: driver.now))
        #expect(driver.failures == [.closed])
        #expect(driver.closes == [id: .abort])

        let early = other.now.advanced(byNanoseconds: second)
        other.send(.closeRequested(deadline: early))
        other.send(.closeRequested(deadline: early.advanced(byNanoseconds: 1)))
        #expect(other.timers[other.drainIndex]?.at == early)
        other.send(.closeRequested(deadline: MonotonicInstant(nanoseconds: early.nanoseconds - 1)))
        #expect(other.timers[other.drainIndex]?.at.nanoseconds == early.nanoseconds - 1)
    }

    @Test("shutdownNow behind a close stops its deadline")
    func shutdownBehindClose() throws {
        // If this failed, the deadline would stop a client once more, and call what was cancelled
        // closed.
        var driver = try PoolDriver()
        let id = driver.openFirst()
        driver.send(.closeRequested(deadline: driver.now.advanced(byNanoseconds: second)))
        #expect(driver.timers[driver.drainIndex] != nil)
        driver.send(.shutdownRequested)
        #expect(driver.closes == [id: .abort])
        #expect(driver.timers.isEmpty)
    }

    @Test("shutdownNow cuts everything, from every state")
    func shutdown() throws {
        // If this failed, shutdownNow() would leave a connection, a timer or a message behind.
        var driver = try PoolDriver { $0.idleTimeoutNanoseconds = second }
        let ids = driver.openTwo()
        driver.backlog = 0
        driver.advance(second)
        driver.send(
            .timerFired(
                driver.timers[0]!.timer,
                activity: ConnectionActivity(lastTraffic: .init(nanoseconds: 0))))
        #expect(driver.closes == [ids[0]: .graceful])
        driver.queue(1000)
        let attempts = driver.connects
        #expect(attempts.count == 2)
        driver.send(.shutdownRequested)
        #expect(driver.failures == [.cancelled])
        #expect(driver.closes.count == 4)
        #expect(driver.closes.values.allSatisfy { $0 == .abort })
        #expect(driver.timers.isEmpty)
        #expect(driver.machine.sendError == .cancelled)
        for id in attempts { driver.send(.connectFailed(id, refused)) }
        for id in ids { driver.send(.disconnected(id, reset, hadProgress: false)) }
        #expect(driver.actions == [.finished])

        var waiting = try PoolDriver()
        waiting.queue(1)
        waiting.send(.connectFailed(waiting.connects[0], refused))
        waiting.send(.shutdownRequested)
        #expect(waiting.actions.last == .finished)
        #expect(waiting.timers.isEmpty)
    }
}

extension PoolMachine {
    func id(_ slot: Int) -> ConnectionID {
        ConnectionID(slot: slot, epoch: slots[slot].epoch)
    }
}
