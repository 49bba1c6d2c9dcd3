// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing

@testable import ConcurrentQueues

@Suite("Work-stealing deque")
struct WorkStealingDequeTests {
    /// Where positions wrap, and some other places.
    private static let positions: [UInt64] = [
        0, UInt64.max, UInt64.max - 5, UInt64.max / 2 - 3, 1 << 63,
    ]

    @Test("Capacity is what was asked for, rounded up to a power of two")
    func capacityIsRoundedUp() {
        // If this failed, the mask would not fit the slots, or a caller would get fewer than asked.
        for (asked, given) in [(1, 1), (2, 2), (3, 4), (5, 8), (4096, 4096)] {
            let deque = WorkStealingDeque<Int>(capacity: asked)
            let capacity = deque.capacity
            #expect(capacity == given)
        }
    }

    @Test("A deque without slots is refused")
    func capacityZeroTraps() async {
        // If this failed, the mask would be all ones and a push would write anywhere.
        await #expect(processExitsWith: .failure) {
            _ = WorkStealingDeque<Int>(capacity: 0)
        }
    }

    @Test(
        "Fills to exactly its capacity; the owner takes the newest, thieves the oldest",
        arguments: positions, [1, 2, 16])
    func bothEnds(firstPosition: UInt64, capacity: Int) {
        // If this failed, a slot would be lost or used twice, also where the positions wrap.
        let deque = WorkStealingDeque<Int>(
            capacity: capacity, capacityMax: capacity, firstPosition: firstPosition)
        for lap in 0..<5 {
            for index in 0..<capacity {
                let (refused, count) = (deque.tryPush(lap * 100 + index), deque.count)
                #expect(refused == nil)
                #expect(count == index + 1)
            }
            let refused = deque.tryPush(-1)
            #expect(refused == -1)
            check(deque)
            let stolenCount = (lap * 7) % (capacity + 1)
            for index in 0..<stolenCount {
                let element = deque.trySteal()
                #expect(element == lap * 100 + index)
            }
            for index in (stolenCount..<capacity).reversed() {
                let element = deque.tryPop()
                #expect(element == lap * 100 + index)
            }
            let (popped, stolen, isEmpty) = (deque.tryPop(), deque.trySteal(), deque.isEmpty)
            #expect(popped == nil && stolen == nil)
            #expect(isEmpty)
            check(deque)
        }
    }

    @Test(
        "Grows when it is full, up to its bound, and keeps its order", arguments: positions,
        [1, 2, 4])
    func grows(firstPosition: UInt64, capacity: Int) {
        // If this failed, what is in a smaller array would be lost, or taken out of order, or the
        // deque would allocate without a bound.
        let deque = WorkStealingDeque<Int>(
            capacity: capacity, capacityMax: 4 * capacity, firstPosition: firstPosition)
        var accepted = 0
        while deque.tryPush(accepted) == nil {  // Ends: it has a bound.
            accepted += 1
            let (count, slots) = (deque.count, deque.capacity)
            #expect(count == accepted)
            #expect(
                slots == (accepted <= capacity ? 1 : accepted <= 3 * capacity ? 2 : 4) * capacity)
            check(deque)
        }
        #expect(accepted == 7 * capacity)
        for expected in 0..<2 * capacity {
            let stolen = deque.trySteal()
            #expect(stolen == expected)
        }
        for expected in (2 * capacity..<7 * capacity).reversed() {
            let popped = deque.tryPop()
            #expect(popped == expected)
        }
        let (popped, stolen, slots) = (deque.tryPop(), deque.trySteal(), deque.capacity)
        #expect(popped == nil && stolen == nil)
        #expect(slots == 4 * capacity)
        check(deque)
        for lap in 0..<3 * slots {
            let refused = deque.tryPush(lap)
            let taken = lap % 3 == 0 ? deque.tryPop() : deque.trySteal()
            #expect(refused == nil && taken == lap)
        }
        check(deque)
    }

    @Test("A deque that would shrink is refused")
    func shrinkingTraps() async {
        // If this failed, a bound below the first capacity would be taken for none.
        await #expect(processExitsWith: .failure) {
            _ = WorkStealingDeque<Int>(capacity: 4, capacityMax: 2)
        }
    }

    @Test(
        "Does what an array does from both ends, also while it grows",
        arguments: [1, 2, 3, 4] as [UInt64], [1, 8])
    func equalsArray(seed: UInt64, growth: Int) {
        // If this failed, some order of pushes, pops and steals would lose or repeat an element.
        var random = SplitMix64(seed: seed)
        let capacity = [1, 2, 8, 64].randomElement(using: &random) ?? 1
        let deque = WorkStealingDeque<Int>(
            capacity: capacity, capacityMax: growth * capacity, firstPosition: .max - 100)
        var oracle: [Int] = []
        for number in 0..<20_000 {
            switch random.next() >> 60 {
            case 0..<UInt64(number / 64 % 16):
                let refused = deque.tryPush(number)
                if growth == 1 {
                    #expect(refused == (oracle.count == capacity ? number : nil))
                } else if refused != nil {
                    #expect(oracle.count >= growth * capacity)
                }
                if refused == nil { oracle.append(number) }
            case 0..<12:
                let popped = deque.tryPop()
                #expect(popped == oracle.popLast())
            default:
                let stolen = deque.trySteal()
                #expect(stolen == (oracle.isEmpty ? nil : oracle.removeFirst()))
            }
            #expect(deque.count == oracle.count)
        }
        // The seeds draw capacities up to 8: there are times with 200 elements.
        #expect(deque.capacity == growth * capacity)
        check(deque)
    }

    @Test("Elements are aligned in each array")
    func alignment() {
        // If this failed, an array that was added would lie at an address that its elements cannot.
        let deque = WorkStealingDeque<SIMD8<Int>>(capacity: 1, capacityMax: 4)
        while deque.tryPush(.zero) == nil {}  // Ends: it has a bound.
        let offset = WordedSlot<SIMD8<Int>>.elementOffset
        for position in 0..<UInt64(deque.count) {
            // SAFETY: an address to look at.
            let slot = unsafe deque.ownArray.holding(position).slot(position)
            let address = Int(bitPattern: slot) + offset
            #expect(address % MemoryLayout<SIMD8<Int>>.alignment == 0)
        }
    }

    @Test(
        "Noncopyable elements die exactly once: popped, stolen, refused, or left in any array",
        arguments: [(4, 4, 4), (2, 8, 14)])
    func lifetimes(capacity: Int, capacityMax: Int, places: Int) {
        // If this failed, an element would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        do {
            let deque = WorkStealingDeque<Tracked>(
                capacity: capacity, capacityMax: capacityMax, firstPosition: .max - 2)
            for payload in 0...places { _ = deque.tryPush(ledger.makeTracked(UInt64(payload))) }
            let afterRefusal = ledger.aliveCount
            #expect(afterRefusal == places)
            let newest = payload(of: deque.tryPop())
            let oldest = payload(of: deque.trySteal())
            #expect(newest == UInt64(places - 1) && oldest == 0)
            let (alive, count) = (ledger.aliveCount, deque.count)
            #expect(alive == places - 2 && count == places - 2)
        }
        #expect(ledger.bornCount == places + 1)
        #expect(ledger.aliveCount == 0)
    }

    @Test("Lives in the caller's memory, whatever was there")
    func livesInStorage() {
        // If this failed, embedded users could not place a deque, or it would need zeroed memory.
        let byteCount = WorkStealingDeque<Int32>.storageByteCount(capacity: 3)
        #expect(byteCount == 4 * CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the deque.
        let deque = unsafe WorkStealingDeque<Int32>(storage: storage, capacity: 3)
        for element in Int32(0)..<5 { _ = deque.tryPush(element) }
        let sum = (0..<4).map { _ in deque.trySteal() ?? -100 }.reduce(0, +)
        #expect(sum == 6)
        check(deque)
    }

    @Test("An owner and two thieves take each element once", arguments: [1, 2, 8], [1, 16])
    func threeThreads(capacity: Int, growth: Int) {
        // If this failed, the owner and a thief would both take the last element.
        let deque = Shared(
            WorkStealingDeque<UInt64>(capacity: capacity, capacityMax: growth * capacity))
        let total: UInt64 = 20_000
        let taken = Shared(Atomic<UInt64>(0))
        let sum = Shared(Atomic<UInt64>(0))
        ThreadTeam.run(count: 3) { thread in
            var backoff = Backoff()
            func note(_ element: UInt64) {
                sum.value.wrappingAdd(element, ordering: .relaxed)
                taken.value.wrappingAdd(1, ordering: .relaxed)
            }
            var made: UInt64 = 0
            while taken.value.load(ordering: .relaxed) < total {  // Ends: all is taken once.
                if thread > 0 {
                    if let element = deque.value.trySteal() { note(element) }
                } else if made < total, made % 3 != 2, deque.value.tryPush(made + 1) == nil {
                    made += 1
                    continue
                } else {
                    if made < total, deque.value.tryPush(made + 1) == nil { made += 1 }
                    if let element = deque.value.tryPop() { note(element) }
                }
                backoff.snooze()
            }
        }
        let counted = taken.value.load(ordering: .relaxed)
        #expect(counted == total)
        #expect(sum.value.load(ordering: .relaxed) == total * (total + 1) / 2)
        check(deque.value)
    }

    private func payload(of element: consuming Tracked?) -> UInt64? {
        guard let element else { return nil }
        return element.payload
    }

    private func check<Element: ~Copyable>(_ deque: borrowing WorkStealingDeque<Element>) {
        #if Checks || DEBUG
            deque.checkInvariants()
        #endif
    }
}
