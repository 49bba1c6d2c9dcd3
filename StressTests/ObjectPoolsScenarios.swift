// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import ObjectPools
internal import StressSupport

let objectPoolsScenarios: [Scenario] = [
    Scenario(
        name: "pool-hold", room: "ObjectPools", threads: 4,
        summary: "4 acquire, hold and release with a canary in each object: one owner, none lost",
        run: { poolHoldScenario($0, magazineCount: 64) }),
    Scenario(
        name: "pool-robbed", room: "ObjectPools", threads: 12,
        summary: "12 hold all slots of a pool in turn: refills are robbed while they are made",
        run: { poolHoldScenario($0, capacity: 128, threads: 12, magazineCount: 64) }),
    Scenario(
        name: "pool-bare", room: "ObjectPools", threads: 4,
        summary: "the same without magazines: every slot passes through the free list",
        run: { poolHoldScenario($0, magazineCount: 0) }),
    Scenario(
        name: "pool-cross", room: "ObjectPools", threads: 4,
        summary: "2 acquire, 2 release: every slot travels; canaries, then one thread takes all",
        run: poolCrossScenario),
    Scenario(
        name: "pool-lease", room: "ObjectPools", threads: 4,
        summary: "3 begin leases that end with a block or in another thread; 1 reports them",
        run: poolLeaseScenario),
    Scenario(
        name: "pool-grow", room: "ObjectPools", threads: 4,
        summary: "4 take all of one small pool after another, which grow; 1 asks for strangers",
        run: poolGrowScenario),
    Scenario(
        name: "pool-buffers", room: "ObjectPools", threads: 4,
        summary: "4 fill buffers of three sizes, and leave them to each other: whole, none lost",
        run: poolBuffersScenario),
]

/// What the pool lends: plain words, written by every holder. Nothing but the pool's own edges
/// orders one holder's writes before the next one's.
private struct Canary {
    var owner: UInt64 = 0
    var uses: UInt64 = 0
}

private typealias CanaryPool = ObjectPool<Canary>

private func mark(
    _ pool: borrowing CanaryPool, _ handle: PoolHandle, from before: UInt64, to after: UInt64,
    _ context: StressContext
) {
    pool.withObject(handle) { canary in
        context.check(canary.owner == before, "owner \(canary.owner), not \(before)")
        canary.owner = after
        canary.uses &+= 1
    }
}

/// One thread takes every slot, is refused one more, and gives all back.
private func checkQuiescentPool(_ pool: borrowing CanaryPool, _ context: StressContext) {
    context.check(pool.availableCount == pool.capacity, "\(pool.availableCount) slots available")
    var handles: [PoolHandle] = []
    while handles.count <= pool.capacity, let handle = pool.tryAcquire() { handles.append(handle) }
    context.check(handles.count == pool.capacity, "one thread could take \(handles.count) slots")
    context.check(pool.availableCount == 0, "slots are available of an exhausted pool")
    for handle in handles {
        mark(pool, handle, from: 0, to: 0, context)
        pool.release(handle)
    }
}

private func poolHoldScenario(
    _ context: StressContext, capacity: Int = 48, threads: Int = 4, magazineCount: Int
) -> UInt64 {
    let pool = Shared(
        CanaryPool(capacity: capacity, magazineCount: magazineCount, make: { Canary() }))
    let total = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: threads) { thread in
        var random = SplitMix64(seed: context.seed, stream: thread)
        var held: [PoolHandle] = []
        var operations: UInt64 = 0
        let owner = UInt64(thread) + 1
        while !context.isOver {
            // Runs of acquires and runs of releases: magazines fill, flush, empty and are robbed.
            for _ in 0..<(random.next() % 24) {
                guard let handle = pool.value.tryAcquire() else { break }
                mark(pool.value, handle, from: 0, to: owner, context)
                held.append(handle)
                operations += 1
            }
            for _ in 0..<(random.next() % 24) {
                guard let handle = held.popLast() else { break }
                mark(pool.value, handle, from: owner, to: 0, context)
                pool.value.release(handle)
                operations += 1
            }
        }
        for handle in held {
            mark(pool.value, handle, from: owner, to: 0, context)
            pool.value.release(handle)
        }
        total.value.wrappingAdd(operations, ordering: .relaxed)
    }
    checkQuiescentPool(pool.value, context)
    return total.value.load(ordering: .relaxed)
}

