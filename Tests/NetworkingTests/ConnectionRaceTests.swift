// SPDX-License-Identifier: MIT

import AtomicSupport
import Testing

@testable import Networking

@Suite("Which address is tried when")
struct ConnectionRaceTests {
    private func at(_ milliseconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000)
    }

    private func race(
        _ count: Int, delay milliseconds: UInt64 = 250, until deadline: MonotonicInstant = .never
    ) -> ConnectionRace {
        ConnectionRace(
            attemptCount: count, delayNanoseconds: milliseconds * 1_000_000, deadline: deadline)
    }

    @Test("Kinds take turns, the first one first, in the order given")
    func interleaving() {
        // If this failed, a host without IPv6 would wait for all IPv6 addresses before the first
        // IPv4 one (RFC 8305, section 4).
        #expect(ConnectionRace.interleaved(kinds: [6, 6, 6, 4, 4]) == [0, 3, 1, 4, 2])
        #expect(ConnectionRace.interleaved(kinds: [4, 6, 6, 4]) == [0, 1, 3, 2])
        #expect(ConnectionRace.interleaved(kinds: [4, 4, 4]) == [0, 1, 2])
        #expect(ConnectionRace.interleaved(kinds: [6, 4, 1, 6, 1]) == [0, 1, 2, 3, 4])
        #expect(ConnectionRace.interleaved(kinds: [6, 6, 4, 1]) == [0, 2, 3, 1])
        #expect(ConnectionRace.interleaved(kinds: [Int]()) == [])
    }

    @Test("One attempt after another, a delay apart")
    func attemptsAreApart() {
        // If this failed, all addresses would be asked at once, or the second one never.
        var race = race(3)
        #expect(race.step(at: at(0)) == .start(0))
        #expect(race.step(at: at(0)) == .wait(until: at(250)))
        #expect(race.step(at: at(249)) == .wait(until: at(250)))
        #expect(race.step(at: at(260)) == .start(1))
        #expect(race.step(at: at(260)) == .wait(until: at(510)))
        #expect(race.step(at: at(510)) == .start(2))
        #expect(race.step(at: at(510)) == .wait(until: .never))
    }

    @Test("After a failure the next attempt starts at once, and only that one")
    func failureIsNotWaitedFor() {
        // If this failed, a refused address would cost a quarter of a second, or start all others.
        var race = race(4)
        #expect(race.step(at: at(0)) == .start(0))
        race.noteFailure()
        #expect(race.step(at: at(1)) == .start(1))
        #expect(race.step(at: at(1)) == .wait(until: at(251)))
        #expect(race.step(at: at(251)) == .start(2))
        race.noteFailure()
        #expect(race.step(at: at(252)) == .start(3))
        #expect(race.step(at: at(252)) == .wait(until: .never))
    }

    @Test("A delay below 10 ms is 10 ms")
    func delayHasAFloor() {
        // If this failed, a bad number would send all attempts at once (RFC 8305, section 5).
        var race = race(2, delay: 0)
        #expect(race.step(at: at(0)) == .start(0))
        #expect(race.step(at: at(0)) == .wait(until: at(10)))
    }

    @Test("The race is lost when the last attempt under way has failed, not before")
    func allFail() {
        // If this failed, a slow address would be given up because a later one was refused.
        var race = race(2)
        #expect(race.step(at: at(0)) == .start(0))
        #expect(race.step(at: at(250)) == .start(1))
        race.noteFailure()
        #expect(race.step(at: at(251)) == .wait(until: .never))
        race.noteFailure()
        #expect(race.step(at: at(300)) == .finish(.allFailed))
        var empty = self.race(0)
        #expect(empty.step(at: at(0)) == .finish(.allFailed))
    }

    @Test("The first success wins, whatever comes later")
    func firstSuccessWins() {
        // If this failed, a connection would be dropped, or two be handed out.
        var race = race(3)
        #expect(race.step(at: at(0)) == .start(0))
        #expect(race.step(at: at(250)) == .start(1))
        race.noteSuccess(of: 1)
        race.noteFailure()
        race.noteCancellation()
        #expect(race.step(at: at(10_000)) == .finish(.won(1)))
    }

    @Test("The deadline is for all attempts, and no wait goes beyond it")
    func deadline() {
        // If this failed, a caller would wait for as many deadlines as there are addresses.
        var race = race(3, until: at(300))
        #expect(race.step(at: at(0)) == .start(0))
        #expect(race.step(at: at(250)) == .start(1))
        #expect(race.step(at: at(250)) == .wait(until: at(300)))
        #expect(race.step(at: at(300)) == .finish(.deadlineReached))
        race.noteFailure()
        #expect(race.step(at: at(301)) == .finish(.deadlineReached))
        var late = self.race(1, until: at(0))
        #expect(late.step(at: at(0)) == .finish(.deadlineReached))
    }

    @Test("A race that is over stays what it was, also behind its deadline")
    func endingStays() {
        // If this failed, a connection that was made in time would be dropped as late, and who
        // cancelled be told of a deadline.
        var won = race(2, until: at(300))
        #expect(won.step(at: at(0)) == .start(0))
        won.noteSuccess(of: 0)
        #expect(won.step(at: at(400)) == .finish(.won(0)))
        var cancelled = race(2, until: at(300))
        #expect(cancelled.step(at: at(0)) == .start(0))
        cancelled.noteCancellation()
        #expect(cancelled.step(at: at(400)) == .finish(.cancelled))
    }

    @Test("A cancelled race starts nothing more")
    func cancellation() {
        // If this failed, a cancelled task would go on asking addresses.
        var race = race(3)
        #expect(race.step(at: at(0)) == .start(0))
        race.noteCancellation()
        #expect(race.step(at: at(250)) == .finish(.cancelled))
    }
}
