// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Unbounded SPSC queue")
struct UnboundedSPSCQueueTests {
    /// Where tickets wrap, and some other places; the beginning of a segment.
    private static let positions: [UInt64] = [
        0, UInt64.max - 63, UInt64.max / 2 - 63, UInt64.max / 2 - 127, 1 << 62,
    ]

    @Test(
        "Takes any number of elements, gives back in order", arguments: positions, [1, 2, 16, 64])
    func growsInOrder(firstPosition: UInt64, segmentCapacity: Int) {
        // If this failed, a slot would be lost or used twice, also where the positions wrap.
        let queue = UnboundedSPSCQueue<Int>(
            segmentCapacity: segmentCapacity, segmentCountMax: .max, firstPosition: firstPosition)
        var (pushed, taken) = (0, 0)
        for size in [1, 70, 3, 64, 200, 2] {
            for _ in 0..<size {
                let refused = queue.tryPush(pushed)
                #expect(refused == nil)
                pushed += 1
            }
            check(queue)
            for _ in 0..<(size / 2) {
                let element = queue.tryPop()
                #expect(element == taken)
                taken += 1
            }
            let count = queue.count
            #expect(count == pushed - taken)
            check(queue)
        }
        while let element = queue.tryPop() {
            #expect(element == taken)
            taken += 1
        }
        #expect(taken == pushed)
        let isEmpty = queue.isEmpty
        #expect(isEmpty)
    }

    @Test("In the steady state no segment is allocated", arguments: [1, 4, 32], [1, 7, 40])
    func steadyState(segmentCapacity: Int, depth: Int) {
        // If this failed, a queue that is never long would grow for ever, or allocate all the time.
        let queue = UnboundedSPSCQueue<Int>(segmentCapacity: segmentCapacity)
        for number in 0..<depth { _ = queue.tryPush(number) }
        // The segments of so many elements, one that is begun, one that is being left.
        let limit = depth / segmentCapacity + 3
        for number in depth..<(depth + 10 * segmentCapacity + 100) {
            _ = queue.tryPush(number)
            let element = queue.tryPop()
            #expect(element == number - depth)
            let count = queue.allocatedSegmentCount
            #expect(count <= limit)
        }
        check(queue)
    }

    @Test("At the limit of segments pushes are refused, until the consumer has left one")
    func limit() {
        // If this failed, a stalled consumer would cost all memory, or a queue would never recover.
        let queue = UnboundedSPSCQueue<Int>(segmentCapacity: 4, segmentCountMax: 3)
        for round in 0..<5 {
            var pushed = 0
            while queue.tryPush(pushed) == nil { pushed += 1 }
            // In the first round all three segments are empty; later one is left only in the next.
            #expect(pushed == 12 || round > 0 && (8...12).contains(pushed))
            let filled = queue.fill(max: 5) { -1 }
            #expect(filled == 0)
            let segments = queue.allocatedSegmentCount
            #expect(segments == 3)
            for expected in 0..<pushed {
                let element = queue.tryPop()
                #expect(element == expected)
            }
            check(queue)
        }
    }

    @Test("Trim gives back what the consumer has left")
    func trims() {
        // If this failed, a burst would be paid for until the end, or a segment in use be freed.
        let queue = UnboundedSPSCQueue<Int>(segmentCapacity: 2)
        for number in 0..<20 { _ = queue.tryPush(number) }
        let none = queue.trim()
        #expect(none == 0)
        for _ in 0..<15 { _ = queue.tryPop() }
        let (freed, left) = (queue.trim(), queue.allocatedSegmentCount)
        #expect(freed == 7 && left == 3)
        check(queue)
        for expected in 15..<20 {
            let element = queue.tryPop()
            #expect(element == expected)
        }
        let refused = queue.tryPush(20)
        #expect(refused == nil)
        check(queue)
    }

    @Test("Batches go over the ends of segments, in order", arguments: positions)
    func batches(firstPosition: UInt64) {
        // If this failed, a batch would skip, repeat or overwrite slots.
        let queue = UnboundedSPSCQueue<Int>(
            segmentCapacity: 8, segmentCountMax: .max, firstPosition: firstPosition)
        var (made, expected) = (0, 0)
        for (wanted, limit) in [(3, 64), (8, 5), (64, 3), (1, 1), (7, 64), (64, 64), (2, 64)] {
            let filled = queue.fill(max: wanted) {
                made += 1
                return made
            }
            #expect(filled == wanted)
            let queued = queue.count
            let taken = queue.drain(max: limit) { element in
                expected += 1
                #expect(element == expected)
            }
            #expect(taken == min(limit, queued))
            check(queue)
        }
        queue.drain(max: 200) { _ in expected += 1 }
        #expect(made == expected)
    }

