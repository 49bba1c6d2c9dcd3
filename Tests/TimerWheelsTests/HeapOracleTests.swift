// SPDX-License-Identifier: MIT

#if Oracles
    import HeapModule
    import StressSupport
    import Testing
    import TimerWheels

    @Suite("Timer wheel against a heap")
    struct HeapOracleTests {
        private struct Timer: Comparable {
            let tick: UInt64
            let order: Int

            static func < (left: Timer, right: Timer) -> Bool {
                (left.tick, left.order) < (right.tick, right.order)
            }
        }

        @Test("Many timers come out in the heap's order", arguments: [1, 2, 3] as [UInt64])
        func ordersLikeAHeap(_ seed: UInt64) {
            // If this failed, a large population would fire out of order or lose timers.
            var random = SplitMix64(seed: seed)
            var wheel = TimerWheel<Int>(capacity: 50_000, origin: 0)
            var heap = Heap<Timer>()
            var now: UInt64 = 0
            for order in 0..<50_000 {
                let distance = random.next() >> (64 - 1 - random.next() % 30)
                let isArmed = wheel.insert(deadline: now + distance, payload: order) != nil
                #expect(isArmed)
                heap.insert(Timer(tick: now + distance, order: order))
                if order % 100 == 99 {
                    now += random.next() % 5000
                    fire(until: now, &wheel, &heap)
                }
            }
            fire(until: .max, &wheel, &heap)
            let left = wheel.count
            #expect(left == 0)
            #expect(heap.isEmpty)
        }

        private func fire(
            until now: UInt64, _ wheel: inout TimerWheel<Int>, _ heap: inout Heap<Timer>
        ) {
            while let fired = wheel.popExpired(now: now) {
                let expected = heap.popMin()?.order
                #expect(fired == expected)
            }
            #expect((heap.min?.tick ?? .max) > now || heap.isEmpty)
        }
    }
#endif
