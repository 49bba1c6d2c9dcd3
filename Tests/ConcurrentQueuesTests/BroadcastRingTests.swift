// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing

@testable import ConcurrentQueues

@Suite("Broadcast ring")
struct BroadcastRingTests {
    /// Where tickets wrap, and some other places.
    private static let positions: [UInt64] = [
        0, .max, .max / 2 - 5, .max / 2, .max / 2 + 1, 1 << 46, 1 << 62,
    ]

    @Test("Capacity is what was asked for, rounded up to a power of two; there is no least but one")
    func capacity() async {
        // If this failed, the mask would not fit the slots.
        for (asked, given) in [(1, 1), (2, 2), (3, 4), (17, 32), (1 << 18, 1 << 18)] {
            let ring = BroadcastRing<UInt8>(capacity: asked)
            let capacity = ring.capacity
            #expect(capacity == given)
        }
        await #expect(processExitsWith: .failure) { _ = BroadcastRing<Int>(capacity: 0) }
    }

    @Test(
        "A model of one thread agrees, also where tickets and laps wrap", arguments: positions,
        [1, 2, 8])
    func oracle(firstPosition: UInt64, capacity: Int) {
        // If this failed, an element would be lost, doubled, or missed without a word.
        let ring = BroadcastRing<Int>(capacity: capacity, firstPosition: firstPosition)
        var published: [Int] = []
        var cursors = (0..<3).map { _ in ring.subscribe() }
        var next = [0, 0, 0]
        var random = SplitMix64(seed: firstPosition ^ UInt64(capacity))
        for _ in 0..<3_000 {
            // The third one receives seldom, and lags.
            let choice = Int(random.next() % 8)
            if choice < 4 {
                let outcome = ring.tryPublish(published.count)
                #expect(outcome == .published)
                published.append(published.count)
                continue
            }
            let subscriber = [0, 0, 1, choice == 7 ? Int(random.next() % 3) : 1][choice - 4]
            let unread = ring.unreadCount(by: cursors[subscriber])
            #expect(unread == UInt64(published.count - next[subscriber]))
            let delivery = ring.tryReceive(by: &cursors[subscriber])
            let missed = published.count - capacity - next[subscriber]
            if missed > 0 {
                #expect(delivery == .lagged(missedCount: UInt64(missed)))
                next[subscriber] += missed
            } else if next[subscriber] < published.count {
                #expect(delivery == .element(published[next[subscriber]]))
                next[subscriber] += 1
            } else {
                #expect(delivery == nil)
            }
        }
        let count = ring.publishedCount
        #expect(count == (firstPosition &+ UInt64(published.count)) & .max >> 1)
        check(ring)
    }

    @Test("A ring whose laps leave no room for a shift comes round too")
    func largeCapacity() {
        // If this failed, the laps of a large ring would be counted in too few bits.
        let capacity = 1 << 18
        let ring = BroadcastRing<UInt8>(capacity: capacity, firstPosition: .max / 2 - 5)
        var cursor = ring.subscribe()
        for lap in 0..<3 as Range<UInt8> {
            for _ in 0..<capacity { ring.publish(lap) }
            let delivery = ring.tryReceive(by: &cursor)
            let expected: BroadcastDelivery<UInt8> =
                lap == 0 ? .element(0) : .lagged(missedCount: lap == 1 ? 1 << 18 - 1 : 1 << 18)
            #expect(delivery == expected)
        }
        check(ring)
    }

    @Test("Who subscribes sees what comes, not what was", arguments: positions)
    func subscribing(firstPosition: UInt64) {
        // If this failed, a newcomer would be given old news, or miss the first new one.
        let ring = BroadcastRing<Int>(capacity: 4, firstPosition: firstPosition)
        for number in 0..<6 {
            var cursor = ring.subscribe()
            let nothing = ring.tryReceive(by: &cursor)
            #expect(nothing == nil)
            ring.publish(number)
            var copy = cursor
            let (first, second) = (ring.tryReceive(by: &cursor), ring.tryReceive(by: &copy))
            #expect(first == .element(number) && second == .element(number))
        }
        check(ring)
    }

