// SPDX-License-Identifier: MIT

import ModelChecking

@testable import ConcurrentQueues

/// Programs with the relaxed queue, here of two lanes of two places each.
enum RelaxedQueuePrograms {
    private static func makeQueue() -> RelaxedMPMCQueue<Int> {
        RelaxedMPMCQueue(laneCount: 2, laneCapacity: 2)
    }

    /// Producers and consumers with so many operations each, and what must hold at the end: nothing
    /// lost or doubled, each handle's elements in order at each consumer, all places free again.
    static func traffic(_ pushes: [Int], _ pops: [Int]) -> (Model) -> Void {
        { model in
            let queue = makeQueue()
            let accepted = Tally()
            let taken = Tally()
            for (number, count) in pushes.enumerated() {
                let handle = queue.makeHandle()
                model.thread("producer \(number)") {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        if queue.tryPush(value, by: handle) == nil { accepted.add(value) }
                    }
                }
            }
            for (number, count) in pops.enumerated() {
                let handle = number == 0 ? queue.makeConsumerHandle() : queue.makeHandle()
                model.thread("consumer \(number)") {
                    var handle = handle
                    var last = [-1, -1, -1]
                    for _ in 0..<count {
                        guard let value = queue.tryPop(by: &handle) else { continue }
                        model.check(value > last[value / 10], "a handle's order is not kept")
                        last[value / 10] = value
                        taken.add(value)
                    }
                }
            }
            model.finally {
                var handle = queue.makeHandle()
                while let value = queue.tryPop(by: &handle) { taken.add(value) }
                model.check(taken.values.sorted() == accepted.values.sorted())
                model.check(queue.isEmpty && queue.count == 0)
                let homes = [queue.makeHandle(), queue.makeHandle()]
                for value in 0..<4 {
                    let refused = queue.tryPush(value, by: homes[value % 2])
                    model.check(refused == nil, "an empty place refuses")
                }
                let refused = queue.tryPush(4, by: homes[0])
                model.check(refused == 4, "there are more places than there should be")
            }
        }
    }

    /// What was pushed before the call is found, in whichever lane, while others push.
    static func found(pushes: Int) -> (Model) -> Void {
        { model in
            let queue = makeQueue()
            let handles = [queue.makeHandle(), queue.makeHandle()]
            _ = queue.tryPush(1, by: handles[1])
            for _ in 0..<pushes {
                model.thread("push") { _ = queue.tryPush(2, by: handles[0]) }
            }
            model.thread("pop") {
                var handle = handles[0]
                model.check(!queue.isEmpty, "said to be empty")
                let value = queue.tryPop(by: &handle)
                model.check(value != nil, "not found")
            }
        }
    }

    /// One whose turn it is to visit the other lanes meets somebody who takes from one of them.
    static func visit() -> (Model) -> Void {
        { model in
            let queue = makeQueue()
            let handles = [queue.makeHandle(), queue.makeHandle()]
            for value in 1...2 { _ = queue.tryPush(value, by: handles[1]) }
            let taken = Tally()
            for lane in 0..<2 {
                model.thread("pop \(lane)") {
                    var handle = handles[lane]
                    if lane == 0 { handle.turnsLeft = 0 }
                    let value = queue.tryPop(by: &handle)
                    model.check(value != nil, "not found")
                    taken.add(value ?? 0)
                }
            }
            model.finally { model.check(taken.values.sorted() == [1, 2]) }
        }
    }

    /// A close while others push into both lanes, and one who reads that it was.
    static func closing() -> (Model) -> Void {
        { model in
            let queue = makeQueue()
            let handles = [queue.makeHandle(), queue.makeHandle()]
            let accepted = Tally()
            let before = PlainCell(0)
            model.thread("producer") {
                for lane in 0..<2 where queue.tryPush(lane, by: handles[lane]) == nil {
                    accepted.add(lane)
                }
            }
            model.thread("closer") {
                before.store(1)
                let isFirst = queue.close()
                model.check(isFirst)
                let refused = queue.tryPush(3, by: handles[1])
                model.check(refused == 3, "accepted behind the close")
            }
            model.thread("reader") {
                guard queue.isClosed else { return }
                model.check(before.load() == 1)
                let refused = queue.tryPush(4, by: handles[0])
                model.check(refused == 4, "closed, and open")
            }
            model.finally {
                var handle = handles[0]
                let taken = Tally()
                while let value = queue.tryPop(by: &handle) { taken.add(value) }
                model.check(taken.values.sorted() == accepted.values.sorted())
                model.check(queue.isDrained)
            }
        }
    }

    /// One who waits until nothing can come any more, next to a push and a close.
    static func ending() -> (Model) -> Void {
        { model in
            let queue = makeQueue()
            let handles = [queue.makeHandle(), queue.makeHandle()]
            let accepted = Tally()
            let taken = Tally()
            let before = PlainCell(0)
            model.thread("producer") {
                if queue.tryPush(1, by: handles[1]) == nil { accepted.add(1) }
            }
            model.thread("closer") {
                before.store(1)
                queue.close()
            }
            model.thread("consumer") {
                var handle = handles[0]
                while !queue.isDrained {
                    if let value = queue.tryPop(by: &handle) {
                        taken.add(value)
                    } else {
                        model.yield()
                    }
                }
                model.check(before.load() == 1)
                let late = queue.tryPop(by: &handle)
                model.check(late == nil, "something came behind the end")
            }
            model.finally { model.check(taken.values == accepted.values, "lost at the end") }
        }
    }
}