    @Test("Close refuses pushes, keeps what is queued; a consumer that has gone is told")
    func ends() {
        // If this failed, one side would wait for the other, which is gone.
        let queue = UnboundedSPSCQueue<Int>(
            segmentCapacity: 2, segmentCountMax: .max, firstPosition: UInt64.max / 2 - 1)
        for element in 1...5 { _ = queue.tryPush(element) }
        let (openClosed, openDrained) = (queue.isClosed, queue.isDrained)
        #expect(!openClosed && !openDrained)
        let (first, second) = (queue.close(), queue.close())
        #expect(first && !second)
        let (refused, filled) = (queue.tryPush(6), queue.fill(max: 4) { 7 })
        #expect(refused == 6 && filled == 0)
        let (isClosed, isDrained) = (queue.isClosed, queue.isDrained)
        #expect(isClosed && !isDrained)
        for expected in 1...5 {
            let element = queue.tryPop()
            #expect(element == expected)
        }
        let (nothing, isOver) = (queue.tryPop(), queue.isDrained)
        #expect(nothing == nil)
        #expect(isOver)
        check(queue)
        let other = UnboundedSPSCQueue<Int>()
        _ = other.tryPush(1)
        let before = other.isAbandoned
        other.abandon()
        let (late, more, after) = (other.tryPush(2), other.fill(max: 2) { 3 }, other.isAbandoned)
        #expect(!before && after)
        #expect(late == 2 && more == 0)
    }

    @Test("Noncopyable elements die exactly once: popped, drained, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        do {
            let queue = UnboundedSPSCQueue<Tracked>(segmentCapacity: 2, segmentCountMax: 3)
            for payload in 0..<4 { _ = queue.tryPush(ledger.makeTracked(UInt64(payload))) }
            let filled = queue.fill(max: 5) { ledger.makeTracked(4) }
            #expect(filled == 2)
            _ = queue.tryPush(ledger.makeTracked(5))
            let afterRefusal = ledger.aliveCount
            #expect(afterRefusal == 6)
            let oldest = payload(of: queue.tryPop())
            #expect(oldest == 0)
            queue.drain(max: 2) { element in _ = consume element }
            let (alive, count) = (ledger.aliveCount, queue.count)
            #expect(alive == 3 && count == 3)
        }
        #expect(ledger.bornCount == 7)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Sizes that make no sense are refused")
    func senselessSizesTrap() async {
        // If this failed, a queue that cannot work would be handed out.
        await #expect(processExitsWith: .failure) {
            _ = UnboundedSPSCQueue<Int>(segmentCapacity: 0)
        }
        await #expect(processExitsWith: .failure) {
            _ = UnboundedSPSCQueue<Int>(segmentCapacity: 4, segmentCountMax: 1)
        }
    }

    @Test("Two threads lose and repeat nothing", arguments: [1, 8])
    func twoThreads(segmentCapacity: Int) {
        // If this failed, a segment would be used again before the consumer had left it.
        let queue = Shared(UnboundedSPSCQueue<UInt64>(segmentCapacity: segmentCapacity))
        let total: UInt64 = 20_000
        let faults = Shared(Atomic<Int>(0))
        ThreadTeam.run(count: 2) { thread in
            if thread == 0 {
                for number in 1...total {
                    if queue.value.tryPush(number) != nil {
                        faults.value.add(1, ordering: .relaxed)
                    }
                }
                queue.value.close()
            } else {
                var expected: UInt64 = 0
                var backoff = Backoff()
                while !queue.value.isDrained {  // Ends behind the producer's close.
                    if let element = queue.value.tryPop() {
                        expected += 1
                        if element != expected { faults.value.add(1, ordering: .relaxed) }
                        backoff = Backoff()
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

    private func check<Element: ~Copyable>(_ queue: borrowing UnboundedSPSCQueue<Element>) {
        #if Checks || DEBUG
            queue.checkInvariants()
        #endif
    }
}
