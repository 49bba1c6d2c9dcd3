// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of BoundedSPSCQueue")
struct PipeModelTests {
    @Test(
        "nothing is lost, doubled or handed over without an edge",
        arguments: [(1, 1), (3, 3), (4, 3), (3, 4)], [1, 2])
    func handover(turns: (pushes: Int, pops: Int), capacity: Int) {
        // Wrong: a slot is used again before it is empty, or read before it is full.
        let result = exhaust(
            turns, capacity,
            program: PipePrograms.traffic(turns.pushes, turns.pops, capacity: capacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("the queue keeps the weaker promise of its documentation, and not the stronger one")
    func linearizability() {
        // Wrong: the documentation promises more, or less, than is true.
        for capacity in [1, 2] {
            let weak = BoundedFIFO(capacity: capacity, mayRefuseEarly: true)
            let result = exhaust(
                capacity, program: PipePrograms.traffic(3, 3, capacity: capacity, weak))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
        // With two places both sides may write, and miss what the other has written: empty to the
        // one, full to the other (store buffering).
        let strict = BoundedFIFO(capacity: 2, mayRefuseEarly: false)
        let result = explore(program: PipePrograms.traffic(3, 3, capacity: 2, strict))
        #expect(result.failure?.kind == .notLinearizable)
    }

    @Test("every operation ends alone, whoever stalls")
    func soloProgress() {
        // Wrong: a side waits for the other: the queue is not wait-free. No operation has more
        // than five steps.
        let options = ModelOptions { $0.soloStepMax = 5 }
        let result = exhaust(
            options: options,
            program: PipePrograms.traffic(
                3, 3, capacity: 2, BoundedFIFO(capacity: 2, mayRefuseEarly: true)))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a batch is published whole, and what was pushed lives once", arguments: [1, 2])
    func batches(capacity: Int) {
        // Wrong: a batch overwrites, is seen too early, or leaves an element behind.
        let result = exhaust(
            capacity, program: PipePrograms.batches([2, 1, 2], [1, 2, 2], capacity: capacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("nobody sees a part of a batch")
    func wholeBatches() {
        // Wrong: a batch is published, or given back, element by element.
        let result = exhaust(program: PipePrograms.wholeBatches(3, drains: 3))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a drained queue gives nothing any more, and everything was taken", arguments: [1, 2])
    func closing(capacity: Int) {
        // Wrong: a consumer that ends on `isDrained` leaves an element, or waits for ever.
        let result = exhaust(capacity, program: PipePrograms.closing(2, capacity: capacity))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("whoever is refused knows that the consumer has gone, and nothing leaks")
    func abandoning() {
        // Wrong: an element that nobody will take is kept for ever, or lost on the way back.
        let result = exhaust(program: PipePrograms.abandoning(2, readers: 1))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