    @Test("Exactly the capacity is kept: one more costs the oldest, and is told once")
    func lagAtTheEdge() {
        // If this failed, a subscriber would be told too early, too late, twice, or a wrong number.
        let ring = BroadcastRing<Int>(capacity: 4)
        var onTime = ring.subscribe()
        var late = onTime
        for number in 0..<4 { ring.publish(number) }
        for number in 0..<4 {
            let delivery = ring.tryReceive(by: &onTime)
            #expect(delivery == .element(number))
        }
        ring.publish(4)
        let told = ring.tryReceive(by: &late)
        #expect(told == .lagged(missedCount: 1))
        for number in 1..<5 {
            let delivery = ring.tryReceive(by: &late)
            #expect(delivery == .element(number))
        }
        let nothing = ring.tryReceive(by: &late)
        #expect(nothing == nil)
    }

    @Test("Close refuses publications, keeps what is there, and each subscriber has its own end")
    func closing() {
        // If this failed, a subscriber would miss the end, or what came before it.
        let ring = BroadcastRing<Int>(capacity: 2, firstPosition: .max / 2)
        var (slow, fast, lost) = (ring.subscribe(), ring.subscribe(), ring.subscribe())
        ring.publish(1)
        _ = ring.tryReceive(by: &fast)
        let (openClosed, openDrained) = (ring.isClosed, ring.isDrained(by: fast))
        #expect(!openClosed && !openDrained)
        ring.publish(2)
        let (first, second) = (ring.close(), ring.close())
        #expect(first && !second)
        let (outcome, isPublished) = (ring.tryPublish(3), ring.publish(3))
        #expect(outcome == .closed && !isPublished)
        let isClosed = ring.isClosed
        #expect(isClosed)
        for number in 1...2 {
            let isDrained = ring.isDrained(by: slow)
            #expect(!isDrained)
            let delivery = ring.tryReceive(by: &slow)
            #expect(delivery == .element(number))
        }
        _ = ring.tryReceive(by: &fast)
        let (slowEnd, fastEnd) = (ring.isDrained(by: slow), ring.isDrained(by: fast))
        #expect(slowEnd && fastEnd)
        let nothing = ring.tryReceive(by: &slow)
        let newcomer = ring.subscribe()
        let (lostEnd, newEnd) = (ring.isDrained(by: lost), ring.isDrained(by: newcomer))
        #expect(nothing == nil && !lostEnd && newEnd)
        _ = ring.tryReceive(by: &lost)
        check(ring)
    }

