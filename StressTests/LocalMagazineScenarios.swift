// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import ObjectPools
internal import StressSupport

let localMagazineScenarios: [Scenario] = [
    Scenario(
        name: "pool-local", room: "ObjectPools", threads: 4,
        summary: "2 lease out of magazines of their own, flush and detach; 2 acquire and adopt",
        run: { localMagazineScenario($0, magazineCount: 64) }),
    Scenario(
        name: "pool-local-bare", room: "ObjectPools", threads: 4,
        summary: "the same over a pool without magazines, so that batches meet in the free list",
        run: { localMagazineScenario($0, magazineCount: 0) }),
]

/// What the pool lends: plain words. Nothing but the pool's own edges orders one holder's writes
/// before the next one's.
private struct Note {
    var owner: UInt64 = 0
    var uses: UInt64 = 0

    mutating func pass(from before: UInt64, to after: UInt64, _ context: StressContext) {
        context.check(owner == before, "owner \(owner), not \(before)")
        owner = after
        uses &+= 1
    }
}

/// The threads that share one pool, some with a magazine.
private final class MagazineCrowd: Sendable {
    let pool: ObjectPool<Note>
    let total = Atomic<UInt64>(0)
    private let road = BoundedMPMCQueue<PoolHandle>(capacity: 8)
    private let context: StressContext

    init(_ context: StressContext, magazineCount: Int) {
        self.context = context
        pool = ObjectPool(
            growingFrom: 8, by: 8, to: 40, magazineCount: magazineCount, make: { Note() },
            reset: { $0.owner = 0 })
    }

    /// One magazine after another, of different depths.
    func own(thread: Int) {
        var random = SplitMix64(seed: context.seed, stream: thread)
        var operations: UInt64 = 0
        while !context.isOver {
            let magazine = pool.makeLocalMagazine(depth: 2 + Int(random.next() % 15))
            for _ in 0..<64 { operations += lease(of: magazine, UInt64(thread) + 1, &random) }
            context.check(magazine.lentCount == 0, "\(magazine.lentCount) leases are alive")
        }
        total.wrappingAdd(operations, ordering: .relaxed)
    }

    /// Some leases at a time, which end in the order in which they began.
    private func lease(
        of magazine: borrowing LocalPoolMagazine<Note>, _ owner: UInt64, _ random: inout SplitMix64
    ) -> UInt64 {
        var leases = InlineArray<12, LocalPoolLease<Note>?> { _ in nil }
        var count = 0
        for _ in 0..<(random.next() % 13) {
            guard var lease = magazine.tryLease() else { break }
            lease.withObject { $0.pass(from: 0, to: owner, context) }
            leases[count] = consume lease
            count += 1
        }
        let isDetaching = random.next() % 4 == 0
        for index in 0..<count {
            guard var lease = leases[index].take() else { continue }
            lease.withObject { $0.pass(from: owner, to: 9, context) }
            if isDetaching, index == 0 { send(lease.detach()) }
        }
        context.check(magazine.unlentCount <= magazine.depth, "more than its depth")
        if random.next() % 8 == 0 { magazine.flush() }
        return UInt64(count)
    }

    private func send(_ handle: PoolHandle) {
        if let refused = road.tryPush(handle) { pool.release(refused) }
    }

    /// By handle, and what was detached.
    func visit(thread: Int) {
        let owner = UInt64(thread) + 1
        var operations: UInt64 = 0
        while !context.isOver {
            if let handle = pool.tryAcquire() {
                pool.withObject(handle) { $0.pass(from: 0, to: owner, context) }
                pool.withObject(handle) { $0.pass(from: owner, to: 9, context) }
                pool.release(handle)
            }
            if let handle = road.tryPop() {
                var lease = pool.adopt(handle)
                lease.withObject { $0.pass(from: 9, to: owner, context) }
            }
            operations += 1
        }
        total.wrappingAdd(operations, ordering: .relaxed)
    }

    /// One thread takes every slot, and is refused one more.
    func checkAtEnd() {
        while let handle = road.tryPop() { pool.release(handle) }  // Ends: nobody pushes any more.
        context.check(pool.availableCount == 40, "\(pool.availableCount) slots available")
        var handles: [PoolHandle] = []
        while handles.count <= 40, let handle = pool.tryAcquire() { handles.append(handle) }
        context.check(handles.count == 40, "one thread could take \(handles.count) slots")
        for handle in handles { pool.release(handle) }
    }
}

private func localMagazineScenario(_ context: StressContext, magazineCount: Int) -> UInt64 {
    let crowd = MagazineCrowd(context, magazineCount: magazineCount)
    ThreadTeam.run(count: 4) { thread in
        if thread < 2 { crowd.own(thread: thread) } else { crowd.visit(thread: thread) }
    }
    crowd.checkAtEnd()
    return crowd.total.load(ordering: .relaxed)
}
