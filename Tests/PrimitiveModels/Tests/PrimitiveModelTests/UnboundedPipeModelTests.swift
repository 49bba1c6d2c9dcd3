// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of UnboundedSPSCQueue")
struct UnboundedPipeModelTests {
    @Test(
        "nothing is lost, doubled or handed over without an edge",
        arguments: [(1, 1), (3, 3), (5, 4), (4, 5)], [1, 2])
    func handover(turns: (pushes: Int, pops: Int), segmentCapacity: Int) {
        // Wrong: a segment is used again before it was left, or read before it is linked.
        for trims in [false, true] {
            let result = exhaust(
                turns, segmentCapacity, trims,
                program: UnboundedPipePrograms.traffic(
                    turns.pushes, turns.pops, segmentCapacity: segmentCapacity, trims: trims))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("at its limit of segments it refuses, and loses nothing", arguments: [2, 3])
    func limit(segmentCountMax: Int) {
        // Wrong: an element is accepted and not kept, or a segment overwritten.
        let result = exhaust(
            segmentCountMax,
            program: UnboundedPipePrograms.traffic(
                5, 4, segmentCapacity: 1, segmentCountMax: segmentCountMax))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("it is linearizable", arguments: [1, 2])
    func linearizability(segmentCapacity: Int) {
        // Wrong: the order is another one, or a nil overlooks what happened before.
        let result = exhaust(
            segmentCapacity,
            program: UnboundedPipePrograms.traffic(
                4, 4, segmentCapacity: segmentCapacity, isChecked: true))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("every operation ends alone, whoever stalls")
    func soloProgress() {
        // Wrong: a side waits for the other. No operation has more than so many steps.
        let options = ModelOptions { $0.soloStepMax = 16 }
        let result = explore(
            .random(seed: 1, iterations: 20_000), options: options,
            program: UnboundedPipePrograms.traffic(5, 5, segmentCapacity: 1, isChecked: true))
        #expect(result.holds, "\(result)")
    }

    @Test("a batch is published whole, and what was pushed lives once", arguments: [1, 2])
    func batches(segmentCapacity: Int) {
        // Wrong: a batch overwrites, is seen too early, or leaves an element behind.
        let result = exhaust(
            segmentCapacity,
            program: UnboundedPipePrograms.batches(
                [2, 1, 2], [1, 2, 2], segmentCapacity: segmentCapacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a drained queue gives nothing any more, and everything was taken", arguments: [1, 2])
    func closing(segmentCapacity: Int) {
        // Wrong: a consumer that ends on `isDrained` leaves an element, or waits for ever.
        let result = exhaust(
            segmentCapacity,
            program: UnboundedPipePrograms.closing(2, segmentCapacity: segmentCapacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("whoever is refused knows that the consumer has gone, and nothing leaks")
    func abandoning() {
        // Wrong: an element that nobody will take is kept for ever, or lost on the way back.
        let result = exhaust(program: UnboundedPipePrograms.abandoning(3))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
