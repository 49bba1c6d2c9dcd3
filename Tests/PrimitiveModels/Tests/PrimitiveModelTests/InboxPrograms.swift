// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking

/// Programs with the inbox of a loop.
enum InboxPrograms {
    /// Producers that push so many elements each, and a consumer that drains so often.
    static func traffic(_ pushes: [Int], drains: Int, capacity: Int) -> (Model) -> Void {
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
                checkNodes(model, inbox)
            }
        }
    }

    /// Every node of an empty inbox is free.
    private static func checkNodes(_ model: Model, _ inbox: borrowing MPSCInbox<Int>) {
        for value in 0..<inbox.capacity {
            let outcome = inbox.tryPush(value)
            model.check(outcome.isPushed, "a node is missing")
        }
        let outcome = inbox.tryPush(7)
        model.check(!outcome.isPushed, "a node too many")
    }

    /// Producers that wake the consumer when they are told to, and a consumer that sleeps between.
    static func wakeUps(_ pushes: [Int]) -> (Model) -> Void {
        { model in
            let inbox = MPSCInbox<Int>(capacity: 4)
            let wakes = Atomic(0)
            let count = Tally()
            for (number, pushCount) in pushes.enumerated() {
                model.thread("producer \(number)") {
                    for _ in 0..<pushCount {
                        let outcome = inbox.tryPush(number)
                        if outcome.needsWake { wakes.wrappingAdd(1, ordering: .releasing) }
                    }
                }
            }
            model.thread("consumer") {
                var seen = 0
                while count.values.count < pushes.reduce(0, +) {
                    // Sleeps until one more wake, then drains once.
                    while wakes.load(ordering: .acquiring) == seen { model.yield() }
                    seen += 1
                    inbox.drain { count.add($0) }
                }
            }
        }
    }

    /// Elements that live on the heap, which end with the inbox if nobody takes them.
    static func lifetimes(_ pushes: [Int], drains: Int) -> (Model) -> Void {
        { model in
            let inbox = MPSCInbox<PlainCell<Int>>(capacity: 2)
            for (number, count) in pushes.enumerated() {
                model.thread("producer \(number)") {
                    for _ in 0..<count {
                        let cell = PlainCell(0)
                        cell.store(1)
                        _ = inbox.tryPush(cell)
                    }
                }
            }
            model.thread("consumer") {
                for _ in 0..<drains { inbox.drain { model.check($0.load() == 1) } }
            }
        }
    }

    /// A close between pushes: what was accepted is drained, and who reads that the inbox is
    /// closed, or drained for good, has seen what the closer did.
    static func closing(_ pushes: [Int]) -> (Model) -> Void {
        { model in
            let inbox = MPSCInbox<Int>(capacity: 2)
            let accepted = Tally()
            let taken = Tally()
            let before = PlainCell(0)
            for (number, count) in pushes.enumerated() {
                model.thread("producer \(number)") {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        let outcome = inbox.tryPush(value)
                        if outcome.isPushed { accepted.add(value) }
                    }
                }
            }
            model.thread("closer") {
                before.store(1)
                let isFirst = inbox.close()
                model.check(isFirst)
                let outcome = inbox.tryPush(99)
                model.check(!outcome.isPushed, "accepted behind the close")
            }
            model.thread("consumer") {
                if inbox.isClosed { model.check(before.load() == 1) }
                inbox.drain { taken.add($0) }
                if !inbox.isDrained { return }
                model.check(before.load() == 1)
                model.check(inbox.drain { taken.add($0) } == 0, "something came behind the end")
            }
            model.finally {
                inbox.drain { taken.add($0) }
                model.check(taken.values.sorted() == accepted.values.sorted(), "lost")
                model.check(inbox.isDrained)
            }
        }
    }

    /// Pushes and drains whose answers must fit an order.
    static func history(_ pushes: [Int], drains: Int, capacity: Int) -> (Model) -> Void {
        { model in
            let inbox = MPSCInbox<Int>(capacity: capacity)
            let history = model.history(of: BatchedFIFO(capacity: capacity))
            for (number, count) in pushes.enumerated() {
                model.thread("producer \(number)") {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        _ = history.record(.push(value)) {
                            let outcome = inbox.tryPush(value)
                            return .pushed(outcome.isPushed, isFirst: outcome.needsWake)
                        }
                    }
                }
            }
            model.thread("consumer") {
                for _ in 0..<drains {
                    _ = history.record(.drain) {
                        var taken: [Int] = []
                        inbox.drain { taken.append($0) }
                        return .drained(taken)
                    }
                }
            }
        }
    }
}

/// A first-in first-out queue that is emptied as a whole.
struct BatchedFIFO: SequentialSpecification {
    enum Operation {
        case push(Int)
        case drain
    }

    enum Answer {
        case pushed(Bool, isFirst: Bool)
        case drained([Int])
    }

    var capacity: Int
    var initialState: [Int] { [] }

    func apply(_ operation: Operation, _ result: Answer, to queue: inout [Int]) -> Bool {
        switch (operation, result) {
        case (.push(let element), .pushed(let isPushed, let isFirst)):
            if !isPushed { return queue.count >= capacity }
            queue.append(element)
            return isFirst == (queue.count == 1) && queue.count <= capacity
        case (.drain, .drained(let taken)):
            defer { queue = [] }
            return taken == queue
        default: return false
        }
    }

    /// Nodes count as taken until the drain that empties them has ended, and while a push that
    /// will be refused has one.
    func mayRefuse(_ operation: Operation, _ result: Answer) -> Bool {
        if case .pushed(false, _) = result { return true }
        return false
    }
}
