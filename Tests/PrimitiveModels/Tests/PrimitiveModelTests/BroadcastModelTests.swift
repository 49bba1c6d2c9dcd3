// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of BroadcastRing")
struct BroadcastModelTests {
    @Test(
        "all see the same, or are told how many they missed",
        arguments: [
            ([2], [2], 1), ([2], [2], 2), ([3], [2], 2), ([1, 1], [1], 1), ([2, 1], [], 1),
            ([2], [1, 1], 1),
        ] as [([Int], [Int], Int)])
    func traffic(publishes: [Int], receives: [Int], capacity: Int) {
        // Wrong: an element is torn, lost without a word, doubled, or seen in two orders.
        let result = exhaust(
            publishes, receives, capacity,
            program: BroadcastPrograms.traffic(publishes, receives, capacity: capacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "the same where elements are overwritten from the start",
        arguments: [
            ([1], [2], 1), ([2], [2], 1), ([2], [2], 2), ([1, 1], [1], 1), ([1], [1, 1], 1),
        ])
    func overwriting(publishes: [Int], receives: [Int], capacity: Int) {
        // Wrong: a copy meets the element that takes its place.
        let program = BroadcastPrograms.traffic(
            publishes, receives, capacity: capacity, filled: capacity)
        let result = exhaust(publishes, receives, capacity, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "larger traffic",
        arguments: [
            ([2, 1], [2], 1), ([2, 2], [2, 2], 2), ([3], [2, 2], 1), ([1, 1, 1], [2], 2),
        ])
    func largerTraffic(publishes: [Int], receives: [Int], capacity: Int) {
        // Wrong: as above, with more in each other's way.
        let program = BroadcastPrograms.traffic(
            publishes, receives, capacity: capacity, filled: 1)
        let result = exhaustIfLong(publishes, receives, capacity, program: program)
        #expect(result.holds, "\(result)")
    }

    @Test("tickets that wrap round", arguments: [.max, .max / 2, .max / 2 - 1] as [UInt64])
    func wrap(firstPosition: UInt64) {
        // Wrong: laps are compared as numbers, and not by how far they are apart.
        let program = BroadcastPrograms.traffic(
            [2], [2], capacity: 2, filled: 1, firstPosition: firstPosition)
        let result = exhaust(firstPosition, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("publishers refuse nobody", arguments: [([1, 1], 2), ([2, 1], 4), ([2, 2], 4)])
    func undisturbed(publishes: [Int], capacity: Int) {
        // Wrong: a publication fails although nobody is inside its slot.
        let program = BroadcastPrograms.undisturbed(publishes, capacity: capacity)
        let result = exhaust(publishes, capacity, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "a closed ring accepts nothing, and gives what it had accepted",
        arguments: [([1], 1, 1), ([2], 1, 0), ([1], 2, 2)])
    func closing(publishes: [Int], capacity: Int, filled: Int) {
        // Wrong: a publication slips in behind the end, or a refused one costs an element.
        let program = BroadcastPrograms.closing(publishes, capacity: capacity, filled: filled)
        let result = exhaust(publishes, capacity, filled, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a close beside two publishers", arguments: [true, false])
    func closingBesideTwo(receivesBeside: Bool) {
        // Wrong: as above, where two take their claims back.
        let program = BroadcastPrograms.closing(
            [1, 1], capacity: 1, filled: 1, receivesBeside: receivesBeside)
        let result = exhaustIfLong(receivesBeside, program: program)
        #expect(result.holds, "\(result)")
    }

    @Test("a claim that will be taken back is in nobody's way")
    func atOnce() {
        // Wrong: a subscriber waits for a publisher that the close has refused.
        let options = ModelOptions { $0.soloStepMax = 30 }
        let program = BroadcastPrograms.atOnce(1)
        let result = exhaust(options: options, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
        let larger = sample(options: options, program: BroadcastPrograms.atOnce(2))
        #expect(larger.holds, "\(larger)")
    }

    @Test("a close is seen with what came before it")
    func closedFlag() {
        // Wrong: who ends on the flag reads what the closer has not written yet.
        let result = exhaust(program: BroadcastPrograms.closedFlag())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a subscription parts what was from what comes")
    func subscribing() {
        // Wrong: old news are seen, or new ones are not.
        let result = exhaust(program: BroadcastPrograms.subscribing())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what was published before the call is found")
    func found() {
        // Wrong: a nil may hide what is there.
        let result = exhaust(program: BroadcastPrograms.found())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("elements live once", arguments: [([2], 2, 1), ([1, 1], 1, 1), ([3], 1, 2)])
    func lifetimes(publishes: [Int], receives: Int, capacity: Int) {
        // Wrong: an element is destroyed under a copy, twice, or never.
        let program = BroadcastPrograms.lifetimes(
            publishes, receives: receives, capacity: capacity)
        let result = exhaust(publishes, receives, capacity, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("every operation ends alone, whoever stalls", arguments: [1, 2])
    func soloProgress(capacity: Int) {
        // Wrong: an operation waits for somebody: the ring is not lock-free.
        let options = ModelOptions { $0.soloStepMax = 30 }
        for program in [
            BroadcastPrograms.traffic([2, 2], [2, 2], capacity: capacity, filled: 1),
            BroadcastPrograms.closing(
                [2, 2], capacity: capacity, filled: capacity, receivesBeside: false),
        ] {
            let result = explore(
                .random(seed: 1, iterations: 20_000), options: options, program: program)
            #expect(result.holds, "\(result)")
        }
    }

    @Test("every ordering is needed")
    func orderings() {
        // Wrong: an ordering can be weakened and nobody notices.
        let names = unneededOrderings(
            of: [
                BroadcastPrograms.traffic([2], [2], capacity: 1),
                BroadcastPrograms.traffic([1], [1, 1], capacity: 1, filled: 1),
                BroadcastPrograms.traffic([1, 1], [], capacity: 1, filled: 1),
                BroadcastPrograms.closing([1], capacity: 1, filled: 1),
                BroadcastPrograms.closedFlag(),
            ], in: "ConcurrentQueues")
        #expect(names == [])
    }
}
