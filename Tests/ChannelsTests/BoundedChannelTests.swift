// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import StressSupport
import Testing

@Suite("Bounded channel", .timeLimit(.minutes(20)))
struct BoundedChannelTests {
    @Test(
        "Fills, refuses, gives back in order, also where positions and epochs wrap",
        arguments: [0, UInt64.max / 2 - 1, UInt64.max], [0, UInt32.max, UInt32.max - 2])
    func fillsAndDrains(firstPosition: UInt64, epoch: UInt32) {
        // If this failed, a place would be lost, or a wake-up at the turn of a counter.
        let channel = BoundedChannel<Int>(
            capacity: 3, firstPosition: firstPosition, epoch: epoch)
        let capacity = channel.capacity
        #expect(capacity == 4)
        for lap in 0..<5 {
            for index in 0..<4 {
                let isSent = channel.trySend(lap * 10 + index) == nil
                #expect(isSent)
            }
            let reasons = (reason(channel.trySend(-1)), blockingReason(channel, .soon))
            #expect(reasons == (.wouldWait, .timedOut))
            let count = channel.count
            #expect(count == 4)
            for index in 0..<4 {
                let element = lap % 2 == 0 ? channel.tryReceive() : blocking(channel, .past)
                #expect(element == lap * 10 + index)
            }
            let (nothing, isEmpty) = (channel.tryReceive(), channel.isEmpty)
            #expect(nothing == nil && isEmpty)
            #expect(throws: ChannelError.timedOut) { try channel.blockingReceive(until: .soon) }
            channel.checkInvariants()
        }
    }

    @Test("A batch fills what there is room for and is taken in order; closed, it takes nothing")
    func batches() {
        // If this failed, a batch would lose elements, or go on behind the close.
        let channel = BoundedChannel<Int>(capacity: 4)
        var (next, seen) = (0, [Int]())
        let make: () -> sending Int = {
            next += 1
            return next
        }
        let puts = [3, 3, 3].map { channel.fill(max: $0, make) }
        #expect(puts == [3, 1, 0])
        let takes = [3, 3, 3].map { channel.drain(max: $0) { seen.append($0) } }
        #expect(takes == [3, 1, 0])
        #expect(seen == [1, 2, 3, 4] && next == 4)
        _ = channel.trySend(9)
        channel.close()
        let ends = (channel.fill(max: 1, make), channel.drain(max: 2) { seen.append($0) })
        #expect(ends == (0, 1))
        #expect(seen.last == 9 && next == 4)
        channel.checkInvariants()
    }

    @Test("A batch wakes as many who sleep as it has elements, or makes places")
    func batchesWake() {
        // If this failed, a thread would sleep beside an element or a place.
        let channel = Shared(BoundedChannel<Int>(capacity: 2))
        let sum = Shared(Atomic<Int>(0))
        ThreadTeam.run(count: 4) { thread in
            if thread > 0 {
                guard let element = try? channel.value.blockingReceive(until: .farAway) else {
                    Issue.record("a receiver sleeps beside an element")
                    return
                }
                sum.value.wrappingAdd(element, ordering: .relaxed)
                return
            }
            while channel.value.waiterCount < 3 {}  // They come.
            var put = 0
            // They take them, so that there is room.
            while put < 3 { put += channel.value.fill(max: min(2, 3 - put)) { 1 } }
        }
        #expect(sum.value.load(ordering: .relaxed) == 3)
        for number in 1...2 { _ = channel.value.trySend(number) }
        ThreadTeam.run(count: 3) { thread in
            if thread > 0 {
                let refusal = channel.value.blockingSend(thread + 2, until: .farAway)
                #expect(refusal == nil)
                return
            }
            while channel.value.waiterCount < 2 {}  // They come.
            var taken: [Int] = []
            while taken.count < 4 { channel.value.drain(max: 2) { taken.append($0) } }
            #expect(taken[..<2] == [1, 2])
            #expect(taken.reduce(0, +) == 10)
        }
        channel.value.checkInvariants()
    }

