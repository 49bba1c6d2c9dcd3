// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking

/// A first-in first-out queue without bound that may be closed; nil means empty.
struct ClosableFIFO: SequentialSpecification {
    enum Operation {
        case push(Int)
        case pop
        case close
        /// Its result is 1 if the queue is closed and empty.
        case isDrained
    }

    struct State: Hashable {
        var elements: [Int] = []
        var isClosed = false
    }

    var initialState: State { State() }

    /// A push answers its element if it was refused, a pop what it took.
    func apply(_ operation: Operation, _ result: Int?, to queue: inout State) -> Bool {
        switch operation {
        case .push(let element):
            if queue.isClosed { return result == element }
            queue.elements.append(element)
            return result == nil
        case .pop:
            return result == (queue.elements.isEmpty ? nil : queue.elements.removeFirst())
        case .close:
            queue.isClosed = true
            return true
        case .isDrained:
            return (result == 1) == (queue.isClosed && queue.elements.isEmpty)
        }
    }

    /// A close has a moment, between its two steps, in which it is not yet told.
    func mayRefuse(_ operation: Operation, _ result: Int?) -> Bool {
        if case .isDrained = operation { return result == nil }
        return false
    }
}

/// What a thread does with a queue, one after the other.
enum QueueAct {
    case push
    case pop
    case close
    case endCheck
    case drain
}

/// Programs with the queue without bound.
enum UnboundedPrograms {
    /// Threads that do this and that; what they did must fit a first-in first-out queue, if it was
    /// empty at first, and at the end nothing is lost, doubled or kept.
    static func traffic(
        _ threads: [[QueueAct]], segmentCapacity: Int = 1, filled: Int = 0
    ) -> (Model) -> Void {
        { model in
            let queue = UnboundedMPMCQueue<Int>(
                segmentCapacity: segmentCapacity, threadCountMax: 4)
            let isRecorded = filled == 0 && !threads.joined().contains(.drain)
            let history = isRecorded ? model.history(of: ClosableFIFO()) : nil
            let accepted = Tally()
            let taken = Tally()
            for value in 1001..<1001 + filled {
                let refused = queue.tryPush(value)
                if refused == nil { accepted.add(value) }
            }
            func record(_ operation: ClosableFIFO.Operation, _ body: () -> Int?) -> Int? {
                guard let history else { return body() }
                return history.record(operation, body)
            }
            for (number, acts) in threads.enumerated() {
                model.thread {
                    for (index, act) in acts.enumerated() {
                        switch act {
                        case .push:
                            let value = 10 * number + index + 1
                            let refused = record(.push(value)) { queue.tryPush(value) }
                            if refused == nil { accepted.add(value) }
                        case .pop:
                            if let value = record(.pop, { queue.tryPop() }) { taken.add(value) }
                        case .close:
                            _ = record(.close) { queue.close() ? 1 : nil }
                        case .endCheck:
                            _ = record(.isDrained) { queue.isDrained ? 1 : nil }
                        case .drain:
                            queue.drain(max: 3) { taken.add($0) }
                        }
                    }
                }
            }
            model.finally {
                while let value = queue.tryPop() { taken.add(value) }
                model.check(taken.values.sorted() == accepted.values.sorted(), "lost or doubled")
                queue.releaseSegments()
                model.check(queue.retiredSegmentCount == 0, "a segment is kept for nobody")
                model.check(queue.isEmpty)
            }
        }
    }

    /// Elements that live on the heap, which end with the queue if nobody takes them.
    static func lifetimes(_ pushes: [Int], _ pops: [Int]) -> (Model) -> Void {
        { model in
            let queue = UnboundedMPMCQueue<PlainCell<Int>>(segmentCapacity: 1, threadCountMax: 4)
            for count in pushes {
                model.thread("producer") {
                    for _ in 0..<count {
                        let cell = PlainCell(0)
                        cell.store(1)
                        _ = queue.tryPush(cell)
                    }
                }
            }
            for count in pops {
                model.thread("consumer") {
                    for _ in 0..<count {
                        guard let cell = queue.tryPop() else { continue }
                        model.check(cell.load() == 1)
                    }
                }
            }
        }
    }

    /// What the closer wrote before is seen by who finds the queue closed.
    static func closing() -> (Model) -> Void {
        { model in
            let queue = UnboundedMPMCQueue<Int>(segmentCapacity: 2, threadCountMax: 4)
            let before = PlainCell(0)
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
        }
    }
}
