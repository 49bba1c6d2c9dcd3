// SPDX-License-Identifier: MIT

@testable import ConcurrentQueues
import ModelChecking

/// What one subscriber of a model was given, by position.
final class NewsLog {
    private(set) var seen: [Int: Int] = [:]
    private(set) var missedCount = 0
    private(set) var next: Int

    init(next: Int = 0) { self.next = next }

    /// Takes one delivery; false if there was none.
    func take(_ delivery: BroadcastDelivery<PlainCell<Int>>?) -> Bool {
        switch delivery {
        case .element(let cell):
            seen[next] = cell.load()
            next += 1
        case .lagged(let count):
            missedCount += Int(count)
            next += Int(count)
        case nil: return false
        }
        return true
    }
}

/// Programs with the broadcast ring.
enum BroadcastPrograms {
    typealias Ring = BroadcastRing<PlainCell<Int>>

    /// An element whose number was written by this thread, which the model watches.
    static func news(_ value: Int) -> PlainCell<Int> {
        let cell = PlainCell(0)
        cell.store(value)
        return cell
    }

    /// Publishers and subscribers with so many tries each, on a ring that has so many elements
    /// already. Every subscriber sees the same at the same position, and each position, or is told.
    static func traffic(
        _ publishes: [Int], _ receives: [Int], capacity: Int, filled: Int = 0,
        firstPosition: UInt64 = 0
    ) -> (Model) -> Void {
        { model in
            let ring = Ring(capacity: capacity, firstPosition: firstPosition)
            let logs = (0...receives.count).map { _ in NewsLog() }
            var cursors = logs.map { _ in ring.subscribe() }
            let accepted = Tally()
            for value in 0..<filled where ring.publish(news(100 + value)) {
                accepted.add(100 + value)
            }
            for (number, count) in publishes.enumerated() {
                model.thread("publisher \(number)") {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        let outcome = ring.tryPublish(news(value))
                        model.check(outcome != .closed)
                        if outcome == .published { accepted.add(value) }
                    }
                }
            }
            for (number, count) in receives.enumerated() {
                model.thread("subscriber \(number)") {
                    for _ in 0..<count {
                        _ = logs[number].take(ring.tryReceive(by: &cursors[number]))
                    }
                }
            }
            model.finally {
                for (log, index) in zip(logs, cursors.indices) {
                    while log.take(ring.tryReceive(by: &cursors[index])) {}
                }
                checkLogs(logs, accepted.values, capacity: capacity, model)
                checkForgotten(ring, model)
                checkAtRest(ring, model)
            }
        }
    }

    /// What subscribers from the first position on must have seen at the end. The last of them has
    /// received only then, and so has missed exactly what does not fit.
    private static func checkLogs(
        _ logs: [NewsLog], _ accepted: [Int], capacity: Int, _ model: Model
    ) {
        var order: [Int: Int] = [:]
        for log in logs {
            model.check(log.next == accepted.count, "somebody was given too much, or too little")
            model.check(log.seen.count + log.missedCount == accepted.count)
            for (position, value) in log.seen {
                model.check(order[position, default: value] == value, "two orders")
                order[position] = value
            }
            let values = log.seen.sorted { $0.key < $1.key }.map(\.value)
            model.check(Set(values).isSubset(of: accepted) && Set(values).count == values.count)
            for publisher in 0..<10 {
                let own = values.filter { $0 / 10 == publisher }
                model.check(own == own.sorted(), "a publisher's order is not kept")
            }
        }
        if let last = logs.last {
            model.check(last.missedCount == max(0, accepted.count - capacity), "a wrong lag")
        }
    }

    /// A ring where nobody is takes everything, keeps exactly so many, and tells how many it lost.
    private static func checkAtRest(_ ring: borrowing Ring, _ model: Model) {
        var cursor = ring.subscribe()
        let capacity = ring.capacity
        for value in 0...capacity {
            let outcome = ring.tryPublish(news(value))
            model.check(outcome == .published, "somebody was left inside")
        }
        let log = NewsLog()
        while log.take(ring.tryReceive(by: &cursor)) {}
        model.check(log.missedCount == 1 && log.seen.count == capacity)
        for position in 1...capacity { model.check(log.seen[position] == position) }
    }

    /// Whether nobody is left in a slot's word.
    private static func checkForgotten(_ ring: borrowing Ring, _ model: Model) {
        for index in 0..<UInt64(ring.capacity) {
            let slot = unsafe ring.slot(of: index << 1)  // SAFETY: in bounds.
            // SAFETY: as above.
            let word = unsafe ring.word(of: slot).pointee.load(ordering: .relaxed)
            model.check(word & (Ring.copyMask | Ring.claimBit) == 0, "somebody was left inside")
        }
    }

    /// A publisher that nobody disturbs is never refused, and who reads has what it wrote.
    static func undisturbed(_ publishes: [Int], capacity: Int) -> (Model) -> Void {
        { model in
            let ring = Ring(capacity: capacity)
            for (number, count) in publishes.enumerated() {
                model.thread("publisher \(number)") {
                    for turn in 0..<count {
                        let outcome = ring.tryPublish(news(10 * number + turn))
                        model.check(outcome == .published, "refused, and nobody is inside")
                    }
                }
            }
            model.finally { model.check(ring.publishedCount == UInt64(publishes.reduce(0, +))) }
        }
    }

    /// A close beside publications, and a subscriber that goes on to the end: what was accepted
    /// comes or is counted, in a ring that has so many elements before.
    static func closing(
        _ publishes: [Int], capacity: Int, filled: Int, receivesBeside: Bool = true
    ) -> (Model) -> Void {
        { model in
            let ring = Ring(capacity: capacity)
            let log = NewsLog()
            var cursor = ring.subscribe()
            let accepted = Tally()
            let before = PlainCell(0)
            for value in 0..<filled where ring.publish(news(100 + value)) {
                accepted.add(100 + value)
            }
            for (number, count) in publishes.enumerated() {
                model.thread("publisher \(number)") {
                    for turn in 0..<count {
                        let value = 10 * number + turn
                        if ring.tryPublish(news(value)) == .published { accepted.add(value) }
                    }
                }
            }
            model.thread("closer") {
                before.store(1)
                let isFirst = ring.close()
                model.check(isFirst)
                let outcome = ring.tryPublish(news(99))
                model.check(outcome == .closed, "accepted behind the close")
            }
            let receive = {
                while !ring.isDrained(by: cursor) {
                    if !log.take(ring.tryReceive(by: &cursor)) { model.yield() }
                }
                model.check(before.load() == 1)
                let late = ring.tryReceive(by: &cursor)
                model.check(late == nil, "something came behind the end")
            }
            if receivesBeside { model.thread("subscriber", receive) }
            model.finally {
                if !receivesBeside { receive() }
                let excess = max(0, accepted.values.count - capacity)
                model.check(log.seen.count + log.missedCount == accepted.values.count, "lost")
                model.check(log.missedCount <= excess, "a lag without a reason")
                model.check(Set(log.seen.values).isSubset(of: accepted.values))
                checkForgotten(ring, model)
            }
        }
    }

    /// A subscriber at the oldest element of a full ring that is closed while somebody publishes:
    /// it is given something at once, even where a claim is in its way that will be taken back.
    static func atOnce(_ publishers: Int) -> (Model) -> Void {
        { model in
            let ring = Ring(capacity: 1)
            var cursor = ring.subscribe()
            _ = ring.publish(news(100))
            let accepted = Tally()
            for number in 0..<publishers {
                model.thread("publisher \(number)") {
                    if ring.tryPublish(news(number)) == .published { accepted.add(number) }
                }
            }
            model.thread("closer") { ring.close() }
            let log = NewsLog()
            model.thread("subscriber") {
                let isGiven = log.take(ring.tryReceive(by: &cursor))
                model.check(isGiven, "nothing, where there is something")
            }
            model.finally {
                while log.take(ring.tryReceive(by: &cursor)) {}
                model.check(log.next == 1 + accepted.values.count)
                model.check(log.missedCount <= accepted.values.count, "a lag without a reason")
            }
        }
    }

    /// One who reads that the ring is closed.
    static func closedFlag() -> (Model) -> Void {
        { model in
            let ring = Ring(capacity: 1)
            let before = PlainCell(0)
            model.thread("closer") {
                before.store(1)
                ring.close()
            }
            model.thread("reader") {
                if ring.isClosed { model.check(before.load() == 1) }
            }
        }
    }

    /// A subscription beside publications: what ended before it is not seen, what began behind it
    /// is.
    static func subscribing() -> (Model) -> Void {
        { model in
            let ring = Ring(capacity: 2)
            let isOut = Atomic(false)
            let isIn = Atomic(false)
            let log = NewsLog()
            var later = false
            model.thread("publisher") {
                _ = ring.publish(news(1))
                isOut.store(true, ordering: .releasing)
                later = isIn.load(ordering: .acquiring)
                _ = ring.publish(news(2))
            }
            var cursor = BroadcastCursor(ticket: 0)
            var isLate = false
            model.thread("subscriber") {
                isLate = isOut.load(ordering: .acquiring)
                cursor = ring.subscribe()
                isIn.store(true, ordering: .releasing)
            }
            model.finally {
                while log.take(ring.tryReceive(by: &cursor)) {}
                let values = Set(log.seen.values)
                model.check(!isLate || !values.contains(1), "seen, and over before")
                model.check(!later || values.contains(2), "begun behind, and not seen")
                model.check(log.missedCount == 0)
            }
        }
    }

    /// What was published before the call is found, while others publish.
    static func found() -> (Model) -> Void {
        { model in
            let ring = Ring(capacity: 4)
            var cursor = ring.subscribe()
            _ = ring.publish(news(1))
            model.thread("publisher") { _ = ring.publish(news(2)) }
            model.thread("subscriber") {
                let delivery = ring.tryReceive(by: &cursor)
                model.check(delivery != nil, "not found")
            }
        }
    }

    /// Elements that are overwritten, copied, and left: each ends once, and not too early.
    static func lifetimes(_ publishes: [Int], receives: Int, capacity: Int) -> (Model) -> Void {
        { model in
            let alive = Tally()
            let accepted = Tally()
            let ring = BroadcastRing<Mortal>(capacity: capacity)
            var cursor = ring.subscribe()
            for (number, count) in publishes.enumerated() {
                model.thread("publisher \(number)") {
                    for _ in 0..<count {
                        let outcome = ring.tryPublish(Mortal(alive))
                        if outcome == .published { accepted.add(1) }
                    }
                }
            }
            model.thread("subscriber") {
                for _ in 0..<receives {
                    guard case .element(let mortal) = ring.tryReceive(by: &cursor) else {
                        continue
                    }
                    model.check(mortal.isAlive, "dead")
                }
            }
            model.finally {
                let kept = min(accepted.values.count, capacity)
                model.check(alive.values.reduce(0, +) == kept, "too many live, or too few")
            }
        }
    }
}

/// An element that is counted while it lives, and whose contents the model watches.
final class Mortal: @unchecked Sendable {
    private let life = PlainCell(0)
    private let census: Tally

    init(_ census: Tally) {
        self.census = census
        life.store(1)
        census.add(1)
    }

    var isAlive: Bool { life.load() == 1 }

    deinit { census.add(-1) }
}