private func poolCrossScenario(_ context: StressContext) -> UInt64 {
    let pool = Shared(CanaryPool(capacity: 96, make: { Canary() }))
    let road = Shared(BoundedMPMCQueue<PoolHandle>(capacity: 16))
    let total = Shared(Atomic<UInt64>(0))
    let sendersLeft = Shared(Atomic<Int>(2))
    ThreadTeam.run(count: 4) { thread in
        var operations: UInt64 = 0
        var backoff = Backoff()
        if thread < 2 {
            while !context.isOver {
                guard let handle = pool.value.tryAcquire() else {
                    backoff.snooze()
                    continue
                }
                mark(pool.value, handle, from: 0, to: 9, context)
                while road.value.tryPush(handle) != nil { backoff.snooze() }  // Ends: it is read.
                backoff = Backoff()
                operations += 1
            }
            if sendersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                road.value.close()
            }
        } else {
            while !road.value.isDrained {  // Ends: the senders close the road at the deadline.
                guard let handle = road.value.tryPop() else {
                    backoff.snooze()
                    continue
                }
                mark(pool.value, handle, from: 9, to: 0, context)
                pool.value.release(handle)
                backoff = Backoff()
                operations += 1
            }
        }
        total.value.wrappingAdd(operations, ordering: .relaxed)
    }
    checkQuiescentPool(pool.value, context)
    let statistics = pool.value.statistics
    context.check(statistics.refilled &+ statistics.stolen > 0, "no slot has travelled")
    return total.value.load(ordering: .relaxed)
}

/// Marks a lease's object as its owner's, and empties it again.
private func visit(
    _ lease: inout PoolLease<Canary>, from before: UInt64, to after: UInt64,
    _ context: StressContext
) {
    lease.withObject { canary in
        context.check(canary.owner == before, "owner \(canary.owner), not \(before)")
        canary.owner = after
        canary.uses &+= 1
    }
}

private func poolLeaseScenario(_ context: StressContext) -> UInt64 {
    let pool = Shared(
        CanaryPool(capacity: 24, make: { Canary() }, reset: { $0.owner = 0 }))
    let road = Shared(BoundedMPMCQueue<PoolLease<Canary>>(capacity: 8))
    let total = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: 4) { thread in
        var operations: UInt64 = 0
        while !context.isOver {
            if thread == 3 {
                var names: [PoolHandle] = []
                pool.value.forEachLease { names.append($0.handle) }
                context.check(names.count <= 24, "\(names.count) leases of 24 slots")
                context.check(names.allSatisfy { $0.generation % 2 == 1 }, "no lease is named")
                operations += 1
                continue
            }
            if var lease = pool.value.tryLease() {
                visit(&lease, from: 0, to: 9, context)
                // Back by the refused push, or by its end in another thread.
                if operations % 2 == 0 { _ = road.value.tryPush(lease) }
                operations += 1
            }
            if operations % 3 == 0, var lease = road.value.tryPop() {
                visit(&lease, from: 9, to: 5, context)
            }
        }
        total.value.wrappingAdd(operations, ordering: .relaxed)
    }
    while road.value.tryPop() != nil {}  // Ends: nobody pushes any more.
    checkQuiescentPool(pool.value, context)
    return total.value.load(ordering: .relaxed)
}

