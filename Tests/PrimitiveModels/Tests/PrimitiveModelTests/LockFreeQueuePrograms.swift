// SPDX-License-Identifier: MIT

import AtomicSupport
@testable import ConcurrentQueues
import ModelChecking

/// A first-in first-out queue of so many places, of which operations under way may hold some: a
/// push may be refused while another operation overlaps it, but a pop says "empty" only if it is.
struct FIFOWithPlacesHeld: SequentialSpecification {
    var capacity: Int
    var initialState: [Int] { [] }

    func apply(
        _ operation: BoundedFIFO.Operation, _ result: Int?, to queue: inout [Int]
    ) -> Bool {
        BoundedFIFO(capacity: capacity, mayRefuseEarly: false).apply(operation, result, to: &queue)
    }

    func mayRefuse(_ operation: BoundedFIFO.Operation, _ result: Int?) -> Bool {
        if case .push = operation { return result != nil }
        return false
    }
}

/// Programs with the lock-free queue.
enum LockFreeQueuePrograms {
    /// A queue for so few threads that its threshold matters.
    static func makeQueue(
        _ capacity: Int, threads: Int
    ) -> LockFreeMPMCQueue<Int> {
        LockFreeMPMCQueue(capacity: capacity, threadCountMax: threads)
    }

    /// Producers and consumers with so many operations each, and what must hold at the end:
    /// nothing lost or doubled, room for exactly what fits, in order.
    static func traffic(
        _ pushes: [Int], _ pops: [Int], capacity: Int, isChecked: Bool = false
    ) -> (Model) -> Void {
        { model in
            let queue = makeQueue(capacity, threads: pushes.count + pops.count)
            let accepted = Tally()
            let taken = Tally()
            let specification = FIFOWithPlacesHeld(capacity: capacity)
            let history = isChecked ? model.history(of: specification) : nil
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
        _ model: Model, _ queue: borrowing LockFreeMPMCQueue<Int>
    ) {
        for value in 0..<queue.capacity {
            let refused = queue.tryPush(value)
            model.check(refused == nil, "an empty place refuses")
        }
        let refused = queue.tryPush(-1)
        model.check(refused == -1, "there are more places than there should be")
        for value in 0..<queue.capacity {
            let taken = queue.tryPop()
            model.check(taken == value, "out of order")
        }
        model.check(queue.isEmpty)
    }

    /// Consumers that find nothing, so often that the threshold may be used up, next to pushes: an
    /// element that is there afterwards is found.
    static func emptyPops(_ pops: [Int], pushes: Int) -> (Model) -> Void {
        { model in
            let queue = makeQueue(1, threads: pops.count)
            // So that a push finds the threshold at its maximum.
            _ = queue.tryPush(0)
            _ = queue.tryPop()
            let accepted = Tally()
            let taken = Tally()
            for count in pops {
                model.thread("consumer") {
                    for _ in 0..<count { if let value = queue.tryPop() { taken.add(value) } }
                }
            }
            model.thread("producer") {
                for value in 1..<(pushes + 1) {
                    let refused = queue.tryPush(value)
                    if refused == nil { accepted.add(value) }
                }
            }
            model.finally {
                while let value = queue.tryPop() { taken.add(value) }
                model.check(taken.values.sorted() == accepted.values.sorted(), "lost")
            }
        }
    }

    /// Elements that live on the heap, which end with the queue if nobody takes them.
    static func lifetimes(_ pushes: [Int], _ pops: [Int], closes: Bool) -> (Model) -> Void {
        { model in
            let queue = LockFreeMPMCQueue<PlainCell<Int>>(
                capacity: 2, threadCountMax: pushes.count + pops.count)
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
            if closes { model.thread("closer") { queue.close() } }
        }
    }

    /// A close between pushes, and one who reads that it was.
    static func closing(_ pushes: Int) -> (Model) -> Void {
        { model in
            let queue = makeQueue(2, threads: 3)
            let accepted = Tally()
            let before = PlainCell(0)
            model.thread("producer") {
                for value in 0..<pushes {
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
                model.check(queue.isDrained && queue.isEmpty)
            }
        }
    }

    /// Some who take, so many times, until nothing can come any more, next to pushes and a close.
    static func ending(pushes: [Int], consumers: Int, turns: Int) -> (Model) -> Void {
        { model in
            let queue = makeQueue(1, threads: pushes.count + consumers)
            let accepted = Tally()
            let taken = Tally()
            let before = PlainCell(0)
            for (number, count) in pushes.enumerated() {
                model.thread("producer") {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        if queue.tryPush(value) == nil { accepted.add(value) }
                    }
                }
            }
            model.thread("closer") {
                before.store(1)
                queue.close()
            }
            for _ in 0..<consumers {
                model.thread("consumer") {
                    for _ in 0..<turns {
                        if let value = queue.tryPop() {
                            taken.add(value)
                        } else if queue.isDrained {
                            model.check(before.load() == 1)
                            let late = queue.tryPop()
                            model.check(late == nil, "something came behind the end")
                            model.check(queue.isDrained, "drained, and then not")
                            break
                        }
                    }
                }
            }
            model.finally {
                while let value = queue.tryPop() { taken.add(value) }
                model.check(queue.isDrained, "closed and empty, but it does not end")
                model.check(taken.values.sorted() == accepted.values.sorted(), "lost at the end")
            }
        }
    }
}

/// Programs with one ring of indices, as far as the queue's own would be too long.
enum IndexRingPrograms {
    /// A ring and its memory.
    private struct OwnedRing: ~Copyable {
        let ring: IndexRing
        private let block: SharedBlock

