// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of EventCount and InternalLock")
struct WaitModelTests {
    @Test("no wake-up is lost", arguments: [1, 2], [false, true])
    func noLostWakeUp(steps: Int, isOrdered: Bool) {
        // Wrong: a waiter sleeps for ever although its condition is true.
        let program = EventCountPrograms.flag(waiters: 1, isOrdered: isOrdered, steps: steps)
        let result = exhaust(steps, isOrdered, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("no wake-up of three is lost", arguments: [false, true])
    func noLostWakeUpOfThree(isOrdered: Bool) {
        // Wrong: as above, with two threads and three operations each.
        let program = EventCountPrograms.flag(waiters: 1, isOrdered: isOrdered, steps: 3)
        let result = exhaustAroundLock(isOrdered, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("no wake-up of two waiters is lost", arguments: [false, true])
    func noLostWakeUpOfTwo(isOrdered: Bool) {
        // Wrong: as above, with two members in the list.
        let program = EventCountPrograms.flag(waiters: 2, isOrdered: isOrdered)
        let result = exhaustAroundLock(isOrdered, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a notify that is left out is found")
    func lostWakeUp() {
        // Wrong: the model of the event count cannot fail.
        let result = explore(
            program: EventCountPrograms.flag(waiters: 1, isOrdered: false, notifies: false))
        #expect(result.failure?.kind == .deadlock)
    }

    @Test(
        "a notify for one reaches one who can use it",
        arguments: [([1], [1]), ([2], [2])], [false, true])
    func tokens(sizes: ([Int], [Int]), isOrdered: Bool) {
        // Wrong: a notify is spent on somebody who does not need it, and another one sleeps on.
        let (gives, takes) = sizes
        let program = EventCountPrograms.tokens(gives, takes, isOrdered: isOrdered)
        let result = exhaust(gives, takes, isOrdered, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "a notify for one reaches one of two",
        arguments: [([1, 1], [2]), ([2], [1, 1]), ([1, 1], [1, 1])], [false, true])
    func tokensOfTwo(sizes: ([Int], [Int]), isOrdered: Bool) {
        // Wrong: as above, with two sleepers.
        let (gives, takes) = sizes
        let program = EventCountPrograms.tokens(gives, takes, isOrdered: isOrdered)
        // With two takers: half a million to twenty million executions.
        let isLarge = takes.count > 1
        // Two of each, in order, have more than eight million.
        let ends = !isOrdered || gives.count == 1
        let result = exhaustAroundLock(
            gives, takes, isOrdered, isLarge: isLarge, ends: ends, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive || isLarge && !(ends && ModelRun.isLong))
    }

    @Test("who is notified has seen what came before the notify")
    func edge() {
        // Wrong: the documentation promises an edge that is not there.
        let result = exhaust(program: EventCountPrograms.edge(waiters: 1))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a deadline and a notify meet")
    func deadline() {
        // Wrong: a waiter that has given up stays counted, or a notify is lost with it.
        let result = exhaust(program: EventCountPrograms.deadline())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a withdrawal and a notify meet")
    func withdrawal() {
        // Wrong: a raw waiter is woken and withdrawn, or neither, or stays counted.
        let result = exhaust(program: EventCountPrograms.withdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "the lock excludes, and nobody sleeps for ever",
        arguments: [[1, 1], [2, 1], [2, 2], [3, 2], [1, 1, 1]])
    func lock(turns: [Int]) {
        // Wrong: two threads are inside, or one sleeps although the lock is free.
        let result = exhaust(turns, program: LockPrograms.mutex(turns))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("the lock, with more turns", arguments: [[3, 3], [2, 1, 1], [1, 1, 1, 1]])
    func lockOfMany(turns: [Int]) {
        // Wrong: as above.
        let result = exhaustIfLong(turns, program: LockPrograms.mutex(turns))
        #expect(result.holds, "\(result)")
    }
}