/// One pool after another, from one slot to 40, in chunks of 4.
private func poolGrowScenario(_ context: StressContext) -> UInt64 {
    var operations: UInt64 = 0
    var round = 0
    while !context.isOver {
        round += 1
        let pool = Shared(
            CanaryPool(
                growingFrom: 1, by: 4, to: 40, magazineCount: round % 2 * 64, make: { Canary() }))
        let total = Shared(Atomic<UInt64>(0))
        ThreadTeam.run(count: 5) { thread in
            if thread == 4 { return askForStrangers(pool.value) }
            total.value.wrappingAdd(growByTurns(pool.value, thread, context), ordering: .relaxed)
        }
        context.check(pool.value.slotCount <= 40, "more slots than the limit")
        checkQuiescentPool(pool.value, context)
        context.check(pool.value.slotCount == 40, "a full pool has not grown")
        operations += total.value.load(ordering: .relaxed)
    }
    return operations
}

/// Leases more and more, and gives back the last ones now and then.
private func growByTurns(
    _ pool: borrowing CanaryPool, _ thread: Int, _ context: StressContext
) -> UInt64 {
    var held: [PoolHandle] = []
    var operations: UInt64 = 0
    for turn in 0..<60 {
        if turn % 4 == 3, let handle = held.popLast() {
            mark(pool, handle, from: UInt64(thread) + 1, to: 0, context)
            pool.release(handle)
        } else if let handle = pool.tryAcquire() {
            mark(pool, handle, from: 0, to: UInt64(thread) + 1, context)
            held.append(handle)
        }
        operations += 1
    }
    for handle in held {
        mark(pool, handle, from: UInt64(thread) + 1, to: 0, context)
        pool.release(handle)
    }
    return operations
}

/// Asks about handles that nobody gave it, of slots that may come into being meanwhile.
private func askForStrangers(_ pool: borrowing CanaryPool) {
    for turn in 0..<400 {
        _ = pool.isLeased(PoolHandle(index: UInt32(turn % 40), generation: 1))
    }
}

/// Writes or checks every eighth byte of a buffer.
private func visit(
    _ lease: inout BufferLease, expected: UInt8?, _ mark: UInt8, _ context: StressContext
) {
    // SAFETY: any byte is a UInt8, and the lease has them alone.
    unsafe lease.bytes.withMemoryRebound(to: UInt8.self) { bytes in
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            if let expected {
                // SAFETY: in bounds.
                context.check(unsafe bytes[offset] == expected, "a buffer is not as it was left")
            }
            unsafe bytes[offset] = mark  // SAFETY: in bounds.
        }
    }
}

private func poolBuffersScenario(_ context: StressContext) -> UInt64 {
    let shapes = [
        BufferClass(byteCount: 64, capacity: 6), BufferClass(byteCount: 256, capacity: 5),
        BufferClass(byteCount: 1024, capacity: 4),
    ]
    let pool = Shared(BufferPool(classes: shapes))
    let road = Shared(BoundedMPMCQueue<BufferLease>(capacity: 4))
    let total = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: 4) { thread in
        var random = SplitMix64(seed: context.seed, stream: thread)
        var operations: UInt64 = 0
        while !context.isOver {
            if var lease = pool.value.tryLease(byteCount: Int(random.next() % 1025)) {
                visit(&lease, expected: nil, UInt8(thread + 1), context)
                visit(&lease, expected: UInt8(thread + 1), 9, context)
                if operations % 2 == 0 { _ = road.value.tryPush(lease) }
            }
            if operations % 3 == 0, var lease = road.value.tryPop() {
                visit(&lease, expected: 9, 5, context)
            }
            operations += 1
        }
        total.value.wrappingAdd(operations, ordering: .relaxed)
    }
    while road.value.tryPop() != nil {}  // Ends: nobody pushes any more.
    for number in 0..<shapes.count {
        let leased = pool.value.statistics(ofClass: number).leasedCount
        context.check(leased == 0, "\(leased) buffers of class \(number) are lost")
    }
    return total.value.load(ordering: .relaxed)
}
