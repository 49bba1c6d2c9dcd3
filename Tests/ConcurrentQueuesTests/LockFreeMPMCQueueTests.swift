// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Lock-free MPMC queue")
struct LockFreeMPMCQueueTests {
    /// Where tickets wrap, and some other places.
    private static let positions: [UInt64] = [
        0, UInt64.max, UInt64.max / 2 - 5, UInt64.max / 2, 1 << 62,
    ]

    @Test("Capacity is what was asked for, rounded up to a power of two")
    func capacityIsRoundedUp() {
        // If this failed, an index would not fit the rings, or a caller would get fewer than asked.
        for (asked, given) in [(1, 1), (2, 2), (3, 4), (5, 8), (17, 32), (4096, 4096)] {
            let queue = LockFreeMPMCQueue<Int>(capacity: asked)
            let capacity = queue.capacity
            #expect(capacity == given)
            check(queue)
        }
    }

    @Test("A queue without slots, or for no thread, is refused")
    func senselessSizesTrap() async {
        // If this failed, a queue that cannot work would be handed out.
        await #expect(processExitsWith: .failure) {
            _ = LockFreeMPMCQueue<Int>(capacity: 0)
        }
        await #expect(processExitsWith: .failure) {
            _ = LockFreeMPMCQueue<Int>(capacity: 1, threadCountMax: 0)
        }
    }

    @Test(
        "Fills to exactly its capacity, refuses one more, gives back in order",
        arguments: positions, [1, 2, 8, 16, 64])
    func fillsAndDrainsInOrder(firstPosition: UInt64, capacity: Int) {
        // If this failed, a slot would be lost or used twice, also where the tickets wrap.
        let queue = LockFreeMPMCQueue<Int>(
            capacity: capacity, threadCountMax: 1, firstPosition: firstPosition)
        for lap in 0..<5 {
            for index in 0..<capacity {
                let (refused, count) = (queue.tryPush(lap * 100 + index), queue.estimatedCount)
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

    @Test("Any number of pops that find nothing hides nothing", arguments: positions, [1, 4, 32])
    func emptyPops(firstPosition: UInt64, capacity: Int) {
        // If this failed, the threshold would be used up and not be filled again.
        let queue = LockFreeMPMCQueue<Int>(
            capacity: capacity, threadCountMax: 3, firstPosition: firstPosition)
        for count in 0..<(4 * capacity + 10) {
            for _ in 0..<count {
                let nothing = queue.tryPop()
                #expect(nothing == nil)
            }
            let refused = queue.tryPush(count)
            #expect(refused == nil)
            check(queue)
            let element = queue.tryPop()
            #expect(element == count)
        }
    }

    @Test("Close refuses pushes, keeps what is queued, and says when all is gone")
    func closeKeepsQueued() {
        // If this failed, consumers would miss the end, or what came before it.
        let queue = LockFreeMPMCQueue<Int>(
            capacity: 4, threadCountMax: 2, firstPosition: UInt64.max / 2 - 1)
        for element in 1...3 { _ = queue.tryPush(element) }
        let (openClosed, openDrained) = (queue.isClosed, queue.isDrained)
        #expect(!openClosed && !openDrained)
        let (first, second) = (queue.close(), queue.close())
        #expect(first && !second)
        let refused = queue.tryPush(4)
        #expect(refused == 4)
        let (isClosed, isDrained, count) = (queue.isClosed, queue.isDrained, queue.estimatedCount)
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

    @Test("Noncopyable elements die exactly once: popped, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        for closes in [false, true] {
            let queue = LockFreeMPMCQueue<Tracked>(
                capacity: 4, threadCountMax: 2, firstPosition: UInt64.max / 2 - 2)
            for payload in 0..<5 { _ = queue.tryPush(ledger.makeTracked(UInt64(payload))) }
            let afterRefusal = ledger.aliveCount
            #expect(afterRefusal == 4)
            let oldest = payload(of: queue.tryPop())
            #expect(oldest == 0)
            if closes { queue.close() }
            _ = queue.tryPush(ledger.makeTracked(5))
            let alive = ledger.aliveCount
            #expect(alive == (closes ? 3 : 4))
        }
        #expect(ledger.bornCount == 12)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a queue, or it would need zeroed memory.
        let byteCount = LockFreeMPMCQueue<Int32>.storageByteCount(capacity: 3)
        // Two rings of three lines and eight words; the elements.
        #expect(byteCount == 9 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the queue.
        let queue = unsafe LockFreeMPMCQueue<Int32>(storage: storage, capacity: 3)
        for element in Int32(0)..<5 { _ = queue.tryPush(element) }
        let sum = (0..<4).map { _ in queue.tryPop() ?? -100 }.reduce(0, +)
        #expect(sum == 6)
        check(queue)
    }

    @Test("Four threads lose and repeat nothing, and end together", arguments: [1, 2, 16])
    func fourThreads(capacity: Int) {
        // If this failed, an index would be lost, or handed to two threads.
        let queue = Shared(LockFreeMPMCQueue<UInt64>(capacity: capacity))
        let total: UInt64 = 1_000
        let sum = Shared(Atomic<UInt64>(0))
        let producersLeft = Shared(Atomic<Int>(2))
        ThreadTeam.run(count: 4) { thread in
            var backoff = Backoff()
            if thread < 2 {
                for number in 1...total {
                    while queue.value.tryPush(number) != nil { backoff.snooze() }
                }
                if producersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                    queue.value.close()
                }
            } else {
                while true {  // Ends behind the close of the last producer.
                    if let number = queue.value.tryPop() {
                        sum.value.wrappingAdd(number, ordering: .relaxed)
                        backoff = Backoff()
                    } else if queue.value.isDrained {
                        break
                    } else {
                        backoff.snooze()
                    }
                }
            }
        }
        #expect(sum.value.load(ordering: .relaxed) == total * (total + 1))
        check(queue.value)
    }

    private func payload(of element: consuming Tracked?) -> UInt64? {
        guard let element else { return nil }
        return element.payload
    }

    private func check<Element: ~Copyable>(_ queue: borrowing LockFreeMPMCQueue<Element>) {
        #if Checks || DEBUG
            queue.checkInvariants()
        #endif
    }
}
