// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking

/// A ring of one owner from which one element at a time is stolen: what the model's thieves, whose
/// rings have one place and are emptied after each steal, do with it.
struct OwnedRing: SequentialSpecification {
    enum Operation {
        case push(Int)
        case pop
        /// A steal and a pop behind it: the result is the first, and the second times 100.
        case steal
    }

    var capacity: Int
    var initialState: [Int] { [] }

    /// A push answers its element if it was refused, the others what they took.
    func apply(_ operation: Operation, _ result: Int?, to ring: inout [Int]) -> Bool {
        switch operation {
        case .push(let element):
            if ring.count == capacity { return result == element }
            ring.append(element)
            return result == nil
        case .pop:
            return result == (ring.isEmpty ? nil : ring.removeFirst())
        case .steal:
            guard !ring.isEmpty else { return result == nil }
            let count = min((ring.count + 1) / 2, 2)
            let taken = ring.prefix(count)
            ring.removeFirst(count)
            return result == taken.reversed().reduce(0) { $0 * 100 + $1 }
        }
    }

    /// A push may find slots that a thief is about to leave, a thief may find another.
    func mayRefuse(_ operation: Operation, _ result: Int?) -> Bool {
        switch operation {
        case .push: return result != nil
        case .pop: return false
        case .steal: return result == nil
        }
    }
}

/// What the owner of a ring does, one after the other.
enum RingAct {
    case push
    case pop
    case drain
}

/// Programs with stealing rings.
enum StealingRingPrograms {
    /// An owner and thieves with so many steals each; at the end nothing is lost or doubled.
    static func traffic(
        _ acts: [RingAct], steals: [Int], capacity: Int = 2, isRecorded: Bool = true
    ) -> (Model) -> Void {
        { model in
            let ring = StealingRing<Int>(capacity: capacity)
            let history = isRecorded ? model.history(of: OwnedRing(capacity: capacity)) : nil
            let accepted = Tally()
            let taken = Tally()
            func record(_ operation: OwnedRing.Operation, _ body: () -> Int?) -> Int? {
                guard let history else { return body() }
                return history.record(operation, body)
            }
            model.thread("owner") {
                for (index, act) in acts.enumerated() {
                    switch act {
                    case .push:
                        let number = index + 1
                        let refused = record(.push(number)) { ring.tryPush(number) }
                        if refused == nil { accepted.add(number) }
                    case .pop:
                        if let element = record(.pop, { ring.tryPop() }) { taken.add(element) }
                    case .drain:
                        ring.drain(max: 2) { taken.add($0) }
                    }
                }
            }
            for count in steals {
                model.thread("thief") {
                    let own = StealingRing<Int>(capacity: 1)
                    for _ in 0..<count {
                        let sum = record(.steal) {
                            guard let oldest = ring.trySteal(into: own) else { return nil }
                            return oldest + 100 * (own.tryPop() ?? 0)
                        }
                        guard let sum else { continue }
                        taken.add(sum % 100)
                        if sum >= 100 { taken.add(sum / 100) }
                    }
                }
            }
            model.finally {
                while let element = ring.tryPop() { taken.add(element) }
                model.check(taken.values.sorted() == accepted.values.sorted())
                checkQuiescent(model, ring, capacity)
            }
        }
    }

    /// An empty ring takes exactly as many elements as it has places, and gives them in order.
    private static func checkQuiescent(
        _ model: Model, _ ring: borrowing StealingRing<Int>, _ capacity: Int
    ) {
        for value in 0..<capacity {
            let refused = ring.tryPush(value)
            model.check(refused == nil, "an empty place refuses")
        }
        let refused = ring.tryPush(-1)
        model.check(refused == -1, "there are more places than there should be")
        for value in 0..<capacity {
            let taken = ring.tryPop()
            model.check(taken == value, "out of order")
        }
    }

    /// Elements that live on the heap, stolen from a ring and from the thief's ring.
    static func lifetimes(_ acts: [RingAct], capacity: Int = 2) -> (Model) -> Void {
        { model in
            let ring = StealingRing<PlainCell<Int>>(capacity: capacity)
            let second = StealingRing<PlainCell<Int>>(capacity: 2)
            func check(_ cell: PlainCell<Int>?) {
                if let cell { model.check(cell.load() == 1) }
            }
            model.thread("owner") {
                for act in acts {
                    switch act {
                    case .push:
                        let cell = PlainCell(0)
                        cell.store(1)
                        _ = ring.tryPush(cell)
                    case .pop: check(ring.tryPop())
                    case .drain: ring.drain(max: 2) { check($0) }
                    }
                }
            }
            model.thread("thief") {
                check(ring.trySteal(into: second))
                check(second.tryPop())
            }
            model.thread("thief's thief") {
                let own = StealingRing<PlainCell<Int>>(capacity: 1)
                check(second.trySteal(into: own))
            }
        }
    }
}
