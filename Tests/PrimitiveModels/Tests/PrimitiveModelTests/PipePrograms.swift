// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking

/// Programs with the queue from one producer to one consumer.
enum PipePrograms {
    /// A producer with so many pushes and a consumer with so many pops, and what must hold at the
    /// end: nothing lost or doubled, in order, room for exactly what fits.
    static func traffic(
        _ pushes: Int, _ pops: Int, capacity: Int, _ specification: BoundedFIFO? = nil
    ) -> (Model) -> Void {
        { model in
            let queue = BoundedSPSCQueue<Int>(capacity: capacity)
            let accepted = Tally()
            let taken = Tally()
            let history = specification.map { model.history(of: $0) }
            model.thread("producer") {
                for value in 0..<pushes {
                    let refused = history.map { $0.record(.push(value)) { queue.tryPush(value) } }
                    if (refused ?? queue.tryPush(value)) == nil { accepted.add(value) }
                }
            }
            model.thread("consumer") {
                for _ in 0..<pops {
                    let value = history.map { $0.record(.pop) { queue.tryPop() } }
                    if let value = value ?? queue.tryPop() { taken.add(value) }
                }
            }
            model.finally {
                while let value = queue.tryPop() { taken.add(value) }
                model.check(taken.values == accepted.values)
                checkQuiescent(model, queue)
            }
        }
    }

    /// An empty queue takes exactly as many elements as it has places, and gives them in order.
    private static func checkQuiescent(
        _ model: Model, _ queue: borrowing BoundedSPSCQueue<Int>
    ) {
        var made = 0
        let filled = queue.fill(max: queue.capacity + 1) {
            made += 1
            return made
        }
        model.check(filled == queue.capacity, "there are more or fewer places than there should be")
        let refused = queue.tryPush(0)
        model.check(refused == 0, "a full queue takes one more")
        var expected = 0
        queue.drain(max: queue.capacity + 1) { value in
            expected += 1
            model.check(value == expected, "out of order")
        }
        model.check(expected == queue.capacity, "not all comes out")
    }

    /// Elements that live on the heap, in batches; those that nobody takes end with the queue.
    static func batches(_ fills: [Int], _ drains: [Int], capacity: Int) -> (Model) -> Void {
        { model in
            let queue = BoundedSPSCQueue<PlainCell<Int>>(capacity: capacity)
            model.thread("producer") {
                for size in fills {
                    queue.fill(max: size) {
                        let cell = PlainCell(0)
                        cell.store(1)
                        return cell
                    }
                }
            }
            model.thread("consumer") {
                for size in drains {
                    queue.drain(max: size) { model.check($0.load() == 1) }
                }
            }
        }
    }

    /// Batches of two, and a consumer that looks how many there are: never an odd number.
    static func wholeBatches(_ fills: Int, drains: Int) -> (Model) -> Void {
        { model in
            let queue = BoundedSPSCQueue<Int>(capacity: 4)
            model.thread("producer") {
                for _ in 0..<fills { model.check([0, 2].contains(queue.fill(max: 2) { 1 })) }
            }
            model.thread("consumer") {
                for _ in 0..<drains {
                    model.check(queue.drain(max: 4) { _ in } % 2 == 0, "a part of a batch")
                }
            }
        }
    }

    /// A producer that closes, and a consumer that waits for the end.
    static func closing(_ pushes: Int, capacity: Int) -> (Model) -> Void {
        { model in
            let queue = BoundedSPSCQueue<Int>(capacity: capacity)
            let accepted = Tally()
            let taken = Tally()
            let before = PlainCell(0)
            model.thread("producer") {
                for value in 0..<pushes {
                    if queue.tryPush(value) == nil { accepted.add(value) }
                }
                before.store(1)
                queue.close()
                let refused = queue.tryPush(-1)
                model.check(refused == -1, "accepted behind the close")
            }
            model.thread("consumer") {
                while !queue.isDrained {
                    if let value = queue.tryPop() { taken.add(value) } else { model.yield() }
                }
                model.check(before.load() == 1)
                let late = queue.tryPop()
                model.check(late == nil, "something came behind the end")
            }
            model.thread("reader") {
                if queue.isClosed { model.check(before.load() == 1) }
            }
            model.finally { model.check(taken.values == accepted.values, "lost at the end") }
        }
    }

    /// A consumer that goes, and a producer that is told.
    static func abandoning(_ pushes: Int, readers: Int = 0) -> (Model) -> Void {
        { model in
            let queue = BoundedSPSCQueue<PlainCell<Int>>(capacity: 2)
            let before = PlainCell(0)
            model.thread("producer") {
                for _ in 0..<pushes {
                    let refused = queue.tryPush(PlainCell(1))
                    // Two places are enough for all pushes: only who has gone makes one fail.
                    if refused != nil { model.check(before.load() == 1) }
                }
            }
            model.thread("consumer") {
                _ = queue.tryPop()
                before.store(1)
                queue.abandon()
            }
            for _ in 0..<readers {
                model.thread("reader") {
                    if queue.isAbandoned { model.check(before.load() == 1) }
                }
            }
        }
    }
}
