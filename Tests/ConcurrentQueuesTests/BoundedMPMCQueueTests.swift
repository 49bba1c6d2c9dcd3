// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Bounded MPMC queue")
struct BoundedMPMCQueueTests {
    @Test("Capacity is what was asked for, rounded up to a power of two")
    func capacityIsRoundedUp() {
        // If this failed, the mask would not fit the slots, or a caller would get fewer than asked.
        for (asked, given) in [(2, 2), (3, 4), (4, 4), (5, 8), (17, 32), (4096, 4096)] {
            let queue = BoundedMPMCQueue<Int>(capacity: asked)
            let capacity = queue.capacity
            #expect(capacity == given)
        }
    }

    @Test("A ring of fewer than two slots is refused")
    func capacityOneTraps() async {
        // If this failed, a ring that cannot tell full from empty would be handed out.
        await #expect(processExitsWith: .failure) {
            _ = BoundedMPMCQueue<Int>(capacity: 1)
        }
    }

    @Test(
        "Fills to exactly its capacity, refuses one more, gives back in order",
        arguments: [0, UInt64.max, UInt64.max / 2 - 5, UInt64.max / 2, 1 << 62])
    func fillsAndDrainsInOrder(firstPosition: UInt64) {
        // If this failed, a slot would be lost or used twice, also where the positions wrap.
        let queue = BoundedMPMCQueue<Int>(capacity: 16, firstPosition: firstPosition)
        for lap in 0..<5 {
            for index in 0..<16 {
                let refused = queue.tryPush(lap * 100 + index)
                #expect(refused == nil)
            }
            let refused = queue.tryPush(-1)
            #expect(refused == -1)
            check(queue)
            for index in 0..<16 {
                let element = queue.tryPop()
                #expect(element == lap * 100 + index)
            }
            let nothing = queue.tryPop()
            #expect(nothing == nil)
            check(queue)
        }
    }

    @Test(
        "Empty and full are told at every position around the wrap",
        arguments: 0...5 as ClosedRange<UInt64>)
    func emptyAndFullAroundTheWrap(distance: UInt64) {
        // If this failed, a comparison would not be modular: a pop would spin or a push overwrite.
        let queue = BoundedMPMCQueue<UInt64>(capacity: 2, firstPosition: UInt64.max / 2 - distance)
        for number in 0..<5 as Range<UInt64> {
            let nothing = queue.tryPop()
            #expect(nothing == nil)
            let drained = queue.drain(max: 2) { _ in }
            #expect(drained == 0)
            for offset in 0..<2 as Range<UInt64> {
                let refused = queue.tryPush(number + offset)
                #expect(refused == nil)
            }
            let refused = queue.tryPush(99)
            #expect(refused == 99)
            let (first, second) = (queue.tryPop(), queue.tryPop())
            #expect(first == number)
            #expect(second == number + 1)
        }
    }

    @Test(
        "The count is exact while nobody else is inside",
        arguments: [0, UInt64.max / 2 - 5, UInt64.max - 20])
    func countIsExact(firstPosition: UInt64) {
        // If this failed, a pool that grows when the count is zero would never grow (hyperia).
        let queue = BoundedMPMCQueue<Int>(capacity: 4096, firstPosition: firstPosition)
        for target in [0, 1, 2, 15, 16, 17, 40, 4096] {
            for element in 0..<target { _ = queue.tryPush(element) }
            let (count, isEmpty) = (queue.count, queue.isEmpty)
            #expect(count == target)
            #expect(isEmpty == (target == 0))
            for _ in 0..<target { _ = queue.tryPop() }
            let left = queue.count
            #expect(left == 0)
        }
    }

    @Test("The count stays exact over many laps")
    func countIsExactAfterWrap() {
        // If this failed, the count would be taken modulo the wrong number.
        let queue = BoundedMPMCQueue<Int>(capacity: 16, firstPosition: UInt64.max / 2 - 40)
        for step in 0..<200 {
            let size = step % 17
            for element in 0..<size { _ = queue.tryPush(element) }
            let count = queue.count
            #expect(count == size)
            check(queue)
            let taken = queue.drain(max: 100) { _ in }
            #expect(taken == size)
        }
    }

    @Test("Close refuses pushes, keeps what is queued, and says when all is gone")
    func closeKeepsQueued() {
        // If this failed, close would drop queued elements (hyperia) or let later pushes in.
        let queue = BoundedMPMCQueue<Int>(capacity: 4, firstPosition: UInt64.max / 2 - 1)
        for element in 1...3 { _ = queue.tryPush(element) }
        let (openClosed, openDrained) = (queue.isClosed, queue.isDrained)
        #expect(!openClosed)
        #expect(!openDrained)
        let (first, second) = (queue.close(), queue.close())
        #expect(first)
        #expect(!second)
        let refused = queue.tryPush(4)
        #expect(refused == 4)
        let (count, isClosed, isDrained) = (queue.count, queue.isClosed, queue.isDrained)
        #expect(count == 3)
        #expect(isClosed)
        #expect(!isDrained)
        for expected in 1...3 {
            let element = queue.tryPop()
            #expect(element == expected)
        }
        let (nothing, isDrainedNow) = (queue.tryPop(), queue.isDrained)
        #expect(nothing == nil)
        #expect(isDrainedNow)
        check(queue)
    }

    @Test("A drain takes up to its limit, in order, and recycles the slots")
    func drainTakesRuns() {
        // If this failed, the batch would skip, repeat or block slots.
        let queue = BoundedMPMCQueue<Int>(capacity: 8, firstPosition: UInt64.max / 2 - 3)
        var next = 0
        var expected = 0
        for size in [8, 5, 3, 8, 1] {
            for _ in 0..<size {
                let refused = queue.tryPush(next)
                #expect(refused == nil)
                next += 1
            }
            let taken = queue.drain(max: 3) { element in
                #expect(element == expected)
                expected += 1
            }
            #expect(taken == min(3, size))
            queue.drain(max: 64) { element in
                #expect(element == expected)
                expected += 1
            }
            check(queue)
        }
        #expect(expected == next)
        let nothing = queue.drain(max: 1) { _ in }
        #expect(nothing == 0)
    }

    @Test("A fill puts what there is room for, in order, and nothing behind the close")
    func fillPutsRuns() {
        // If this failed, the batch would skip or overwrite slots, or ask for more than it can put.
        let queue = BoundedMPMCQueue<Int>(capacity: 8, firstPosition: UInt64.max / 2 - 3)
        var (next, expected) = (0, 0)
        let make: () -> sending Int = {
            next += 1
            return next - 1
        }
        for lap in 0..<5 {
            let puts = [5, 5, 1].map { queue.fill(max: $0, make) }
            #expect(puts == [5, 3, 0])
            check(queue)
            // Two free places behind one that is full: a run ends there.
            for takes in [2, 6] {
                let taken = queue.drain(max: takes) { element in
                    #expect(element == expected)
                    expected += 1
                }
                #expect(taken == takes)
                if takes == 6 { break }
                let put = queue.fill(max: lap + 1, make)
                #expect(put == min(lap + 1, 2))
            }
            queue.drain(max: 8) { _ in expected += 1 }
            check(queue)
        }
        #expect(next == expected)
        queue.close()
        let late = queue.fill(max: 3, make)
        #expect(late == 0)
        #expect(next == expected)
    }

    @Test("Noncopyable elements die exactly once: popped, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        do {
            let queue = BoundedMPMCQueue<Tracked>(capacity: 4, firstPosition: UInt64.max / 2 - 2)
            for payload in 0..<6 { _ = queue.tryPush(ledger.makeTracked(UInt64(payload))) }
            let afterRefusals = ledger.aliveCount
            #expect(afterRefusals == 4)
            let oldest = payload(of: queue.tryPop())
            #expect(oldest == 0)
            queue.drain(max: 1) { element in
                let next = payload(of: element)
                #expect(next == 1)
            }
            let (alive, count) = (ledger.aliveCount, queue.count)
            #expect(alive == 2)
            #expect(count == 2)
            let put = queue.fill(max: 3) { ledger.makeTracked(7) }
            #expect(put == 2)
            #expect(ledger.aliveCount == 4)
        }
        #expect(ledger.bornCount == 8)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a queue, or it would need zeroed memory.
        let byteCount = BoundedMPMCQueue<Int32>.storageByteCount(capacity: 3)
        #expect(byteCount == 2 * CacheLine.byteCount + 128)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the queue.
        let queue = unsafe BoundedMPMCQueue<Int32>(storage: storage, capacity: 3)
        for element in Int32(0)..<4 { _ = queue.tryPush(element) }
        let sum = (0..<4).map { _ in queue.tryPop() ?? -100 }.reduce(0, +)
        #expect(sum == 6)
        check(queue)
    }

    @Test("Elements larger or more aligned than a word keep their places")
    func oddElementLayouts() {
        // If this failed, neighbouring slots would overlap.
        let bytes = BoundedMPMCQueue<UInt8>(capacity: 4)
        let wide = BoundedMPMCQueue<SIMD8<UInt64>>(capacity: 4)
        let nothing = BoundedMPMCQueue<Void>(capacity: 4)
        for index in 0..<4 {
            _ = bytes.tryPush(UInt8(index))
            _ = wide.tryPush(SIMD8(repeating: UInt64(index)))
            _ = nothing.tryPush(())
        }
        for index in 0..<4 {
            let (byte, vector) = (bytes.tryPop(), wide.tryPop())
            let isThere = nothing.tryPop() != nil
            #expect(byte == UInt8(index))
            #expect(vector == SIMD8(repeating: UInt64(index)))
            #expect(isThere)
        }
    }

    @Test("Two producers and two consumers lose and repeat nothing")
    func fourThreads() {
        // If this failed, a claim would be won twice or an element overwritten.
        let queue = Shared(BoundedMPMCQueue<UInt64>(capacity: 8))
        let sum = Shared(Atomic<UInt64>(0))
        let taken = Shared(Atomic<Int>(0))
        let perProducer = 5_000
        ThreadTeam.run(count: 4) { thread in
            var backoff = Backoff()
            if thread < 2 {
                for index in 0..<perProducer {  // Ends: the consumers take everything.
                    while queue.value.tryPush(UInt64(index)) != nil { backoff.snooze() }
                }
            } else {
                while taken.value.load(ordering: .relaxed) < 2 * perProducer {
                    guard let element = queue.value.tryPop() else {
                        backoff.snooze()
                        continue
                    }
                    sum.value.add(element, ordering: .relaxed)
                    taken.value.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(sum.value.load(ordering: .relaxed) == UInt64(perProducer * (perProducer - 1)))
        check(queue.value)
    }

    private func payload(of element: consuming Tracked?) -> UInt64? {
        guard let element else { return nil }
        return element.payload
    }

    private func check<Element>(_ queue: borrowing BoundedMPMCQueue<Element>) {
        #if Checks || DEBUG
            queue.checkInvariants()
        #endif
    }
}
