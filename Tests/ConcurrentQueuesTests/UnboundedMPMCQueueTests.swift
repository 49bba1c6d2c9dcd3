// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Unbounded MPMC queue")
struct UnboundedMPMCQueueTests {
    private static let segmentCapacities = [1, 2, 3, 128]

    @Test("A segment without slots is refused")
    func noSlots() async {
        // If this failed, a push would add segments for ever.
        await #expect(processExitsWith: .failure) {
            _ = UnboundedMPMCQueue<Int>(segmentCapacity: 0)
        }
    }

    @Test("Gives in order what it was given, over many segments", arguments: segmentCapacities)
    func inOrder(segmentCapacity: Int) {
        // If this failed, an element would be lost or out of order where a segment ends.
        let queue = UnboundedMPMCQueue<Int>(segmentCapacity: segmentCapacity)
        for lap in 0..<5 {
            for number in 0..<300 {
                let refused = queue.tryPush(lap * 1000 + number)
                #expect(refused == nil)
            }
            let isEmpty = queue.isEmpty
            #expect(!isEmpty)
            check(queue)
            for number in 0..<300 {
                let element = queue.tryPop()
                #expect(element == lap * 1000 + number)
            }
            let (nothing, isEmptyAgain) = (queue.tryPop(), queue.isEmpty)
            #expect(nothing == nil)
            #expect(isEmptyAgain)
            check(queue)
        }
    }

    @Test("Does what an array does", arguments: [1, 2, 3, 4] as [UInt64], segmentCapacities)
    func equalsArray(seed: UInt64, segmentCapacity: Int) {
        // If this failed, some order of operations would lose, repeat or reorder an element.
        var random = SplitMix64(seed: seed)
        let queue = UnboundedMPMCQueue<Int>(segmentCapacity: segmentCapacity)
        var oracle: [Int] = []
        for number in 0..<5_000 {
            switch random.next() >> 61 {
            case 0..<4:
                let refused = queue.tryPush(number)
                #expect(refused == nil)
                oracle.append(number)
            case 4..<6:
                let popped = queue.tryPop()
                #expect(popped == (oracle.isEmpty ? nil : oracle.removeFirst()))
            case 6:
                let size = Int(random.next() % 9) + 1
                let expected = Array(oracle.prefix(size))
                var taken: [Int] = []
                let count = queue.drain(max: size) { taken.append($0) }
                #expect(taken == expected)
                #expect(count == expected.count)
                oracle.removeFirst(count)
            default:
                let isEmpty = queue.isEmpty
                #expect(isEmpty == oracle.isEmpty)
            }
            if number % 16 == 0 { check(queue) }
        }
    }

    @Test("A closed queue refuses, and ends when all is taken", arguments: segmentCapacities)
    func closes(segmentCapacity: Int) {
        // If this failed, a push would be accepted and lost, or a consumer never end.
        for count in [0, 1, 2, 3, 128, 130] {
            let queue = UnboundedMPMCQueue<Int>(segmentCapacity: segmentCapacity)
            for number in 0..<count { _ = queue.tryPush(number) }
            let before = (queue.isClosed, queue.isDrained)
            #expect(before == (false, false))
            let (first, second) = (queue.close(), queue.close())
            #expect(first && !second)
            for _ in 0..<200 {
                let refused = queue.tryPush(-1)
                #expect(refused == -1)
            }
            check(queue)
            let (isClosed, isDrained) = (queue.isClosed, queue.isDrained)
            #expect(isClosed && isDrained == (count == 0))
            for number in 0..<count {
                let element = queue.tryPop()
                #expect(element == number)
            }
            let (nothing, isEnd) = (queue.tryPop(), queue.isDrained)
            #expect(nothing == nil && isEnd)
            check(queue)
        }
    }

    @Test("Noncopyable elements die exactly once: popped, drained, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        do {
            let queue = UnboundedMPMCQueue<Tracked>(segmentCapacity: 4)
            for payload in 0..<30 { _ = queue.tryPush(ledger.makeTracked(UInt64(payload))) }
            for payload in 0..<5 {
                let found = self.payload(of: queue.tryPop())
                #expect(found == UInt64(payload))
            }
            queue.drain(max: 7) { _ in }
            check(queue)
            queue.close()
            _ = queue.tryPush(ledger.makeTracked(99))
            #expect(ledger.aliveCount == 18)
            check(queue)
        }
        #expect(ledger.bornCount == 31)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Emptied segments are given back at once")
    func memoryComesBack() {
        // If this failed, a queue would keep the memory of its largest moment.
        let queue = UnboundedMPMCQueue<Int>(segmentCapacity: 2)
        for number in 0..<1000 { _ = queue.tryPush(number) }
        for _ in 0..<1000 {
            _ = queue.tryPop()
            let kept = queue.retiredSegmentCount
            #expect(kept == 0)
            check(queue)
        }
    }

    @Test("A consumer that stalls holds back one segment, and no more")
    func stalledConsumer() {
        // If this failed, the documentation's bound would be wrong.
        let queue = UnboundedMPMCQueue<Int>(segmentCapacity: 2)
        for number in 0..<4 { _ = queue.tryPush(number) }
        queue.drain(max: 1) { first in  // Inside of the body its guard holds the first segment.
            #expect(first == 0)
            for number in 4..<1000 {
                _ = queue.tryPush(number)
                _ = queue.tryPop()
            }
            let kept = queue.retiredSegmentCount
            #expect(kept == 1)
        }
        check(queue)
        let (freed, kept) = (queue.releaseSegments(), queue.retiredSegmentCount)
        #expect(freed == 1)
        #expect(kept == 0)
        check(queue)
    }

    @Test("Two producers and two consumers lose nothing and keep order", arguments: [1, 7, 128])
    func fourThreads(segmentCapacity: Int) {
        // If this failed, two threads would have one slot, or a segment end under somebody.
        let queue = Shared(UnboundedMPMCQueue<UInt64>(segmentCapacity: segmentCapacity))
        let each: UInt64 = 20_000
        let (sum, wrong) = (Shared(Atomic<UInt64>(0)), Shared(Atomic<Int>(0)))
        let ended = Shared(Atomic<Int>(0))
        ThreadTeam.run(count: 4) { thread in
            if thread < 2 {
                for number in 1...each {
                    let refused = queue.value.tryPush(UInt64(thread) << 32 | number)
                    if refused != nil { wrong.value.add(1, ordering: .relaxed) }
                }
                if ended.value.add(1, ordering: .acquiringAndReleasing).newValue == 2 {
                    queue.value.close()
                }
            } else {
                var last: [UInt64] = [0, 0]
                var backoff = Backoff()
                func note(_ element: UInt64) {
                    let (producer, number) = (Int(element >> 32), element & 0xFFFF_FFFF)
                    if number <= last[producer] { wrong.value.add(1, ordering: .relaxed) }
                    last[producer] = number
                    sum.value.wrappingAdd(number, ordering: .relaxed)
                }
                while !queue.value.isDrained {  // Ends: the second producer closes.
                    if thread == 2, let element = queue.value.tryPop() {
                        note(element)
                    } else if queue.value.drain(max: 5, note) == 0 {
                        backoff.snooze()
                    }
                }
            }
        }
        #expect(wrong.value.load(ordering: .relaxed) == 0)
        #expect(sum.value.load(ordering: .relaxed) == each * (each + 1))
        check(queue.value)
        queue.value.releaseSegments()
        let kept = queue.value.retiredSegmentCount
        #expect(kept == 0)
    }

    private func check<Element: ~Copyable>(_ queue: borrowing UnboundedMPMCQueue<Element>) {
        #if Checks || DEBUG
            queue.checkInvariants()
        #endif
    }

    private func payload(of element: consuming Tracked?) -> UInt64? {
        guard let element else { return nil }
        return element.payload
    }
}