    @Test("Close refuses senders with their element; receivers get what is there, then the end")
    func closeKeepsQueued() {
        // If this failed, an element would be lost at the end, or the end would not come.
        let channel = BoundedChannel<Int>(capacity: 4)
        for element in 1...3 { _ = channel.trySend(element) }
        let (first, second) = (channel.close(), channel.close())
        #expect(first && !second)
        let isClosed = channel.isClosed
        #expect(isClosed)
        let refusal = channel.trySend(4)
        #expect(refusal?.reason == .closed)
        #expect(refusal?.takeElement() == 4)
        let reason = blockingReason(channel, .farAway)
        #expect(reason == .closed)
        for expected in 1...3 {
            let isDrained = channel.isDrained
            #expect(!isDrained)
            let element = blocking(channel, .farAway)
            #expect(element == expected)
        }
        let isDrained = channel.isDrained
        #expect(isDrained)
        #expect(throws: ChannelError.closed) { try channel.blockingReceive(until: .farAway) }
        channel.checkInvariants()
    }

    @Test("Elements die once: received, refused, or left inside, also in the caller's memory")
    func lifetimes() {
        // If this failed, an element would leak or die twice.
        let ledger = LifetimeLedger()
        do {
            let channel = BoundedChannel<Tracked>(capacity: 2)
            for number in 1...2 { _ = channel.trySend(ledger.makeTracked(UInt64(number))) }
            do {
                let refusal = channel.blockingSend(ledger.makeTracked(3), until: .past)
                let alive = ledger.aliveCount
                #expect(alive == 3)
                let refused = parts(of: refusal)
                #expect(refused == (.timedOut, 3))
            }
            #expect(ledger.aliveCount == 2)
            let oldest = payload(of: channel.tryReceive())
            #expect(oldest == 1)
            #expect(ledger.aliveCount == 1)
        }
        #expect(ledger.aliveCount == 0)
        let byteCount = BoundedChannel<Tracked>.storageByteCount(capacity: 3)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        for index in 0..<byteCount { unsafe storage[index] = 0xA5 }
        do {
            // SAFETY: the storage outlives the channel.
            let channel = unsafe BoundedChannel<Tracked>(storage: storage, capacity: 3)
            for number in 1...4 { _ = channel.trySend(ledger.makeTracked(UInt64(number))) }
            let oldest = payload(of: channel.tryReceive())
            #expect(oldest == 1)
            channel.checkInvariants()
        }
        #expect(ledger.aliveCount == 0)
    }

    @Test("A sender sleeps until there is a place, a receiver until there is an element")
    func threadsWait() {
        // If this failed, a sleeper would not be woken, or order would be lost.
        let channel = Shared(BoundedChannel<Int>(capacity: 2))
        let sum = Shared(Sum())
        ThreadTeam.run(count: 2) { thread in
            if thread == 0 {
                for number in 1...2_000 {
                    let refusal = channel.value.blockingSend(number, until: .farAway)
                    #expect(refusal == nil)
                }
                channel.value.close()
            } else {
                var last = 0
                while let number = try? channel.value.blockingReceive(until: .farAway) {
                    #expect(number == last + 1)
                    last = number
                    sum.value.add(UInt64(number))
                }
            }
        }
        #expect(sum.value.value == 2_001_000)
        channel.value.checkInvariants()
    }

    @Test("A close wakes all who sleep, on either side", arguments: [0, 2])
    func closeWakes(filled: Int) {
        // If this failed, a thread would sleep on at a channel that is closed.
        let channel = Shared(BoundedChannel<Int>(capacity: 2))
        for number in 0..<filled { _ = channel.value.trySend(number) }
        ThreadTeam.run(count: 4) { thread in
            if thread == 3 {
                var backoff = Backoff()
                while channel.value.waiterCount < 3 { backoff.snooze() }  // They come at once.
                channel.value.close()
            } else if filled == 0 {
                #expect(throws: ChannelError.closed) {
                    try channel.value.blockingReceive(until: .farAway)
                }
            } else {
                let refusal = channel.value.blockingSend(9, until: .farAway)
                #expect(refusal?.reason == .closed)
            }
        }
        channel.value.checkInvariants()
    }

    private func reason(_ refusal: SendRefusal<Int>?) -> ChannelError? { refusal?.reason }

    private func blockingReason(
        _ channel: borrowing BoundedChannel<Int>, _ deadline: MonotonicInstant
    ) -> ChannelError? {
        channel.blockingSend(-1, until: deadline)?.reason
    }

    private func blocking(
        _ channel: borrowing BoundedChannel<Int>, _ deadline: MonotonicInstant
    ) -> Int? {
        try? channel.blockingReceive(until: deadline)
    }
}
