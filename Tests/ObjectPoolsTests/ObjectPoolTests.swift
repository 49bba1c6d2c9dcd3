// SPDX-License-Identifier: MIT

import AtomicSupport
import ObjectPools
import StressSupport
import Testing

@Suite("Object pool")
struct ObjectPoolTests {
    @Test(
        "Hands out exactly its capacity, each slot once", arguments: [1, 2, 15, 16, 17, 100, 1000])
    func handsOutItsCapacity(capacity: Int) {
        // If this failed, two holders would share an object, or a slot would be lost.
        for magazineCount in [0, 1, 64] {
            let pool = makePool(capacity, magazineCount)
            for _ in 0..<3 {
                let handles = acquireAll(pool)
                #expect(Set(handles.map(\.index)).count == capacity)
                let available = pool.availableCount
                #expect(available == 0)
                check(pool)
                for handle in handles { pool.release(handle) }
                let availableAgain = pool.availableCount
                #expect(availableAgain == capacity)
                check(pool)
            }
        }
    }

    @Test("Objects are made once, at the first lease, reset at each release, destroyed at the end")
    func objectsLiveOnce() {
        // If this failed, objects would be made again and again, leak, or die twice.
        let ledger = LifetimeLedger()
        let resets = Shared(Atomic<Int>(0))
        do {
            let pool = ObjectPool<Tracked>(
                capacity: 8, make: { ledger.makeTracked(7) },
                reset: { _ in _ = resets.value.add(1, ordering: .relaxed) })
            let bornAtFirst = ledger.bornCount
            #expect(bornAtFirst == 0)
            for _ in 0..<10 {
                let handles = (0..<3).compactMap { _ in pool.tryAcquire() }
                for handle in handles {
                    let payload = pool.withObject(handle) { $0.payload }
                    #expect(payload == 7)
                    pool.release(handle)
                }
            }
            let kept = pool.tryAcquire()
            #expect(kept != nil)
            let (born, died) = (ledger.bornCount, ledger.diedCount)
            #expect(born == 3)
            #expect(died == 0)
        }
        #expect(resets.value.load(ordering: .relaxed) == 30)
        #expect(ledger.diedCount == 3)
    }

    @Test("A handle names its lease: stale ones are told apart, and survive a word of user data")
    func handlesAreGenerational() throws {
        // If this failed, a late completion would touch its successor's object.
        let pool = makePool(1, 4)
        let acquired = pool.tryAcquire()
        let first = try #require(acquired)
        let isLeased = pool.isLeased(first)
        #expect(isLeased)
        #expect(PoolHandle(rawValue: first.rawValue) == first)
        pool.release(first)
        let acquiredAgain = pool.tryAcquire()
        let second = try #require(acquiredAgain)
        let (isStale, isFresh) = (!pool.isLeased(first), pool.isLeased(second))
        #expect(isStale)
        #expect(isFresh)
        #expect(first.index == second.index)
        #expect(first != second)
        let foreign = pool.isLeased(PoolHandle(index: 5, generation: 1))
        #expect(!foreign)
        pool.release(second)
    }

