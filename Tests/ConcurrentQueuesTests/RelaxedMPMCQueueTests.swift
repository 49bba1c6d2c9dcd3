// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Relaxed MPMC queue")
struct RelaxedMPMCQueueTests {
    /// Where tickets wrap, and some other places.
    private static let positions: [UInt64] = [0, UInt64.max, UInt64.max / 2 - 5, 1 << 62]

    @Test("Each handle has a lane, in turn; a lane's capacity is rounded up")
    func lanes() {
        // If this failed, handles would share a lane while others are unused.
        let queue = RelaxedMPMCQueue<Int>(laneCount: 3, laneCapacity: 3)
        let (laneCapacity, capacity) = (queue.laneCapacity, queue.capacity)
        #expect(laneCapacity == 4 && capacity == 12)
        for round in 0..<2 {
            for lane in 0..<3 {
                let handle = queue.makeHandle()
                for turn in 0..<2 {
                    let refused = queue.tryPush(10 * lane + turn, by: handle)
                    #expect(refused == nil, "round \(round), lane \(lane)")
                }
            }
        }
        let (fourth, count) = (queue.makeHandle(), queue.count)
        let refused = queue.tryPush(-1, by: fourth)
        #expect(refused == -1 && count == 12)
        check(queue)
    }

    @Test("Senseless sizes are refused, and so is a handle of a larger queue")
    func senselessSizesTrap() async {
        // If this failed, memory beyond the lanes would be used.
        await #expect(processExitsWith: .failure) {
            _ = RelaxedMPMCQueue<Int>(laneCount: 0, laneCapacity: 2)
        }
        await #expect(processExitsWith: .failure) {
            _ = RelaxedMPMCQueue<Int>(laneCount: 2, laneCapacity: 1)
        }
        await #expect(processExitsWith: .failure) {
            let large = RelaxedMPMCQueue<Int>(laneCount: 2, laneCapacity: 2)
            let small = RelaxedMPMCQueue<Int>(laneCount: 1, laneCapacity: 2)
            _ = large.makeHandle()
            _ = small.tryPush(1, by: large.makeHandle())
        }
    }

    @Test(
        "What one handle pushed comes in order, whoever takes it", arguments: positions, [1, 2, 5])
    func orderOfAHandle(firstPosition: UInt64, laneCount: Int) {
        // If this failed, the one order that is promised would not be kept.
        let queue = RelaxedMPMCQueue<Int>(
            laneCount: laneCount, laneCapacity: 8, firstPosition: firstPosition)
        let producers = (0..<(laneCount + 1)).map { _ in queue.makeHandle() }
        var consumers = [queue.makeHandle(), queue.makeConsumerHandle()]
        var random = SplitMix64(seed: firstPosition ^ UInt64(laneCount))
        var next = [Int](repeating: 0, count: producers.count)
        var seen = [Int](repeating: -1, count: producers.count)
        var queued = 0
        for _ in 0..<2_000 {
            if random.next() % 2 == 0 {
                let producer = Int(random.next() % UInt64(producers.count))
                let refused = queue.tryPush(
                    producer * 10_000 + next[producer], by: producers[producer])
                if refused == nil {
                    next[producer] += 1
                    queued += 1
                }
            } else {
                let consumer = Int(random.next() % 2)
                let element = queue.tryPop(by: &consumers[consumer])
                #expect((element == nil) == (queued == 0))
                guard let element else { continue }
                let (producer, number) = (element / 10_000, element % 10_000)
                #expect(number == seen[producer] + 1)
                seen[producer] = number
                queued -= 1
            }
            let count = queue.count
            #expect(count == queued)
        }
        check(queue)
    }

    @Test("No lane is forgotten, however much is in the others")
    func fairness() {
        // If this failed, a consumer would never come to a lane that is not its own.
        let queue = RelaxedMPMCQueue<Int>(laneCount: 3, laneCapacity: 64)
        let producers = (0..<3).map { _ in queue.makeHandle() }
        var consumer = queue.makeConsumerHandle()
        for lane in 0..<3 {
            for _ in 0..<64 { _ = queue.tryPush(lane, by: producers[lane]) }
        }
        var taken = [0, 0, 0]
        for _ in 0..<(9 * RelaxedMPMCQueue<Int>.turnCountMax + 9) {
            guard let lane = queue.tryPop(by: &consumer) else { break }
            taken[lane] += 1
            _ = queue.tryPush(lane, by: producers[lane])
        }
        #expect(taken.allSatisfy { $0 >= 3 * RelaxedMPMCQueue<Int>.turnCountMax })
    }

    @Test("Who pushes takes from its own lane, and now and then from each other one")
    func homeBound() {
        // If this failed, threads would get into each other's way, or forget a lane.
        let queue = RelaxedMPMCQueue<Int>(laneCount: 3, laneCapacity: 64)
        var handles = (0..<3).map { _ in queue.makeHandle() }
        for lane in 0..<3 {
            for _ in 0..<32 { _ = queue.tryPush(lane, by: handles[lane]) }
        }
        var taken = [0, 0, 0]
        for _ in 0..<(10 * RelaxedMPMCQueue<Int>.turnCountMax + 10) {
            guard let lane = queue.tryPop(by: &handles[1]) else { break }
            taken[lane] += 1
            _ = queue.tryPush(lane, by: handles[lane])
        }
        #expect(taken[0] == 5 && taken[2] == 5)
        check(queue)
    }

    @Test("Close refuses pushes, keeps what is queued, and says when all is gone")
    func closeKeepsQueued() {
        // If this failed, consumers would miss the end, or what came before it.
        let queue = RelaxedMPMCQueue<Int>(laneCount: 3, laneCapacity: 4)
        let producers = (0..<3).map { _ in queue.makeHandle() }
        for lane in 0..<3 { _ = queue.tryPush(lane, by: producers[lane]) }
        let (openClosed, openDrained) = (queue.isClosed, queue.isDrained)
        #expect(!openClosed && !openDrained)
        let (first, second) = (queue.close(), queue.close())
        #expect(first && !second)
        for lane in 0..<3 {
            let refused = queue.tryPush(9, by: producers[lane])
            #expect(refused == 9)
        }
        var consumer = queue.makeHandle()
        var taken: [Int] = []
        while let element = queue.tryPop(by: &consumer) {
            let isDrained = queue.isDrained
            taken.append(element)
            #expect(isDrained == (taken.count == 3))
        }
        #expect(taken.sorted() == [0, 1, 2])
        let (isClosed, isEmpty) = (queue.isClosed, queue.isEmpty)
        #expect(isClosed && isEmpty)
        check(queue)
    }

    @Test("Noncopyable elements die exactly once: popped, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        do {
            let queue = RelaxedMPMCQueue<Tracked>(laneCount: 2, laneCapacity: 2)
            let producers = (0..<2).map { _ in queue.makeHandle() }
            var consumer = queue.makeHandle()
            for payload in 0..<6 {
                _ = queue.tryPush(ledger.makeTracked(UInt64(payload)), by: producers[payload % 2])
            }
            let afterRefusals = ledger.aliveCount
            #expect(afterRefusals == 4)
            _ = queue.tryPop(by: &consumer)
            let alive = ledger.aliveCount
            #expect(alive == 3)
        }
        #expect(ledger.bornCount == 6)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a queue, or it would need zeroed memory.
        let byteCount = RelaxedMPMCQueue<Int32>.storageByteCount(laneCount: 2, laneCapacity: 3)
        let lane = BoundedMPMCQueue<Int32>.storageByteCount(capacity: 3)
        #expect(byteCount == 2 * CacheLine.byteCount + 2 * lane)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the queue.
        let queue = unsafe RelaxedMPMCQueue<Int32>(storage: storage, laneCount: 2, laneCapacity: 3)
        var handle = queue.makeHandle()
        for element in Int32(0)..<5 { _ = queue.tryPush(element, by: handle) }
        let sum = (0..<4).map { _ in queue.tryPop(by: &handle) ?? -100 }.reduce(0, +)
        #expect(sum == 6)
        check(queue)
    }

    @Test("Four threads lose and repeat nothing, and end together")
    func fourThreads() {
        // If this failed, a lane would be left behind, or an element be taken twice.
        let queue = Shared(RelaxedMPMCQueue<UInt64>(laneCount: 2, laneCapacity: 16))
        let total: UInt64 = 1_000
        let sum = Shared(Atomic<UInt64>(0))
        let producersLeft = Shared(Atomic<Int>(2))
        ThreadTeam.run(count: 4) { thread in
            var handle = queue.value.makeHandle()
            var backoff = Backoff()
            if thread < 2 {
                for number in 1...total {
                    while queue.value.tryPush(number, by: handle) != nil { backoff.snooze() }
                }
                if producersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                    queue.value.close()
                }
            } else {
                while !queue.value.isDrained {  // Ends behind the close of the last producer.
                    if let number = queue.value.tryPop(by: &handle) {
                        sum.value.wrappingAdd(number, ordering: .relaxed)
                        backoff = Backoff()
                    } else {
                        backoff.snooze()
                    }
                }
            }
        }
        #expect(sum.value.load(ordering: .relaxed) == total * (total + 1))
        check(queue.value)
    }

    private func check<Element: ~Copyable>(_ queue: borrowing RelaxedMPMCQueue<Element>) {
        #if Checks || DEBUG
            queue.checkInvariants()
        #endif
    }
}
