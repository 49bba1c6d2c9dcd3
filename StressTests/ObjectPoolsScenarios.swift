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
