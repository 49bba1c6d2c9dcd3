// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking
import Testing

@Suite("Models of BoundedMPMCQueue")
struct QueueModelTests {
    /// Producers and consumers with so many operations each, on a queue of two places, and what
    /// must hold at the end: nothing lost or doubled, room for exactly two, in order.
    private func queue(
        _ pushes: [Int], _ pops: [Int], _ specification: BoundedFIFO? = nil
    ) -> (Model) -> Void {
        { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            let accepted = Tally()
            let taken = Tally()
            let history = specification.map { model.history(of: $0) }
            let push: (Int) -> Void = { value in
                let refused = history.map { $0.record(.push(value)) { queue.tryPush(value) } }
                let isRefused = (refused ?? queue.tryPush(value)) != nil
                if !isRefused { accepted.add(value) }
            }
            let pop: () -> Void = {
                let value = history.map { $0.record(.pop) { queue.tryPop() } }
                if let value = value ?? queue.tryPop() { taken.add(value) }
            }
            for (number, count) in pushes.enumerated() {
                model.thread("producer \(number)") {
                    for turn in 0..<count { push(10 * number + turn) }
                }
            }
            for (number, count) in pops.enumerated() {
                model.thread("consumer \(number)") {
                    for _ in 0..<count { pop() }
                }
            }
            model.finally {
                while let value = queue.tryPop() { taken.add(value) }
                model.check(taken.values.sorted() == accepted.values.sorted())
                checkQuiescent(model, queue)
            }
        }
    }

    /// An empty queue takes exactly as many elements as it has places, and gives them in order.
    private func checkQuiescent(_ model: Model, _ queue: borrowing BoundedMPMCQueue<Int>) {
        for value in 0..<2 {
            let refused = queue.tryPush(value)
            model.check(refused == nil, "an empty place refuses")
        }
        let refused = queue.tryPush(2)
        model.check(refused == 2, "there are more places than there should be")
        for value in 0..<2 {
            let taken = queue.tryPop()
            model.check(taken == value, "out of order")
        }
    }

    @Test(
        "nothing is lost, doubled or handed over without an edge",
        arguments: [
            ([1], [1]), ([3], [3]), ([1, 1], [1]), ([1, 1], [1, 1]), ([2, 1], [2]),
            ([2, 2], [2]), ([2, 1], [2, 1]),
        ])
    func handover(pushes: [Int], pops: [Int]) {
        // Wrong: the ring loses or invents an element, or hands one over without an edge.
        let result = explore(program: queue(pushes, pops))
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
            program: queue([2, 1], [2, 1], specification))
        #expect(result.holds, "\(result)")
    }

    @Test("the queue keeps the weaker promise of its documentation, and not the stronger one")
    func linearizability() {
        // Wrong: the documentation promises more, or less, than is true.
        let weak = BoundedFIFO(capacity: 2, mayRefuseEarly: true)
        for (pushes, pops) in [([1, 1], [1, 1]), ([2, 1], [2])] {
            let result = explore(program: queue(pushes, pops, weak))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
        #expect(pushThenPop(weak).holds)
        let strict = BoundedFIFO(capacity: 2, mayRefuseEarly: false)
        #expect(pushThenPop(strict).failure?.kind == .notLinearizable)
    }

    /// Two threads that push and then pop: one may find "empty" although its own push is done,
    /// while the other's, which came first, is not.
    private func pushThenPop(_ specification: BoundedFIFO) -> Exploration {
        explore { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            let history = model.history(of: specification)
            for number in 0..<2 {
                model.thread {
                    _ = history.record(.push(number)) { queue.tryPush(number) }
                    _ = history.record(.pop) { queue.tryPop() }
                }
            }
        }
    }

    @Test("each ordering is needed")
    func orderings() {
        // Wrong: an ordering can be weakened and nobody notices.
        let report = audit(program: queue([2, 1], [2]))
        #expect(report.baseline.holds, "\(report)")
        #expect(report.survivorNames == [], "\(report)")
        #expect(report.weakenings.count >= 4, "\(report)")
    }

    @Test("a closed queue accepts nothing, and what it had accepted can be taken")
    func closing() {
        // Wrong: a push that was accepted is lost, or one behind the close is taken.
        let result = explore { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            let accepted = Tally()
            let before = PlainCell(0)
            model.thread("producer") {
                for value in 1...2 {
                    let refused = queue.tryPush(value)
                    if refused == nil { accepted.add(value) }
                }
            }
            model.thread("closer") {
                before.store(1)
                let isFirst = queue.close()
                model.check(isFirst)
                let refused = queue.tryPush(3)
                model.check(refused == 3, "accepted behind the close")
            }
            model.thread("reader") {
                if queue.isClosed { model.check(before.load() == 1) }
            }
            model.finally {
                let taken = Tally()
                while let value = queue.tryPop() { taken.add(value) }
                model.check(taken.values == accepted.values)
                model.check(queue.isDrained)
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a batch is taken in order")
    func draining() {
        // Wrong: the claim of a run takes a slot that is not full, or another consumer's.
        let result = explore { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            let taken = Tally()
            for number in 0..<2 {
                model.thread {
                    let refused = queue.tryPush(number)
                    model.check(refused == nil)
                }
            }
            model.thread { queue.drain(max: 2) { taken.add($0) } }
            model.thread { queue.drain(max: 2) { taken.add($0) } }
            model.finally {
                queue.drain(max: 2) { taken.add($0) }
                model.check(taken.values.sorted() == [0, 1])
                checkQuiescent(model, queue)
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
