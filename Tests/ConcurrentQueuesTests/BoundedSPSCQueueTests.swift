// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Bounded SPSC queue")
struct BoundedSPSCQueueTests {
    /// Where tickets wrap, and some other places.
    private static let positions: [UInt64] = [
        0, UInt64.max, UInt64.max / 2 - 5, UInt64.max / 2, 1 << 62,
    ]

    @Test("Capacity is what was asked for, rounded up to a power of two")
    func capacityIsRoundedUp() {
        // If this failed, the mask would not fit the slots, or a caller would get fewer than asked.
        for (asked, given) in [(1, 1), (2, 2), (3, 4), (5, 8), (17, 32), (4096, 4096)] {
            let queue = BoundedSPSCQueue<Int>(capacity: asked)
            let capacity = queue.capacity
            #expect(capacity == given)
        }
    }

    @Test("A queue without slots is refused")
    func capacityZeroTraps() async {
        // If this failed, a queue that is full and empty at once would be handed out.
        await #expect(processExitsWith: .failure) {
            _ = BoundedSPSCQueue<Int>(capacity: 0)
        }
    }

    @Test(
        "Fills to exactly its capacity, refuses one more, gives back in order",
        arguments: positions, [1, 2, 16])
    func fillsAndDrainsInOrder(firstPosition: UInt64, capacity: Int) {
        // If this failed, a slot would be lost or used twice, also where the positions wrap.
        let queue = BoundedSPSCQueue<Int>(capacity: capacity, firstPosition: firstPosition)
        for lap in 0..<5 {
            for index in 0..<capacity {
                let (refused, count) = (queue.tryPush(lap * 100 + index), queue.count)
                #expect(refused == nil)
                #expect(count == index + 1)
            }
            let refused = queue.tryPush(-1)
            #expect(refused == -1)
            check(queue)
            for index in 0..<capacity {
                let element = queue.tryPop()
                #expect(element == lap * 100 + index)
            }
            let (nothing, isEmpty) = (queue.tryPop(), queue.isEmpty)
            #expect(nothing == nil)
            #expect(isEmpty)
            check(queue)
        }
    }

    @Test("Batches take what fits and give what is there, in order", arguments: positions)
    func batches(firstPosition: UInt64) {
        // If this failed, a batch would skip, repeat or overwrite slots.
        let queue = BoundedSPSCQueue<Int>(capacity: 8, firstPosition: firstPosition)
        var made = 0
        var expected = 0
        for (wanted, limit) in [(3, 64), (8, 5), (64, 3), (1, 1), (7, 64), (64, 64), (2, 64)] {
            let room = 8 - queue.count
            let filled = queue.fill(max: wanted) {
                made += 1
                return made
            }
            #expect(filled == min(wanted, room))
            check(queue)
            let queued = queue.count
            let taken = queue.drain(max: limit) { element in
                expected += 1
                #expect(element == expected)
            }
            #expect(taken == min(limit, queued))
            check(queue)
        }
        queue.drain(max: 8) { _ in expected += 1 }
        #expect(made == expected)
        let nothing = queue.drain(max: 8) { _ in }
        #expect(nothing == 0)
    }

    @Test("Close refuses pushes, keeps what is queued, and says when all is gone")
    func closeKeepsQueued() {
        // If this failed, a consumer would miss the end, or what came before it.
        let queue = BoundedSPSCQueue<Int>(capacity: 4, firstPosition: UInt64.max / 2 - 1)
        for element in 1...3 { _ = queue.tryPush(element) }
        let (openClosed, openDrained) = (queue.isClosed, queue.isDrained)
        #expect(!openClosed && !openDrained)
        let (first, second) = (queue.close(), queue.close())
        #expect(first && !second)
        let (refused, filled) = (queue.tryPush(4), queue.fill(max: 4) { 5 })
        #expect(refused == 4)
        #expect(filled == 0)
        let (isClosed, isDrained, count) = (queue.isClosed, queue.isDrained, queue.count)
        #expect(isClosed && !isDrained)
        #expect(count == 3)
        for expected in 1...3 {
            let element = queue.tryPop()
            #expect(element == expected)
        }
        let (nothing, isOver) = (queue.tryPop(), queue.isDrained)
        #expect(nothing == nil)
        #expect(isOver)
        check(queue)
    }

    @Test("A consumer that has gone is told to the producer")
    func abandonRefuses() {
        // If this failed, a producer would fill a queue that nobody empties.
        let queue = BoundedSPSCQueue<Int>(capacity: 4)
        _ = queue.tryPush(1)
        let before = queue.isAbandoned
        queue.abandon()
        let (refused, filled, after) = (
            queue.tryPush(2), queue.fill(max: 2) { 3 }, queue.isAbandoned
        )
        #expect(!before && after)
        #expect(refused == 2)
        #expect(filled == 0)
        let (count, isClosed) = (queue.count, queue.isClosed)
        #expect(count == 1)
        #expect(!isClosed)
    }

    @Test("Noncopyable elements die exactly once: popped, drained, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        do {
            let queue = BoundedSPSCQueue<Tracked>(
                capacity: 4, firstPosition: UInt64.max / 2 - 2)
            for payload in 0..<3 { _ = queue.tryPush(ledger.makeTracked(UInt64(payload))) }
            let filled = queue.fill(max: 5) { ledger.makeTracked(3) }
            #expect(filled == 1)
            _ = queue.tryPush(ledger.makeTracked(4))
            let afterRefusal = ledger.aliveCount
            #expect(afterRefusal == 4)
            let oldest = payload(of: queue.tryPop())
            #expect(oldest == 0)
            queue.drain(max: 1) { element in
                let next = payload(of: element)
                #expect(next == 1)
            }
            let (alive, count) = (ledger.aliveCount, queue.count)
            #expect(alive == 2 && count == 2)
        }
        #expect(ledger.bornCount == 5)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a queue, or it would need zeroed memory.
        let byteCount = BoundedSPSCQueue<Int32>.storageByteCount(capacity: 3)
        #expect(byteCount == 3 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the queue.
        let queue = unsafe BoundedSPSCQueue<Int32>(storage: storage, capacity: 3)
        let isAbandoned = queue.isAbandoned
        #expect(!isAbandoned)
        for element in Int32(0)..<5 { _ = queue.tryPush(element) }
        let sum = (0..<4).map { _ in queue.tryPop() ?? -100 }.reduce(0, +)
        #expect(sum == 6)
        check(queue)
    }

    @Test("Two threads lose and repeat nothing, one at a time and in batches")
    func twoThreads() {
        // If this failed, an element would be overwritten before it was taken.
        let queue = Shared(BoundedSPSCQueue<UInt64>(capacity: 8))
        let total: UInt64 = 20_000
        let faults = Shared(Atomic<Int>(0))
        ThreadTeam.run(count: 2) { thread in
            var backoff = Backoff()
            if thread == 0 {
                var made: UInt64 = 0
                while made < total {  // Ends: the consumer takes everything.
                    if made % 3 == 0 {
                        let count = queue.value.fill(max: min(5, Int(total - made))) {
                            made += 1
                            return made
                        }
                        if count == 0 { backoff.snooze() }
                    } else if queue.value.tryPush(made + 1) == nil {
                        made += 1
                    } else {
                        backoff.snooze()
                    }
                }
                queue.value.close()
            } else {
                var expected: UInt64 = 0
                func note(_ element: UInt64) {
                    expected += 1
                    if element != expected { faults.value.add(1, ordering: .relaxed) }
                }
                while !queue.value.isDrained {  // Ends behind the producer's close.
                    if expected % 2 == 0 {
                        if queue.value.drain(max: 4, note) == 0 { backoff.snooze() }
                    } else if let element = queue.value.tryPop() {
                        note(element)
                    } else {
                        backoff.snooze()
                    }
                }
                if expected != total { faults.value.add(1, ordering: .relaxed) }
            }
        }
        #expect(faults.value.load(ordering: .relaxed) == 0)
        check(queue.value)
    }

    private func payload(of element: consuming Tracked?) -> UInt64? {
        guard let element else { return nil }
        return element.payload
    }

    private func check<Element: ~Copyable>(_ queue: borrowing BoundedSPSCQueue<Element>) {
        #if Checks || DEBUG
            queue.checkInvariants()
        #endif
    }
}
