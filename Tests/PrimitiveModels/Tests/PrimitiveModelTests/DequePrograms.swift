// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking

/// A deque of so many places, of which one end is the owner's and the other the thieves'.
struct OwnedDeque: SequentialSpecification {
    enum Operation {
        case push(Int)
        case pop
        case steal
    }

    var capacity: Int
    var initialState: [Int] { [] }

    /// A push answers its element if it was refused, the others what they took.
    func apply(_ operation: Operation, _ result: Int?, to deque: inout [Int]) -> Bool {
        switch operation {
        case .push(let element):
            if deque.count == capacity { return result == element }
            deque.append(element)
            return result == nil
        case .pop:
            return result == deque.popLast()
        case .steal:
            return result == (deque.isEmpty ? nil : deque.removeFirst())
        }
    }

    /// A push may find a slot that a thief is about to leave.
    func mayRefuse(_ operation: Operation, _ result: Int?) -> Bool {
        if case .push = operation { return result != nil }
        return false
    }
}

/// What the owner does, one after the other.
enum OwnerAct {
    case push
    case pop
}

/// What a program does with a deque: ours, or the one of the paper.
protocol StealableDeque {
    func push(_ element: Int) -> Int?
    func pop() -> Int?
    func steal() -> Int?
}

/// The deque as it ships.
final class ShippedDeque: StealableDeque {
    let deque: WorkStealingDeque<Int>

    init(capacity: Int, capacityMax: Int? = nil) {
        deque = WorkStealingDeque(capacity: capacity, capacityMax: capacityMax ?? capacity)
    }

    func push(_ element: Int) -> Int? { deque.tryPush(element) }
    func pop() -> Int? { deque.tryPop() }
    func steal() -> Int? { deque.trySteal() }
}

/// The deque of Lê, Pop, Cohen and Zappella Nardelli, with its fences, for elements that are words.
/// A thief that loses its claim begins again.
final class PaperDeque: StealableDeque {
    private let top = Atomic(0)
    private let bottom = Atomic(0)
    private let slots: [AtomicWord]

    /// An atomic that an array can hold.
    private final class AtomicWord {
        let word = Atomic(0)
    }

    init(capacity: Int) { slots = (0..<capacity).map { _ in AtomicWord() } }

    func push(_ element: Int) -> Int? {
        let end = bottom.load(ordering: .relaxed)
        let first = top.load(ordering: .acquiring)
        if end - first >= slots.count { return element }
        slots[end % slots.count].word.store(element, ordering: .relaxed)
        ModelChecking.atomicMemoryFence(ordering: .releasing)
        bottom.store(end + 1, ordering: .relaxed)
        return nil
    }

    func pop() -> Int? {
        let last = bottom.load(ordering: .relaxed) - 1
        bottom.store(last, ordering: .relaxed)
        ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
        let first = top.load(ordering: .relaxed)
        if first > last {
            bottom.store(last + 1, ordering: .relaxed)
            return nil
        }
        let element = slots[last % slots.count].word.load(ordering: .relaxed)
        if first < last { return element }
        let isClaimed = top.compareExchange(
            expected: first, desired: first + 1, successOrdering: .sequentiallyConsistent,
            failureOrdering: .relaxed
        ).exchanged
        bottom.store(last + 1, ordering: .relaxed)
        return isClaimed ? element : nil
    }

    func steal() -> Int? {
        while true {  // Repeated only after another moved top.
            let first = top.load(ordering: .acquiring)
            ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
            let end = bottom.load(ordering: .acquiring)
            if first >= end { return nil }
            let element = slots[first % slots.count].word.load(ordering: .relaxed)
            if top.compareExchange(
                expected: first, desired: first + 1, successOrdering: .sequentiallyConsistent,
                failureOrdering: .relaxed
            ).exchanged {
                return element
            }
        }
    }
}

/// Programs with a deque of two places.
enum DequePrograms {
    /// An owner and thieves with so many steals each; at the end nothing is lost or doubled.
    static func traffic(
        _ acts: [OwnerAct], steals: [Int], capacity: Int = 2, placesMax: Int? = nil,
        isRecorded: Bool = true,
        make: @escaping (Int) -> any StealableDeque = { ShippedDeque(capacity: $0) }
    ) -> (Model) -> Void {
        { model in
            let deque = make(capacity)
            let leastPlaces = min(2 * capacity, placesMax ?? capacity)
            let specification = OwnedDeque(capacity: placesMax ?? capacity)
            let history = isRecorded ? model.history(of: specification) : nil
            let accepted = Tally()
            let taken = Tally()
            func record(_ operation: OwnedDeque.Operation, _ body: () -> Int?) -> Int? {
                guard let history else { return body() }
                return history.record(operation, body)
            }
            model.thread("owner") {
                for (number, act) in acts.enumerated() {
                    switch act {
                    case .push:
                        let refused = record(.push(number)) { deque.push(number) }
                        if refused == nil { accepted.add(number) }
                    case .pop:
                        if let element = record(.pop, { deque.pop() }) { taken.add(element) }
                    }
                }
            }
            for count in steals {
                model.thread("thief") {
                    for _ in 0..<count {
                        if let element = record(.steal, { deque.steal() }) { taken.add(element) }
                    }
                }
            }
            model.finally {
                while let element = deque.pop() { taken.add(element) }
                model.check(taken.values.sorted() == accepted.values.sorted())
                checkQuiescent(model, deque, leastPlaces...(placesMax ?? capacity))
            }
        }
    }

    /// The same with a deque of `capacity` places that grows once.
    static func growth(
        _ acts: [OwnerAct], steals: [Int], capacity: Int = 1
    ) -> (Model) -> Void {
        traffic(acts, steals: steals, capacity: capacity, placesMax: 3 * capacity) {
            ShippedDeque(capacity: $0, capacityMax: 2 * $0)
        }
    }

    /// An empty deque takes as many elements as it has places.
    private static func checkQuiescent(
        _ model: Model, _ deque: any StealableDeque, _ places: ClosedRange<Int>
    ) {
        var count = 0
        while count <= places.upperBound, deque.push(count) == nil { count += 1 }
        model.check(places.contains(count), "an empty deque has other places than it should")
        for value in 0..<count { model.check(deque.steal() == value, "out of order") }
    }

    /// Elements that live on the heap, which end with the deque if nobody takes them.
    static func lifetimes(
        _ acts: [OwnerAct], steals: [Int], capacity: Int = 2
    ) -> (Model) -> Void {
        { model in
            let deque = WorkStealingDeque<PlainCell<Int>>(capacity: capacity, capacityMax: 2)
            model.thread("owner") {
                for act in acts {
                    switch act {
                    case .push:
                        let cell = PlainCell(0)
                        cell.store(1)
                        _ = deque.tryPush(cell)
                    case .pop:
                        if let cell = deque.tryPop() { model.check(cell.load() == 1) }
                    }
                }
            }
            for count in steals {
                model.thread("thief") {
                    for _ in 0..<count {
                        if let cell = deque.trySteal() { model.check(cell.load() == 1) }
                    }
                }
            }
        }
    }
}
