// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of LockFreeMPMCQueue")
struct LockFreeQueueModelTests {
    @Test(
        "nothing is lost, doubled or handed over without an edge",
        arguments: [([1], [1]), ([2], [1]), ([2], [2]), ([1, 1], [])], [1, 2])
    func handover(turns: (pushes: [Int], pops: [Int]), capacity: Int) {
        // Wrong: the queue loses or invents an element, or hands one over without an edge.
        let result = exhaust(
            turns, capacity,
            program: LockFreeQueuePrograms.traffic(turns.pushes, turns.pops, capacity: capacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "larger traffic", arguments: [([1, 1], [1]), ([2, 1], [2]), ([2, 1], [2, 1])], [1, 2])
    func largerTraffic(turns: (pushes: [Int], pops: [Int]), capacity: Int) {
        // Wrong: as above, with more in each other's way.
        let result = exhaustIfLong(
            turns, capacity,
            program: LockFreeQueuePrograms.traffic(turns.pushes, turns.pops, capacity: capacity))
        #expect(result.holds, "\(result)")
    }

    @Test("pops that find nothing do not hide what comes", arguments: [([4], 1), ([3, 2], 1)])
    func emptyPops(pops: [Int], pushes: Int) {
        // Wrong: the threshold is used up while an element is there, which is lost so.
        let result = exhaustIfLong(
            pops, pushes, program: LockFreeQueuePrograms.emptyPops(pops, pushes: pushes))
        #expect(result.holds, "\(result)")
    }

    @Test("an index is not put where a pop has gone past")
    func passed() {
        // Wrong: it is lost until the tickets come round.
        let result = exhaust(program: IndexRingPrograms.passed())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a push does not miss that the threshold is used up", arguments: [[4], [3, 1]])
    func usedUp(pops: [Int]) {
        // Wrong: its index lies in a ring that says "empty".
        let result = exhaustIfLong(pops, program: IndexRingPrograms.usedUp(pops))
        #expect(result.holds, "\(result)")
    }

    @Test("what was pushed lives once", arguments: [true, false])
    func lifetimes(closes: Bool) {
        // Wrong: an element is copied, overwritten, or left behind in the queue's memory.
        let result = exhaustIfLong(
            closes, program: LockFreeQueuePrograms.lifetimes([2, 1], [1], closes: closes))
        #expect(result.holds, "\(result)")
    }

    @Test("the queue keeps the promise of its documentation", arguments: [1, 2])
    func linearizability(capacity: Int) {
        // Wrong: "empty" is answered although something is there, or the order is another one.
        for (pushes, pops) in [([2], [2]), ([1, 1], [1]), ([2, 1], [2, 1])] {
            let result = exhaustIfLong(
                pushes, pops, capacity,
                program: LockFreeQueuePrograms.traffic(
                    pushes, pops, capacity: capacity, isChecked: true))
            #expect(result.holds, "\(result)")
        }
    }

    @Test("every operation ends alone, whoever stalls", arguments: [1, 2])
    func soloProgress(capacity: Int) {
        // Wrong: an operation waits for somebody: the queue is not lock-free.
        let options = ModelOptions { $0.soloStepMax = 60 }
        for (pushes, pops) in [([2, 1], [2, 1]), ([1, 1, 1], [2])] {
            let result = explore(
                .random(seed: 1, iterations: 20_000), options: options,
                program: LockFreeQueuePrograms.traffic(
                    pushes, pops, capacity: capacity, isChecked: true))
            #expect(result.holds, "\(result)")
        }
    }

    @Test("a stalled peer keeps nobody from going on, as it does with BoundedMPMCQueue")
    func stalledPeer() {
        // Wrong: the queue is only as lock-free as the other one, or this check sees nothing.
        let options = ModelOptions { $0.soloStepMax = 60 }
        for program in [TwoPlaces.pushAndTakeBack, TwoPlaces.takeAndPushBack] {
            let result = explore(
                .random(seed: 1, iterations: 20_000), options: options,
                program: program(TwoPlaces.lockFree))
            #expect(result.holds, "\(result)")
            let other = explore(
                .random(seed: 1, iterations: 20_000), options: options,
                program: program(TwoPlaces.bounded))
            #expect(other.failure?.kind == .noProgress, "\(other)")
        }
    }

    @Test("a closed queue accepts nothing, and what it had accepted can be taken")
    func closing() {
        // Wrong: a push that was accepted is lost, or one behind the close is taken.
        let result = exhaustIfLong(program: LockFreeQueuePrograms.closing(2))
        #expect(result.holds, "\(result)")
    }

    @Test(
        "a drained queue gives nothing any more, and everything was taken",
        arguments: [([1], 1), ([1, 1], 1), ([2], 2)])
    func ending(pushes: [Int], consumers: Int) {
        // Wrong: a consumer that ends on `isDrained` leaves an element, or waits for ever.
        let result = exhaustIfLong(
            pushes, consumers,
            program: LockFreeQueuePrograms.ending(
                pushes: pushes, consumers: consumers, turns: 3))
        #expect(result.holds, "\(result)")
    }
}