    @Test("Elements die exactly once: overwritten, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak, or die while somebody has it.
        let ledger = LifetimeLedger()
        do {
            let ring = BroadcastRing<News>(capacity: 2)
            var cursor = ring.subscribe()
            ring.publish(News(ledger, 0))
            let kept = ring.tryReceive(by: &cursor)
            for number in 1..<6 { ring.publish(News(ledger, number)) }
            let alive = ledger.aliveCount
            #expect(alive == 3)
            guard case .element(let news) = kept else { return #expect(Bool(false)) }
            #expect(news.tracked.payload == 0)
            ring.close()
            _ = ring.tryPublish(News(ledger, 6))
            let after = ledger.aliveCount
            #expect(after == 3)
        }
        #expect(ledger.bornCount == 7)
        #expect(ledger.aliveCount == 0)
    }

    @Test("The end of an overwritten element may use the ring")
    func reentrance() {
        // If this failed, the end of an element would run while its slot is claimed.
        let ring = Shared(BroadcastRing<Farewell?>(capacity: 1))
        var cursor = ring.value.subscribe()
        let outcome = Shared(Atomic<Int>(0))
        ring.value.publish(Farewell(ring, outcome))
        ring.value.publish(nil)
        #expect(outcome.value.load(ordering: .relaxed) == 1)
        guard case .lagged(missedCount: 2) = ring.value.tryReceive(by: &cursor) else {
            return #expect(Bool(false), "the farewell was not published")
        }
    }

    @Test("Strings and other values with parts on the heap come out whole")
    func strings() {
        // If this failed, a copy would not hold what it refers to.
        let ring = BroadcastRing<(String, [Int])>(capacity: 2)
        var cursor = ring.subscribe()
        for number in 0..<10 {
            ring.publish((String(repeating: "x", count: 40) + "\(number)", [number, number]))
            guard case .element(let (text, list)) = ring.tryReceive(by: &cursor) else {
                return #expect(Bool(false), "nothing came")
            }
            #expect(text.hasSuffix("x\(number)") && text.count == 41 && list == [number, number])
        }
    }

    @Test("Lives in the caller's memory, whatever was there; the tail has lines of its own")
    func livesInStorage() {
        // If this failed, embedded users could not place a ring, or it would need zeroed memory.
        let byteCount = BroadcastRing<Int32>.storageByteCount(capacity: 3)
        #expect(byteCount == 2 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the ring.
        let ring = unsafe BroadcastRing<Int32>(storage: storage, capacity: 3)
        var cursor = ring.subscribe()
        for number in Int32(0)..<5 { ring.publish(number) }
        let (lag, second) = (ring.tryReceive(by: &cursor), ring.tryReceive(by: &cursor))
        #expect(lag == .lagged(missedCount: 1) && second == .element(1))
        check(ring)
    }

    @Test("A slot that somebody is inside is not taken, and `publish` waits for it")
    func occupied() {
        // If this failed, an element would be overwritten under a copy.
        let ring = Shared(BroadcastRing<Int>(capacity: 2))
        ring.value.publish(0)
        ring.value.publish(1)
        enterFirstSlot(of: ring.value)
        let outcome = ring.value.tryPublish(2)
        #expect(outcome == .occupied)
        let count = ring.value.publishedCount
        #expect(count == 2)
        ThreadTeam.run(count: 2) { thread in
            if thread == 0 {
                ring.value.publish(2)
            } else {
                for _ in 0..<1_000 { _ = ring.value.tryPublish(9) == .occupied }
                leaveFirstSlot(of: ring.value)
            }
        }
        check(ring.value)
    }

    @Test("Two publishers and two subscribers: one order, nothing lost without a word")
    func fourThreads() {
        // If this failed, subscribers would see two orders, or miss something.
        let ring = Shared(BroadcastRing<UInt64>(capacity: 16))
        let total: UInt64 = 2_000
        let left = Shared(Atomic<Int>(2))
        let start = ring.value.subscribe()
        let given = Shared(Atomic<UInt64>(0))
        ThreadTeam.run(count: 4) { thread in
            if thread < 2 {
                for number in 1...total { ring.value.publish(UInt64(thread) << 32 | number) }
                if left.value.subtract(1, ordering: .relaxed).newValue == 0 { ring.value.close() }
                return
            }
            var (cursor, backoff, last) = (start, Backoff(), [UInt64](repeating: 0, count: 2))
            var count: UInt64 = 0
            while !ring.value.isDrained(by: cursor) {  // Ends behind the close.
                switch ring.value.tryReceive(by: &cursor) {
                case .element(let element):
                    let publisher = Int(element >> 32)
                    #expect(element & 0xFFFF_FFFF > last[publisher])
                    last[publisher] = element & 0xFFFF_FFFF
                    count += 1
                case .lagged(let missed): count += missed
                case nil: backoff.snooze()
                }
            }
            given.value.wrappingAdd(count, ordering: .relaxed)
        }
        #expect(given.value.load(ordering: .relaxed) == 4 * total)
        check(ring.value)
    }

    /// Does to the first slot what a subscriber does before it copies.
    private func enterFirstSlot(of ring: borrowing BroadcastRing<Int>) {
        let slot = unsafe ring.slot(of: 0)  // SAFETY: there is a slot.
        unsafe ring.word(of: slot).pointee.add(1, ordering: .relaxed)  // SAFETY: as above.
    }

    private func leaveFirstSlot(of ring: borrowing BroadcastRing<Int>) {
        let slot = unsafe ring.slot(of: 0)  // SAFETY: there is a slot.
        unsafe ring.word(of: slot).pointee.subtract(1, ordering: .releasing)  // SAFETY: as above.
    }

    private func check<Element>(_ ring: borrowing BroadcastRing<Element>) {
        #if Checks || DEBUG
            ring.checkInvariants()
        #endif
    }
}

/// An element that is counted.
private final class News: Sendable {
    let tracked: Tracked

    init(_ ledger: LifetimeLedger, _ number: Int) { tracked = ledger.makeTracked(UInt64(number)) }
}

/// An element that publishes once more when it ends.
private final class Farewell: Sendable {
    let ring: Shared<BroadcastRing<Farewell?>>
    let count: Shared<Atomic<Int>>

    init(_ ring: Shared<BroadcastRing<Farewell?>>, _ count: Shared<Atomic<Int>>) {
        self.ring = ring
        self.count = count
    }

    deinit {
        if ring.value.tryPublish(nil) == .published { count.value.add(1, ordering: .relaxed) }
    }
}
