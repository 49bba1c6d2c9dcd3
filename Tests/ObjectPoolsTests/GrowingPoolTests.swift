// SPDX-License-Identifier: MIT

import AtomicSupport
import ObjectPools
import StressSupport
import Testing

@Suite("Growing object pool")
struct GrowingPoolTests {
    @Test(
        "Grows by whole chunks when all is leased, up to its limit",
        arguments: [(1, 1, 1), (1, 1, 5), (2, 4, 17), (3, 3, 20), (16, 64, 1000), (1, 4, 1024)])
    func growsToItsLimit(initial: Int, chunk: Int, capacity: Int) {
        // If this failed, a pool would take memory that it does not need, or refuse too early.
        for magazineCount in [0, 64] {
            let pool = makePool(initial, chunk, capacity, magazineCount)
            let rounded = [1: 1, 3: 4, 4: 4, 64: 64][chunk] ?? 0
            var handles: [PoolHandle] = []
            while let handle = pool.tryAcquire() {
                handles.append(handle)
                let chunks = max(handles.count - initial + rounded - 1, 0) / rounded
                let (slots, available) = (pool.slotCount, pool.availableCount)
                #expect(slots == min(initial + chunks * rounded, capacity))
                #expect(available == capacity - handles.count)
            }
            #expect(handles.count == capacity)
            #expect(Set(handles.map(\.index)).count == capacity)
            check(pool)
            for handle in handles { pool.release(handle) }
            check(pool)
            let again = (0...capacity).compactMap { _ in pool.tryAcquire() }
            #expect(Set(again.map(\.index)).count == capacity)
            let exhausted = pool.statistics.exhausted
            #expect(exhausted == 2)
        }
    }

    @Test("Does not grow while a released slot can be had", arguments: [0, 64])
    func prefersReleasedSlots(magazineCount: Int) {
        // If this failed, a pool would grow to its limit whatever is leased.
        let pool = makePool(1, 2, 100, magazineCount)
        for _ in 0..<50 {
            let handles = (0..<4).compactMap { _ in pool.tryAcquire() }
            for handle in handles { pool.release(handle) }
        }
        let slots = pool.slotCount
        #expect(slots == 5)
        check(pool)
    }

    @Test("Slots stay where they are, aligned, each on lines of its own")
    func slotsStay() {
        // If this failed, a pointer would dangle after growth.
        let pool = ObjectPool<UInt64>(
            growingFrom: 2, by: 4, to: 14, magazineCount: 1, make: { 3 })
        var addresses: [PoolHandle: UInt] = [:]
        while let handle = pool.tryAcquire() {
            // SAFETY: a number.
            addresses[handle] = unsafe UInt(bitPattern: pool.pointer(to: handle))
        }
        #expect(Set(addresses.values.map { $0 / 64 }).count == 14)
        for (handle, address) in addresses {
            // SAFETY: a number.
            let now = unsafe UInt(bitPattern: pool.pointer(to: handle))
            #expect(now == address)
            #expect(now % 64 == wordsByteCount)
            pool.release(handle)
        }
    }

    @Test("Objects in chunks live once, and end with the pool")
    func objectsLiveOnce() {
        // If this failed, objects of chunks would leak, or die twice.
        let ledger = LifetimeLedger()
        do {
            let pool = ObjectPool<Tracked>(
                growingFrom: 1, by: 4, to: 30, make: { ledger.makeTracked(1) })
            for _ in 0..<3 {
                let handles = (0..<7).compactMap { _ in pool.tryAcquire() }
                for handle in handles { pool.release(handle) }
            }
            _ = pool.tryAcquire()
            #expect(ledger.bornCount == 7)
            #expect(ledger.diedCount == 0)
        }
        #expect(ledger.diedCount == 7)
    }

    @Test("A handle of a slot that is not there yet is not leased, and traps")
    func unknownHandles() async {
        // If this failed, a made-up handle would read an address that is none.
        let pool = makePool(1, 2, 9, 1)
        let unknown = PoolHandle(index: 8, generation: 1)
        let isLeased = pool.isLeased(unknown)
        #expect(!isLeased)
        let first = pool.isLeased(PoolHandle(index: 1, generation: 1))
        #expect(!first)
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(growingFrom: 1, by: 2, to: 9, make: { 0 })
            pool.release(PoolHandle(index: 8, generation: 1))
        }
    }

    @Test("Generations of chunks wrap")
    func generationsWrap() {
        // If this failed, the 2^31st lease of a slot would look stale.
        let pool = ObjectPool<Int>(
            growingFrom: 1, by: 1, to: 2, magazineCount: 0, firstGeneration: .max - 1, make: { 0 })
        let kept = pool.tryAcquire()
        for round in 0..<3 {
            guard let lease = pool.tryLease() else { return #expect(Bool(false), "refused") }
            #expect(lease.handle.index == 1)
            #expect(lease.handle.generation == .max &+ 2 &* UInt32(round))
        }
        #expect(kept?.generation == .max)
    }

    @Test("Threads that grow a pool at the same moment get a slot each, and lose none")
    func growTogether() {
        // If this failed, a chunk would be lost, or its slots be handed out twice.
        for round in 0..<50 {
            let pool = Shared(makePool(1, 4, 64, round % 2 * 64))
            let total = Shared(Atomic<Int>(0))
            ThreadTeam.run(count: 4) { _ in
                for _ in 0..<16 {
                    var backoff = Backoff()
                    var handle = pool.value.tryAcquire()
                    // Ends: 64 threads' worth of slots; a refusal is another's growth.
                    while handle == nil {
                        backoff.snooze()
                        handle = pool.value.tryAcquire()
                    }
                    if let handle { pool.value.withObject(handle) { $0 += 1 } }
                    total.value.add(1, ordering: .relaxed)
                }
            }
            #expect(total.value.load(ordering: .relaxed) == 64)
            let (slots, last) = (pool.value.slotCount, pool.value.tryAcquire())
            #expect(slots == 64)
            #expect(last == nil)
            var sum = 0
            pool.value.forEachLease { lease in sum += pool.value.withObject(lease.handle) { $0 } }
            #expect(sum == 64)
            check(pool.value)
        }
    }

    @Test("Limits that make no sense trap")
    func limitsTrap() async {
        // If this failed, a pool would have slots without links.
        await #expect(processExitsWith: .failure) {
            _ = ObjectPool<Int>(growingFrom: 5, by: 1, to: 4, make: { 0 })
        }
        await #expect(processExitsWith: .failure) {
            _ = ObjectPool<Int>(growingFrom: 0, by: 1, to: 4, make: { 0 })
        }
        await #expect(processExitsWith: .failure) {
            _ = ObjectPool<Int>(growingFrom: 1, by: 4, to: 1026, make: { 0 })
        }
    }
}

private func makePool(
    _ initial: Int, _ chunk: Int, _ capacity: Int, _ magazineCount: Int
) -> ObjectPool<Int> {
    ObjectPool(
        growingFrom: initial, by: chunk, to: capacity, magazineCount: magazineCount, make: { 0 })
}

private func check<Object>(_ pool: borrowing ObjectPool<Object>) {
    #if Checks || DEBUG
        pool.checkInvariants()
    #endif
}
