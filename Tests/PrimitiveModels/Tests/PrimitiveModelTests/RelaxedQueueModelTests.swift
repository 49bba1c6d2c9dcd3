// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of RelaxedMPMCQueue")
struct RelaxedQueueModelTests {
    @Test(
        "nothing is lost or doubled, and each handle's order is kept",
        arguments: [([1], [1]), ([2], [2]), ([1, 1], [1]), ([2, 1], [2]), ([1, 1], [1, 1])])
    func handover(pushes: [Int], pops: [Int]) {
        // Wrong: a lane is passed over for good, or a handle's elements overtake each other.
        let result = exhaust(pushes, pops, program: RelaxedQueuePrograms.traffic(pushes, pops))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("three handles on two lanes")
    func sharedLane() {
        // Wrong: two handles of one lane disturb each other's order.
        let result = exhaustIfLong(program: RelaxedQueuePrograms.traffic([2, 1, 2], [3]))
        #expect(result.holds, "\(result)")
    }

    @Test("what was there before the call is found, whoever pushes", arguments: [1, 2])
    func found(pushes: Int) {
        // Wrong: the promise about nil is not kept.
        let result = exhaust(pushes, program: RelaxedQueuePrograms.found(pushes: pushes))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a visitor who loses an element to somebody finds the next one")
    func visit() {
        // Wrong: who leaves a lane to another says that there is nothing, though there is.
        let result = exhaust(program: RelaxedQueuePrograms.visit())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a closed queue accepts nothing in any lane, and keeps what it had accepted")
    func closing() {
        // Wrong: one lane is open behind the close, or an accepted element is lost.
        let result = exhaust(program: RelaxedQueuePrograms.closing())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a drained queue gives nothing any more, and everything was taken")
    func ending() {
        // Wrong: a consumer that ends on `isDrained` leaves an element, or waits for ever.
        let result = exhaust(program: RelaxedQueuePrograms.ending())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
