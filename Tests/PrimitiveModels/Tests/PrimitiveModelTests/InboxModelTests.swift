// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of MPSCInbox")
struct InboxModelTests {
    /// Producers that push so many elements each, and a consumer that drains so often.
    private func inbox(_ pushes: [Int], drains: Int, capacity: Int) -> (Model) -> Void {
        { model in
            let inbox = MPSCInbox<Int>(capacity: capacity)
            let accepted = Tally()
            let taken = Tally()
            for (number, count) in pushes.enumerated() {
                model.thread("producer \(number)") {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        let outcome = model.operation { inbox.tryPush(value) }
                        if outcome.isPushed { accepted.add(value) }
                    }
                }
            }
            model.thread("consumer") {
                for _ in 0..<drains {
                    _ = model.operation { inbox.drain { taken.add($0) } }
                }
            }
            model.finally {
                inbox.drain { taken.add($0) }
                model.check(taken.values.sorted() == accepted.values.sorted(), "lost")
                for number in pushes.indices {
                    let own = taken.values.filter { $0 / 10 == number }
                    model.check(own == own.sorted(), "a producer's elements out of order")
                }
                // Every node is free again.
                for value in 0..<capacity {
                    let outcome = inbox.tryPush(value)
                    model.check(outcome.isPushed, "a node is missing")
                }
                let outcome = inbox.tryPush(7)
                model.check(!outcome.isPushed, "a node too many")
            }
        }
    }

    @Test(
        "nothing is lost, doubled or reordered",
        arguments: [([1], 1), ([2], 2), ([1, 1], 1), ([1, 1], 2), ([2, 1], 1)])
    func handover(pushes: [Int], drains: Int) {
        // Wrong: the inbox loses an element, or hands one over without an edge.
        let result = explore(program: inbox(pushes, drains: drains, capacity: 2))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("both operations end alone, whoever stalls: they are lock-free")
    func soloProgress() {
        // Wrong: a stalled producer hides what others pushed, or stops the consumer.
        let options = ModelOptions { $0.soloStepMax = 40 }
        let result = explore(
            .random(seed: 1, iterations: 10_000), options: options,
            program: inbox([2, 1], drains: 2, capacity: 2))
        #expect(result.holds, "\(result)")
    }

    @Test("whoever pushes into an empty inbox is told to wake the consumer")
    func wakeUps() {
        // Wrong: the consumer sleeps although something is in the inbox.
        let result = explore { model in
            let inbox = MPSCInbox<Int>(capacity: 2)
            let wakes = Atomic(0)
            let count = Tally()
            for number in 0..<2 {
                model.thread("producer \(number)") {
                    let outcome = inbox.tryPush(number)
                    if outcome.needsWake { wakes.wrappingAdd(1, ordering: .releasing) }
                }
            }
            model.thread("consumer") {
                var seen = 0
                while count.values.count < 2 {
                    // Sleeps until one more wake, then drains once.
                    while wakes.load(ordering: .acquiring) == seen { model.yield() }
                    seen += 1
                    inbox.drain { count.add($0) }
                }
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
