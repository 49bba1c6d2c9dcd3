// SPDX-License-Identifier: MIT

#if Oracles
    import ConcurrentQueues
    import DequeModule
    import StressSupport
    import Testing

    @Suite("Queues against a deque")
    struct DequeOracleTests {
        @Test("The ring does what a bounded deque does", arguments: [1, 2, 3, 4] as [UInt64])
        func ringEqualsDeque(_ seed: UInt64) {
            // If this failed, some order of pushes and pops would lose, repeat or reorder elements.
            var random = SplitMix64(seed: seed)
            let capacity = [2, 4, 16, 64].randomElement(using: &random) ?? 2
            let queue = BoundedMPMCQueue<Int>(capacity: capacity)
            var oracle = Deque<Int>()
            for number in 0..<50_000 {
                // Runs of one kind, so that full and empty are reached often.
                if (random.next() >> 60) < UInt64(number / 64 % 16) {
                    let refused = queue.tryPush(number)
                    #expect((refused == nil) == (oracle.count < capacity))
                    if refused == nil { oracle.append(number) }
                } else {
                    let popped = queue.tryPop()
                    #expect(popped == oracle.popFirst())
                }
                #expect(queue.count == oracle.count)
            }
        }

        @Test("The SPSC queue does what a bounded deque does", arguments: [1, 2, 3, 4] as [UInt64])
        func pipeEqualsDeque(_ seed: UInt64) {
            // If this failed, what a side remembers of the other would be wrong in some order.
            var random = SplitMix64(seed: seed)
            let capacity = [1, 2, 16, 64].randomElement(using: &random) ?? 1
            let queue = BoundedSPSCQueue<Int>(capacity: capacity)
            var oracle = Deque<Int>()
            for number in 0..<50_000 {
                let size = Int(random.next() % 7) + 1
                if (random.next() >> 60) < UInt64(number / 64 % 16) {
                    let room = capacity - oracle.count
                    let filled = queue.fill(max: size) {
                        oracle.append(number)
                        return number
                    }
                    #expect(filled == min(size, room))
                } else if size == 1 {
                    let popped = queue.tryPop()
                    #expect(popped == oracle.popFirst())
                } else {
                    queue.drain(max: size) { #expect($0 == oracle.popFirst()) }
                }
                #expect(queue.count == oracle.count)
            }
        }

        @Test("The inbox does what a bounded deque does", arguments: [1, 2, 3, 4] as [UInt64])
        func inboxEqualsDeque(_ seed: UInt64) {
            // If this failed, the loop would run posted jobs twice, never, or out of order.
            var random = SplitMix64(seed: seed)
            let inbox = MPSCInbox<Int>(capacity: 16)
            var oracle = Deque<Int>()
            for number in 0..<20_000 {
                if random.next() % 10 < 9 {
                    let outcome = inbox.tryPush(number)
                    let (isPushed, needsWake) = (outcome.isPushed, outcome.needsWake)
                    #expect(isPushed == (oracle.count < 16))
                    #expect(needsWake == (isPushed && oracle.isEmpty))
                    if isPushed { oracle.append(number) }
                } else {
                    var drained: [Int] = []
                    inbox.drain { drained.append($0) }
                    #expect(drained == Array(oracle))
                    oracle.removeAll()
                }
                #expect(inbox.isEmpty == oracle.isEmpty)
            }
        }
    }
#endif
