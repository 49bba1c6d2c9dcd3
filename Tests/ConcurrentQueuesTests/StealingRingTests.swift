// SPDX-License-Identifier: MIT

import AtomicSupport
import ConcurrentQueues
import StressSupport
import Testing

@Suite("Stealing ring")
struct StealingRingTests {
    /// Where positions wrap, and some other places.
    private static let positions: [UInt32] = [
        0, UInt32.max, UInt32.max - 5, UInt32.max / 2 - 3, 1 << 31,
    ]

    @Test("Capacity is what was asked for, rounded up to a power of two")
    func capacityIsRoundedUp() {
        // If this failed, the mask would not fit the slots, or a caller would get fewer than asked.
        for (asked, given) in [(1, 1), (2, 2), (3, 4), (5, 8), (4096, 4096)] {
            let ring = StealingRing<Int>(capacity: asked)
            let capacity = ring.capacity
            #expect(capacity == given)
        }
    }

    @Test("A ring without slots is refused")
    func capacityZeroTraps() async {
        // If this failed, the mask would be all ones and a push would write anywhere.
        await #expect(processExitsWith: .failure) {
            _ = StealingRing<Int>(capacity: 0)
        }
    }

    @Test("A ring that steals from itself is refused")
    func selfStealTraps() async {
        // If this failed, its elements would be overwritten by each other.
        await #expect(processExitsWith: .failure) {
            let ring = StealingRing<Int>(capacity: 4)
            _ = ring.tryPush(1)
            _ = ring.trySteal(into: ring)
        }
    }

    @Test(
        "Fills to exactly its capacity, refuses one more, gives back in order",
        arguments: positions, [1, 2, 16])
    func fillsAndEmptiesInOrder(firstPosition: UInt32, capacity: Int) {
        // If this failed, a slot would be lost or used twice, also where the positions wrap.
        let ring = StealingRing<Int>(capacity: capacity, firstPosition: firstPosition)
        for lap in 0..<5 {
            for index in 0..<capacity {
                let (refused, count) = (ring.tryPush(lap * 100 + index), ring.count)
                #expect(refused == nil)
                #expect(count == index + 1)
            }
            let refused = ring.tryPush(-1)
            #expect(refused == -1)
            check(ring)
            var index = ring.drain(max: capacity / 2 + 1) { _ in }
            #expect(index == capacity / 2 + 1 || index == capacity)
            while let element = ring.tryPop() {
                #expect(element == lap * 100 + index)
                index += 1
            }
            #expect(index == capacity)
            let (nothing, isEmpty) = (ring.drain(max: 1) { _ in }, ring.isEmpty)
            #expect(nothing == 0)
            #expect(isEmpty)
            check(ring)
        }
    }

    @Test("A thief takes the older half, rounded up", arguments: positions)
    func halves(firstPosition: UInt32) {
        // If this failed, a thief would take too much, too little, or the newer half.
        for count in 0...8 {
            let ring = StealingRing<Int>(capacity: 8, firstPosition: firstPosition)
            let own = StealingRing<Int>(capacity: 8, firstPosition: ~firstPosition)
            for element in 0..<count { _ = ring.tryPush(element) }
            let oldest = ring.trySteal(into: own)
            #expect(oldest == (count == 0 ? nil : 0))
            let stolenCount = (count + 1) / 2
            let counts = (ring.count, own.count)
            #expect(counts.0 == count - stolenCount)
            #expect(counts.1 == max(stolenCount - 1, 0))
            for expected in 1..<max(stolenCount, 1) {
                let element = own.tryPop()
                #expect(element == expected)
            }
            for expected in stolenCount..<count {
                let element = ring.tryPop()
                #expect(element == expected)
            }
            check(ring)
            check(own)
        }
    }

    @Test("A thief takes no more than fits into its own ring")
    func littleRoom() {
        // If this failed, it would overwrite its own elements.
        let ring = StealingRing<Int>(capacity: 16)
        let own = StealingRing<Int>(capacity: 2)
        for element in 0..<16 { _ = ring.tryPush(element) }
        let first = ring.trySteal(into: own)
        let second = ring.trySteal(into: own)
        #expect(first == 0 && second == 3)
        let (left, taken) = (ring.count, own.count)
        #expect(left == 12 && taken == 2)
        let (next, last) = (own.tryPop(), own.tryPop())
        #expect(next == 1 && last == 2)
    }

    @Test("Does what two arrays do", arguments: [1, 2, 3, 4] as [UInt64])
    func equalsArrays(seed: UInt64) {
        // If this failed, some order of operations would lose, repeat or reorder an element.
        var random = SplitMix64(seed: seed)
        let capacity = [1, 2, 8, 64].randomElement(using: &random) ?? 1
        let ring = StealingRing<Int>(capacity: capacity, firstPosition: .max - 100)
        let other = StealingRing<Int>(capacity: 4, firstPosition: .max - 7)
        var oracle: [Int] = []
        var otherOracle: [Int] = []
        for number in 0..<20_000 {
            switch random.next() >> 60 {
            case 0..<8:
                let refused = ring.tryPush(number)
                #expect(refused == (oracle.count == capacity ? number : nil))
                if refused == nil { oracle.append(number) }
            case 8..<10:
                let popped = ring.tryPop()
                #expect(popped == (oracle.isEmpty ? nil : oracle.removeFirst()))
            case 10..<12:
                let size = Int(random.next() % 5) + 1
                let count = ring.drain(max: size) { #expect($0 == oracle.removeFirst()) }
                #expect(count == size || oracle.isEmpty)
            case 12..<14:
                let stolen = ring.trySteal(into: other)
                let count = min((oracle.count + 1) / 2, 5 - otherOracle.count)
                #expect(stolen == (count == 0 ? nil : oracle[0]))
                otherOracle.append(contentsOf: oracle.prefix(count).dropFirst())
                oracle.removeFirst(count)
            default:
                let popped = other.tryPop()
                #expect(popped == (otherOracle.isEmpty ? nil : otherOracle.removeFirst()))
            }
            let counts = (ring.count, other.count)
            #expect(counts.0 == oracle.count)
            #expect(counts.1 == otherOracle.count)
        }
        check(ring)
        check(other)
    }

    @Test("Noncopyable elements die exactly once: popped, stolen, refused, or left inside")
    func lifetimes() {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        do {
            let ring = StealingRing<Tracked>(capacity: 8, firstPosition: .max - 2)
            let own = StealingRing<Tracked>(capacity: 4)
            for payload in 0..<8 { _ = ring.tryPush(ledger.makeTracked(UInt64(payload))) }
            _ = ring.tryPush(ledger.makeTracked(8))
            let afterRefusal = ledger.aliveCount
            #expect(afterRefusal == 8)
            let stolen = payload(of: ring.trySteal(into: own))
            let next = payload(of: own.tryPop())
            let popped = payload(of: ring.tryPop())
            #expect(stolen == 0 && next == 1 && popped == 4)
            ring.drain(max: 2) { _ in }
            let (alive, count) = (ledger.aliveCount, ring.count + own.count)
            #expect(alive == 3 && count == 3)
        }
        #expect(ledger.bornCount == 9)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a ring, or it would need zeroed memory.
        let byteCount = StealingRing<Int32>.storageByteCount(capacity: 3)
        #expect(byteCount == 3 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the ring.
        let ring = unsafe StealingRing<Int32>(storage: storage, capacity: 3)
        for element in Int32(0)..<5 { _ = ring.tryPush(element) }
        let sum = (0..<4).map { _ in ring.tryPop() ?? -100 }.reduce(0, +)
        #expect(sum == 6)
        check(ring)
    }

    @Test("Three owners that steal from each other take each element once", arguments: [1, 4, 64])
    func threeThreads(capacity: Int) {
        // If this failed, an owner and a thief, or two thieves, would take one element.
        let rings = (0..<3).map { _ in Shared(StealingRing<UInt64>(capacity: capacity)) }
        let total: UInt64 = 20_000
        let taken = Shared(Atomic<UInt64>(0))
        let sum = Shared(Atomic<UInt64>(0))
        ThreadTeam.run(count: 3) { thread in
            var backoff = Backoff()
            func note(_ element: UInt64) {
                sum.value.wrappingAdd(element, ordering: .relaxed)
                taken.value.wrappingAdd(1, ordering: .relaxed)
            }
            let own = rings[thread]
            var made: UInt64 = 0
            while taken.value.load(ordering: .relaxed) < total {  // Ends: all is taken once.
                var isIdle = true
                if thread == 0, made < total, own.value.tryPush(made + 1) == nil {
                    made += 1
                    isIdle = false
                }
                if made % 3 != 1, let element = own.value.tryPop() { note(element) }
                let victim = rings[(thread + 1 + Int(made & 1)) % 3]
                if thread > 0, victim !== own {
                    if let element = victim.value.trySteal(into: own.value) { note(element) }
                }
                if isIdle { backoff.snooze() } else { backoff = Backoff() }
            }
        }
        let counted = taken.value.load(ordering: .relaxed)
        #expect(counted == total)
        #expect(sum.value.load(ordering: .relaxed) == total * (total + 1) / 2)
        for ring in rings { check(ring.value) }
    }

    private func payload(of element: consuming Tracked?) -> UInt64? {
        guard let element else { return nil }
        return element.payload
    }

    private func check<Element: ~Copyable>(_ ring: borrowing StealingRing<Element>) {
        #if Checks || DEBUG
            ring.checkInvariants()
        #endif
    }
}
