// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking

/// Programs with the bounded queue, here of two places.
enum QueuePrograms {
    /// Producers and consumers with so many operations each, and what must hold at the end:
    /// nothing lost or doubled, room for exactly two, in order.
    static func traffic(
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
    private static func checkQuiescent(
        _ model: Model, _ queue: borrowing BoundedMPMCQueue<Int>
    ) {
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

    /// Threads that each push so often and then pop as often.
    static func pushThenPop(_ turns: [Int], _ specification: BoundedFIFO) -> (Model) -> Void {
        { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            let history = model.history(of: specification)
            for (number, count) in turns.enumerated() {
                model.thread {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        _ = history.record(.push(value)) { queue.tryPush(value) }
                    }
                    for _ in 0..<count { _ = history.record(.pop) { queue.tryPop() } }
                }
            }
        }
    }

    /// Elements that live on the heap, which end with the queue if nobody takes them.
    static func lifetimes(_ pushes: [Int], _ pops: [Int]) -> (Model) -> Void {
        { model in
            let queue = BoundedMPMCQueue<PlainCell<Int>>(capacity: 2)
            for (number, count) in pushes.enumerated() {
                model.thread("producer \(number)") {
                    for _ in 0..<count {
                        let cell = PlainCell(0)
                        cell.store(1)
                        _ = queue.tryPush(cell)
                    }
                }
            }
            for (number, count) in pops.enumerated() {
                model.thread("consumer \(number)") {
                    for _ in 0..<count {
                        guard let cell = queue.tryPop() else { continue }
                        model.check(cell.load() == 1)
                    }
                }
            }
        }
    }

    /// A close between pushes, and one who reads that it was.
    static func closing() -> (Model) -> Void {
        { model in
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
    }

    /// One who waits until nothing can come any more, next to a push and a close.
    static func ending() -> (Model) -> Void {
        { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            let accepted = Tally()
            let taken = Tally()
            let before = PlainCell(0)
            model.thread("producer") {
                if queue.tryPush(1) == nil { accepted.add(1) }
            }
            model.thread("closer") {
                before.store(1)
                queue.close()
            }
            model.thread("consumer") {
                // A drained queue gives nothing any more, also to one who has not looked since.
                while !queue.isDrained {
                    if let value = queue.tryPop() { taken.add(value) } else { model.yield() }
                }
                model.check(before.load() == 1)
                let late = queue.tryPop()
                model.check(late == nil, "something came behind the end")
            }
            model.finally { model.check(taken.values == accepted.values, "lost at the end") }
        }
    }

    /// Batches: consumers that each take up to two at once, so often.
    static func draining(_ pushes: [Int], _ drains: [Int]) -> (Model) -> Void {
        { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            let accepted = Tally()
            let taken = Tally()
            for (number, count) in pushes.enumerated() {
                model.thread {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        let refused = queue.tryPush(value)
                        if refused == nil { accepted.add(value) }
                    }
                }
            }
            for count in drains {
                model.thread {
                    for _ in 0..<count { queue.drain(max: 2) { taken.add($0) } }
                }
            }
            model.finally {
                queue.drain(max: 2) { taken.add($0) }
                model.check(taken.values.sorted() == accepted.values.sorted())
                checkQuiescent(model, queue)
            }
        }
    }

    /// Producers that each put up to two at once, so often, beside a close if there is one, and
    /// consumers that take by pops or drains.
    static func filling(
        _ fills: [Int], pops: Int = 0, drains: Int = 0, closes: Bool = false
    ) -> (Model) -> Void {
        { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            let accepted = Tally()
            let taken = Tally()
            for (number, count) in fills.enumerated() {
                model.thread("producer \(number)") {
                    var made = 0
                    for _ in 0..<count {
                        let before = made
                        let put = queue.fill(max: 2) {
                            made += 1
                            accepted.add(10 * number + made)
                            return 10 * number + made
                        }
                        model.check(made == before + put, "asked for what it does not take")
                    }
                }
            }
            model.thread("consumer") {
                for _ in 0..<pops { if let value = queue.tryPop() { taken.add(value) } }
                for _ in 0..<drains { queue.drain(max: 2) { taken.add($0) } }
            }
            if closes { model.thread("closer") { queue.close() } }
            model.finally {
                if closes {
                    let late = queue.fill(max: 1) { 99 }
                    model.check(late == 0, "accepted behind the close")
                }
                queue.drain(max: 2) { taken.add($0) }
                model.check(taken.values.sorted() == accepted.values.sorted())
                if !closes { checkQuiescent(model, queue) }
            }
        }
    }

    /// Consumers that each take one of what is there, and no producer: nobody is refused.
    static func stocked(byDrain: Bool) -> (Model) -> Void {
        { model in
            let queue = BoundedMPMCQueue<Int>(capacity: 2)
            for value in 0..<2 { _ = queue.tryPush(value) }
            let taken = Tally()
            for number in 0..<2 {
                model.thread("consumer \(number)") {
                    if byDrain {
                        queue.drain(max: 1) { taken.add($0) }
                    } else if let value = queue.tryPop() {
                        taken.add(value)
                    }
                }
            }
            model.finally { model.check(taken.values.sorted() == [0, 1], "refused") }
        }
    }
}