    @Test("A double release traps")
    func doubleReleaseTraps() async {
        // If this failed, one slot would be handed to two holders.
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 4, make: { 0 })
            guard let handle = pool.tryAcquire() else { return }
            pool.release(handle)
            pool.release(handle)
        }
    }

    @Test("A stale handle, whose slot was leased again, traps at release and at use")
    func staleHandleTraps() async {
        // If this failed, a late release would end another holder's lease.
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 1, make: { 0 })
            guard let stale = pool.tryAcquire() else { return }
            pool.release(stale)
            guard pool.tryAcquire() != nil else { return }
            pool.release(stale)
        }
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 1, make: { 0 })
            guard let stale = pool.tryAcquire() else { return }
            pool.release(stale)
            guard pool.tryAcquire() != nil else { return }
            pool.withObject(stale) { $0 += 1 }
        }
        await #expect(processExitsWith: .failure) {
            let pool = ObjectPool<Int>(capacity: 1, make: { 0 })
            pool.release(PoolHandle(index: 9, generation: 1))
        }
    }

    @Test("Slots in magazines of exited threads and of idle threads are found", arguments: [4, 16])
    func noSlotIsHoarded(batches: Int) {
        // If this failed, the pool would look exhausted while other threads hold free slots.
        let capacity = batches * 16
        let pool = Shared(makePool(capacity, 64))
        let (arrived, ended) = (Shared(Atomic<Int>(0)), Shared(Atomic<Int>(0)))
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 20_000_000_000)
        // These threads exit with full magazines. They exist together, so their indices differ.
        ThreadTeam.run(count: 4) { _ in
            lendOnce(pool, count: capacity / 4)
            awaitCount(4, in: arrived, until: deadline)
        }
        // These stay alive while thread 0 takes everything.
        ThreadTeam.run(count: 3) { thread in
            if thread > 0 {
                lendOnce(pool, count: capacity / 4)
                awaitCount(6, in: arrived, until: deadline)
                awaitCount(1, in: ended, until: deadline)
                return
            }
            while arrived.value.load(ordering: .acquiring) < 6, .now < deadline {}
            let handles = (0..<capacity).compactMap { _ in pool.value.tryAcquire() }
            precondition(handles.count == capacity, "slots are hoarded")
            precondition(pool.value.tryAcquire() == nil)
            for handle in handles { pool.value.release(handle) }
            ended.value.add(1, ordering: .releasing)
        }
        let statistics = pool.value.statistics
        #expect(statistics.stolen > 0)
        #expect(statistics.exhausted == 1)
        check(pool.value)
    }

    @Test("Statistics are exact when nobody is inside")
    func statisticsAreExact() {
        // If this failed, `availableCount` would drift.
        let pool = makePool(32, 2)
        let handles = acquireAll(pool)
        for handle in handles { pool.release(handle) }
        let statistics = pool.statistics
        #expect(statistics.acquired == 32)
        #expect(statistics.released == 32)
        #expect(statistics.exhausted == 1)
    }

    @Test("Slots move between magazine and free list in batches")
    func slotsMoveInBatches() {
        // If this failed, every other release would pay for the shared list.
        let pool = makePool(1024, 64)
        let handles = acquireAll(pool)
        for handle in handles { pool.release(handle) }
        guard let index = ThreadIndex.current, index < 64 else { return }
        let statistics = pool.statistics
        #expect(statistics.refilled == 64)
        #expect(statistics.flushed == 62)
        #expect(statistics.stolen == 0)
    }

    @Test("Lives in the caller's memory; objects stay where they are and do not share lines")
    func livesInStorage() throws {
        // If this failed, embedded users could not place a pool, or registered buffers would move.
        let byteCount = ObjectPool<UInt64>.storageByteCount(capacity: 4, magazineCount: 1)
        #expect(byteCount == CacheLine.byteCount * 7 + 256)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
        // SAFETY: the storage outlives the pool.
        let pool = unsafe ObjectPool<UInt64>(
            storage: storage, capacity: 4, magazineCount: 1, make: { 3 })
        var addresses: Set<UInt> = []
        for handle in acquireAll(pool, capacity: 4) {
            let address = unsafe UInt(bitPattern: pool.pointer(to: handle))  // SAFETY: a number.
            #expect(address % 64 == wordsByteCount)
            addresses.insert(address)
            pool.release(handle)
        }
        for handle in acquireAll(pool, capacity: 4) {
            let address = unsafe UInt(bitPattern: pool.pointer(to: handle))  // SAFETY: a number.
            #expect(addresses.contains(address))
            pool.release(handle)
        }
        check(pool)
    }

    @Test("Four threads with leases that cross over lose and share nothing")
    func fourThreads() {
        // If this failed, a slot would be in two hands.
        let pool = Shared(makePool(24, 64))
        ThreadTeam.run(count: 4) { thread in
            var held: [PoolHandle] = []
            var random = SplitMix64(seed: 1, stream: thread)
            for _ in 0..<5_000 {
                if random.next() % 2 == 0, let handle = pool.value.tryAcquire() {
                    pool.value.withObject(handle) { object in
                        precondition(object == 0, "two holders")
                        object = thread + 1
                    }
                    held.append(handle)
                } else if let handle = held.popLast() {
                    pool.value.withObject(handle) { object in
                        precondition(object == thread + 1, "two holders")
                        object = 0
                    }
                    pool.value.release(handle)
                }
            }
            for handle in held {
                pool.value.withObject(handle) { $0 = 0 }
                pool.value.release(handle)
            }
        }
        let available = pool.value.availableCount
        #expect(available == 24)
        check(pool.value)
    }
}

private func makePool(_ capacity: Int, _ magazineCount: Int) -> ObjectPool<Int> {
    ObjectPool(capacity: capacity, magazineCount: magazineCount, make: { 0 })
}

private func acquireAll(_ pool: borrowing ObjectPool<Int>) -> [PoolHandle] {
    acquireAll(pool, capacity: pool.capacity)
}

/// Acquires until the pool refuses, which must be after exactly `capacity` leases.
private func acquireAll<Object>(
    _ pool: borrowing ObjectPool<Object>, capacity: Int
) -> [PoolHandle] {
    var handles: [PoolHandle] = []
    while handles.count <= capacity, let handle = pool.tryAcquire() { handles.append(handle) }
    #expect(handles.count == capacity)
    return handles
}

private func lendOnce(_ pool: Shared<ObjectPool<Int>>, count: Int) {
    let handles = (0..<count).compactMap { _ in pool.value.tryAcquire() }
    for handle in handles { pool.value.release(handle) }
}

/// Counts the caller in and waits until `count` have come, or the deadline.
private func awaitCount(
    _ count: Int, in word: Shared<Atomic<Int>>, until deadline: MonotonicInstant
) {
    var backoff = Backoff()
    if count > 1 { word.value.add(1, ordering: .acquiringAndReleasing) }
    while word.value.load(ordering: .acquiring) < count, .now < deadline { backoff.snooze() }
}

private func check<Object>(_ pool: borrowing ObjectPool<Object>) {
    #if Checks || DEBUG
        pool.checkInvariants()
    #endif
}