        init(_ indexCount: Int, threads: Int) {
            var layout = BlockLayout()
            let offsets = IndexRing.append(to: &layout, indexCount: indexCount)
            let block = SharedBlock(byteCount: layout.byteCount)
            // SAFETY: the block lives as long as the ring.
            unsafe ring = IndexRing(
                in: block, at: offsets, indexCount: indexCount, threadCountMax: threads,
                isFull: false, firstPosition: 0)
            self.block = block
        }

        func pop() -> Int? { ring.pop().map { Int($0) } }
    }

    /// A pop that stalls in its entry, one that comes to the same entry a lap later, and a push
    /// with the ticket of the latter.
    static func passed() -> (Model) -> Void {
        { model in
            let owned = OwnedRing(2, threads: 3)
            let taken = Tally()
            _ = owned.ring.push(0)
            // SAFETY: the ring's memory is there.
            let ticket = unsafe owned.ring.head.pointee.wrappingAdd(2, ordering: .relaxed).oldValue
            for _ in 0..<3 { _ = owned.pop() }
            model.thread("stalled") {
                if let index = owned.ring.take(ticket) { taken.add(Int(index)) }
            }
            model.thread("pop") { if let index = owned.pop() { taken.add(index) } }
            model.thread("push") { _ = owned.ring.push(1) }
            model.finally {
                while let index = owned.pop() { taken.add(index) }
                model.check(taken.values.sorted() == [0, 1], "lost: \(taken.values)")
            }
        }
    }

    /// Pops that take all of the threshold off, and a push that must not miss it.
    static func usedUp(_ pops: [Int]) -> (Model) -> Void {
        { model in
            let owned = OwnedRing(1, threads: pops.count)
            let taken = Tally()
            _ = owned.ring.push(0)
            _ = owned.pop()
            for count in pops {
                model.thread("pops") {
                    for _ in 0..<count { if let index = owned.pop() { taken.add(index) } }
                }
            }
            model.thread("push") { _ = owned.ring.push(0) }
            model.finally {
                while let index = owned.pop() { taken.add(index) }
                model.check(taken.values == [0], "lost")
            }
        }
    }
}

/// One queue or the other, of two places, for what a stalled peer does to others.
struct TwoPlaces {
    var push: (Int) -> Int?
    var pop: () -> Int?

    static func lockFree() -> TwoPlaces {
        let queue = LockFreeMPMCQueue<Int>(capacity: 2, threadCountMax: 3)
        let shared = SharedQueue(queue)
        return TwoPlaces(push: { shared.value.tryPush($0) }, pop: { shared.value.tryPop() })
    }

    static func bounded() -> TwoPlaces {
        let shared = SharedQueue(BoundedMPMCQueue<Int>(capacity: 2))
        return TwoPlaces(push: { shared.value.tryPush($0) }, pop: { shared.value.tryPop() })
    }

    private final class SharedQueue<Value: ~Copyable> {
        let value: Value
        init(_ value: consuming Value) { self.value = value }
    }

    /// One pushes; the other's push was accepted, so that there is something to take, whoever
    /// stalls: its pop must find it.
    static func pushAndTakeBack(_ make: @escaping () -> TwoPlaces) -> (Model) -> Void {
        { model in
            let queue = make()
            model.thread("other") { _ = queue.push(1) }
            model.thread("worker") {
                let refused = model.operation { queue.push(2) }
                model.check(refused == nil, "two places are enough for two")
                model.operation {
                    while queue.pop() == nil { model.yield() }
                }
            }
        }
    }

    /// One pops from a full queue; the other's pop was done, so that there is a place, whoever
    /// stalls: its push must find it.
    static func takeAndPushBack(_ make: @escaping () -> TwoPlaces) -> (Model) -> Void {
        { model in
            let queue = make()
            for value in 0..<2 { _ = queue.push(value) }
            model.thread("other") { _ = queue.pop() }
            model.thread("worker") {
                let value = model.operation { queue.pop() }
                model.check(value != nil, "two elements are enough for two")
                model.operation {
                    while queue.push(2) != nil { model.yield() }
                }
            }
        }
    }
}
