// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Models of WorkStealingDeque")
struct DequeModelTests {
    /// What the owner does, and how often each thief steals.
    private static let sizes: [([OwnerAct], [Int])] = [
        ([.push, .pop], [1]), ([.push, .pop], [1, 1]), ([.push, .push, .pop], [2]),
        ([.push, .push, .pop, .pop], [1, 1]), ([.push, .pop, .push, .pop], [2]),
        ([.push, .push, .pop, .push], [2]), ([.push, .push, .pop, .push, .pop], [1, 1]),
    ]

    @Test("each element is taken once, in the order of a deque", arguments: sizes)
    func handover(acts: [OwnerAct], steals: [Int]) {
        // Wrong: the owner and a thief take one element, or one is lost, or taken out of order.
        let result = exhaust(acts, steals, program: DequePrograms.traffic(acts, steals: steals))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("with one place, where each pop races for the last element")
    func onePlace() {
        // Wrong: a slot of the lap before is taken for empty.
        for steals in [[1, 1], [2]] {
            let result = exhaust(
                steals,
                program: DequePrograms.traffic(
                    [.push, .pop, .push, .pop], steals: steals, capacity: 1))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test(
        "each element is taken once while the deque grows",
        arguments: [
            ([.push, .push], [1]), ([.push, .push], [2]), ([.push, .push], [1, 1]),
            ([.push, .push, .pop], [2]), ([.push, .push, .pop, .pop], [1]),
            ([.push, .push, .push, .pop], [1]), ([.push, .push, .pop, .pop, .push], [1]),
        ] as [([OwnerAct], [Int])])
    func growth(acts: [OwnerAct], steals: [Int]) {
        // Wrong: a thief looks for an element in an array that has no slot for it.
        let result = exhaust(acts, steals, program: DequePrograms.growth(acts, steals: steals))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what was pushed lives once", arguments: [1, 2])
    func lifetimes(capacity: Int) {
        // Wrong: an element is copied, overwritten, or left behind in the deque's memory.
        let result = exhaust(
            capacity,
            program: DequePrograms.lifetimes(
                [.push, .push, .pop, .push], steals: [1, 1], capacity: capacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("every operation ends alone, whoever stalls")
    func soloProgress() {
        // Wrong: a push, pop or steal waits for somebody.
        let options = ModelOptions { $0.soloStepMax = 20 }
        let result = explore(
            .random(seed: 1, iterations: 20_000), options: options,
            program: DequePrograms.traffic([.push, .push, .pop, .push, .pop], steals: [2, 2]))
        #expect(result.holds, "\(result)")
    }

    @Test("the paper's fences do what our orderings do", arguments: sizes.prefix(5))
    func paper(acts: [OwnerAct], steals: [Int]) {
        // Wrong: the checker's fences and its sequentially consistent accesses disagree.
        let result = exhaust(
            acts, steals,
            program: DequePrograms.traffic(acts, steals: steals) { PaperDeque(capacity: $0) })
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("no ordering can be weakened unnoticed")
    func orderings() {
        // Wrong: an ordering is stronger than it must be, or the programs do not show why.
        let names = unneededOrderings(of: [
            DequePrograms.traffic([.push, .push, .pop], steals: [2]),
            DequePrograms.traffic([.push, .pop], steals: [1, 1]),
            DequePrograms.traffic([.push, .push], steals: [1], capacity: 1),
            DequePrograms.lifetimes([.push, .push, .pop, .push], steals: [1]),
            DequePrograms.traffic([.push, .push, .pop, .push], steals: [2]),
            DequePrograms.growth([.push, .push], steals: [2]),
        ])
        #expect(names == [])
    }
}
