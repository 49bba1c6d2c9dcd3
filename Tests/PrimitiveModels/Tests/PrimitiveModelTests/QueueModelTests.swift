// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of BoundedMPMCQueue")
struct QueueModelTests {
    @Test(
        "nothing is lost, doubled or handed over without an edge",
        arguments: [
            ([1], [1]), ([3], [3]), ([1, 1], [1]), ([1, 1], [1, 1]), ([2, 1], [2]),
            ([2, 2], [2]), ([2, 1], [2, 1]),
        ])
    func handover(pushes: [Int], pops: [Int]) {
        // Wrong: the ring loses or invents an element, or hands one over without an edge.
        let result = exhaust(pushes, pops, program: QueuePrograms.traffic(pushes, pops))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("two threads with three pushes, and with three pops", arguments: [[3, 3]])
    func oneSide(turns: [Int]) {
        // Wrong: two producers, or two consumers, claim one slot.
        for (pushes, pops) in [(turns, []), ([2], turns)] {
            let result = exhaust(pushes, pops, program: QueuePrograms.traffic(pushes, pops))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("what was pushed lives once", arguments: [([2, 1], [2]), ([3], [2])])
    func lifetimes(pushes: [Int], pops: [Int]) {
        // Wrong: an element is copied, overwritten, or left behind in the queue's memory.
        let result = exhaust(pushes, pops, program: QueuePrograms.lifetimes(pushes, pops))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("every operation ends alone, whoever stalls")
    func soloProgress() {
        // Wrong: a try waits for somebody.
        let options = ModelOptions { $0.soloStepMax = 20 }
        let specification = BoundedFIFO(capacity: 2, mayRefuseEarly: true)
        let result = explore(
            .random(seed: 1, iterations: 20_000), options: options,
            program: QueuePrograms.traffic([2, 1], [2, 1], specification))
        #expect(result.holds, "\(result)")
    }

    @Test("the queue keeps the weaker promise of its documentation, and not the stronger one")
    func linearizability() {
        // Wrong: the documentation promises more, or less, than is true.
        let weak = BoundedFIFO(capacity: 2, mayRefuseEarly: true)
        for (pushes, pops) in [([1, 1], [1, 1]), ([2, 1], [2])] {
            let result = exhaust(
                pushes, pops, program: QueuePrograms.traffic(pushes, pops, weak))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
        #expect(explore(program: QueuePrograms.pushThenPop([1, 1], weak)).holds)
        // One may find "empty" although its own push is done, while the other's, which came
        // first, is not.
        let strict = BoundedFIFO(capacity: 2, mayRefuseEarly: false)
        let result = explore(program: QueuePrograms.pushThenPop([1, 1], strict))
        #expect(result.failure?.kind == .notLinearizable)
    }

    @Test("a closed queue accepts nothing, and what it had accepted can be taken")
    func closing() {
        // Wrong: a push that was accepted is lost, or one behind the close is taken.
        let result = exhaust(program: QueuePrograms.closing())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a drained queue gives nothing any more, and everything was taken")
    func ending() {
        // Wrong: a consumer that ends on `isDrained` leaves an element, or waits for ever.
        let result = exhaust(program: QueuePrograms.ending())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("no consumer is refused for another's sake", arguments: [false, true])
    func stocked(byDrain: Bool) {
        // Wrong: a pop that meets another one answers nil although the queue is not empty.
        let result = exhaust(byDrain, program: QueuePrograms.stocked(byDrain: byDrain))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a batch is taken in order", arguments: [([1, 1], [1, 1]), ([3], [2]), ([2, 1], [2])])
    func draining(pushes: [Int], drains: [Int]) {
        // Wrong: the claim of a run takes a slot that is not full, or another consumer's.
        let result = exhaust(pushes, drains, program: QueuePrograms.draining(pushes, drains))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "a batch is put side by side",
        arguments: [
            ([1], 1, 0, false), ([2], 2, 0, false), ([1, 1], 1, 0, false), ([1, 1], 0, 1, false),
            ([2], 0, 1, false), ([1], 1, 0, true), ([2], 0, 1, true),
        ])
    func filling(sizes: ([Int], Int, Int, Bool)) {
        // Wrong: the claim of a run takes a slot that is not free, another producer's, or one
        // behind the close; or an element is published before it is there.
        let (fills, pops, drains, closes) = sizes
        let result = exhaust(
            fills, pops, drains, closes,
            program: QueuePrograms.filling(fills, pops: pops, drains: drains, closes: closes))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
