// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of MPSCInbox")
struct InboxModelTests {
    @Test(
        "nothing is lost, doubled or reordered",
        arguments: [
            ([1], 1, 2), ([2], 2, 2), ([3], 3, 2), ([3], 3, 4), ([1, 1], 1, 2), ([1, 1], 2, 2),
            ([2, 1], 1, 2), ([2, 1], 1, 4),
        ])
    func handover(pushes: [Int], drains: Int, capacity: Int) {
        // Wrong: the inbox loses an element, or hands one over without an edge.
        let program = InboxPrograms.traffic(pushes, drains: drains, capacity: capacity)
        let result = exhaust(pushes, drains, capacity, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what was pushed lives once", arguments: [([2], 1), ([1, 1], 1)])
    func lifetimes(pushes: [Int], drains: Int) {
        // Wrong: an element is copied, overwritten, or left behind in the inbox's memory.
        let result = exhaust(
            pushes, drains, program: InboxPrograms.lifetimes(pushes, drains: drains))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "pushes and drains fit an order, and the first into an empty inbox knows it",
        arguments: [([2], 2, 2), ([1, 1], 1, 2), ([2, 1], 1, 4)])
    func linearizability(pushes: [Int], drains: Int, capacity: Int) {
        // Wrong: elements of two producers are out of order, or nobody was the first.
        let program = InboxPrograms.history(pushes, drains: drains, capacity: capacity)
        let result = exhaust(pushes, drains, capacity, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("both operations end alone, whoever stalls: they are lock-free")
    func soloProgress() {
        // Wrong: a stalled producer hides what others pushed, or stops the consumer.
        let options = ModelOptions { $0.soloStepMax = 40 }
        let result = explore(
            .random(seed: 1, iterations: 10_000), options: options,
            program: InboxPrograms.traffic([2, 1], drains: 2, capacity: 2))
        #expect(result.holds, "\(result)")
    }

    @Test(
        "whoever pushes into an empty inbox is told to wake the consumer",
        arguments: [[1, 1], [2], [3]])
    func wakeUps(pushes: [Int]) {
        // Wrong: the consumer sleeps although something is in the inbox.
        let result = exhaust(pushes, program: InboxPrograms.wakeUps(pushes))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "a closed inbox accepts nothing, and what it had accepted is drained",
        arguments: [[1], [2]])
    func closing(pushes: [Int]) {
        // Wrong: an element that was accepted is lost, or one behind the close is drained.
        let result = exhaust(pushes, program: InboxPrograms.closing(pushes))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
