// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of StealingRing")
struct StealingRingModelTests {
    @Test(
        "each element is taken once, oldest first",
        arguments: [
            ([.push, .pop], [1]), ([.push, .push], [1, 1]), ([.push, .push, .pop], [2]),
            ([.push, .push, .pop, .push], [1]), ([.push, .pop, .push, .pop], [2]),
            ([.push, .push, .push, .pop], [1, 1]),
        ] as [([RingAct], [Int])])
    func handover(acts: [RingAct], steals: [Int]) {
        // Wrong: the owner and a thief take one element, or one is lost, or taken out of order.
        let result = exhaust(
            acts, steals, program: StealingRingPrograms.traffic(acts, steals: steals))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a run of several is stolen while the owner pops and pushes", arguments: [[1], [2]])
    func runs(steals: [Int]) {
        // Wrong: a slot that a thief is emptying is filled, or popped.
        let acts: [RingAct] = [.push, .push, .push, .push, .pop, .push, .push]
        let result = exhaust(
            steals, program: StealingRingPrograms.traffic(acts, steals: steals, capacity: 4))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("with one place", arguments: [[1, 1], [2]])
    func onePlace(steals: [Int]) {
        // Wrong: a slot of the lap before is taken for empty.
        let result = exhaust(
            steals,
            program: StealingRingPrograms.traffic(
                [.push, .push, .pop, .push], steals: steals, capacity: 1))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a drain takes what no thief has")
    func draining() {
        // Wrong: the owner's run and a thief's overlap.
        let result = exhaust(
            program: StealingRingPrograms.traffic(
                [.push, .push, .push, .drain, .push], steals: [1, 1], isRecorded: false))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what was pushed lives once, also when it is stolen twice")
    func lifetimes() {
        // Wrong: an element is copied, overwritten, or left behind in a ring's memory.
        for acts in [[.push, .push, .push], [.push, .push, .drain]] as [[RingAct]] {
            let result = exhaust(
                acts, program: StealingRingPrograms.lifetimes(acts, capacity: 4))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("every operation ends alone, whoever stalls")
    func soloProgress() {
        // Wrong: a push, pop or steal waits for somebody.
        let options = ModelOptions { $0.soloStepMax = 25 }
        let result = explore(
            .random(seed: 1, iterations: 20_000), options: options,
            program: StealingRingPrograms.traffic(
                [.push, .push, .pop, .push, .pop, .push], steals: [2, 2], capacity: 4))
        #expect(result.holds, "\(result)")
    }

    @Test("no ordering can be weakened unnoticed")
    func orderings() {
        // Wrong: an ordering is stronger than it must be, or the programs do not show why.
        let names = unneededOrderings(of: [
            StealingRingPrograms.traffic([.push, .push, .pop], steals: [2]),
            StealingRingPrograms.traffic([.push, .push, .pop, .push], steals: [1]),
            StealingRingPrograms.traffic([.push, .push], steals: [1, 1], capacity: 1),
            StealingRingPrograms.lifetimes([.push, .push, .push], capacity: 4),
        ])
        #expect(names == [])
    }
}
