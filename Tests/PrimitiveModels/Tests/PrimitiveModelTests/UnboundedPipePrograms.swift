// SPDX-License-Identifier: MIT

import ConcurrentQueues
import ModelChecking

/// A first-in first-out queue that grows.
struct UnboundedFIFO: SequentialSpecification {
    var initialState: [Int] { [] }

    /// A push answers its element if it was refused, a pop what it took.
    func apply(
        _ operation: BoundedFIFO.Operation, _ result: Int?, to queue: inout [Int]
    ) -> Bool {
        BoundedFIFO(capacity: .max, mayRefuseEarly: false).apply(operation, result, to: &queue)
    }
}

/// Programs with the unbounded queue from one producer to one consumer.
enum UnboundedPipePrograms {
    /// A producer with so many pushes and a consumer with so many pops, and what must hold at the
    /// end: nothing lost or doubled, in order, segments that can be used again.
    static func traffic(
        _ pushes: Int, _ pops: Int, segmentCapacity: Int, segmentCountMax: Int = .max,
        trims: Bool = false, isChecked: Bool = false
    ) -> (Model) -> Void {
        { model in
            let queue = UnboundedSPSCQueue<Int>(
                segmentCapacity: segmentCapacity, segmentCountMax: segmentCountMax)
            let accepted = Tally()
            let taken = Tally()
            let history = isChecked ? model.history(of: UnboundedFIFO()) : nil
            model.thread("producer") {
                for value in 0..<pushes {
                    let refused = history.map { $0.record(.push(value)) { queue.tryPush(value) } }
                    if (refused ?? queue.tryPush(value)) == nil { accepted.add(value) }
                    if trims { queue.trim() }
                }
            }
            model.thread("consumer") {
                for _ in 0..<pops {
                    let value = history.map { $0.record(.pop) { queue.tryPop() } }
                    if let value = value ?? queue.tryPop() { taken.add(value) }
                }
            }
            model.finally {
                if segmentCountMax == .max { model.check(accepted.values.count == pushes) }
                while let value = queue.tryPop() { taken.add(value) }
                model.check(taken.values == accepted.values)
                let before = queue.allocatedSegmentCount
                for value in 0..<segmentCapacity {
                    let refused = queue.tryPush(value)
                    model.check(refused == nil, "an empty queue refuses")
                }
                let after = queue.allocatedSegmentCount
                model.check(after <= max(before, 2), "a segment is not used again")
            }
        }
    }

    /// Elements that live on the heap, in batches; those that nobody takes end with the queue.
    static func batches(_ fills: [Int], _ drains: [Int], segmentCapacity: Int) -> (Model) -> Void {
        { model in
            let queue = UnboundedSPSCQueue<PlainCell<Int>>(segmentCapacity: segmentCapacity)
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

    /// A producer that closes, and a consumer that waits for the end.
    static func closing(_ pushes: Int, segmentCapacity: Int) -> (Model) -> Void {
        { model in
            let queue = UnboundedSPSCQueue<Int>(segmentCapacity: segmentCapacity)
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

    /// A consumer that goes, and a producer and a reader that are told.
    static func abandoning(_ pushes: Int) -> (Model) -> Void {
        { model in
            let queue = UnboundedSPSCQueue<PlainCell<Int>>(segmentCapacity: 1)
            let before = PlainCell(0)
            model.thread("producer") {
                for _ in 0..<pushes {
                    let refused = queue.tryPush(PlainCell(1))
                    if refused != nil { model.check(before.load() == 1) }
                }
            }
            model.thread("consumer") {
                _ = queue.tryPop()
                before.store(1)
                queue.abandon()
            }
            model.thread("reader") {
                if queue.isAbandoned { model.check(before.load() == 1) }
            }
        }
    }
}
