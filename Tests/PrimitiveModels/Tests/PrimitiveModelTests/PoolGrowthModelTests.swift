// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import ObjectPools
import Testing

/// Programs with a pool that grows.
enum PoolGrowthPrograms {
    private typealias Pool = Shared<ObjectPool<PlainCell<Int>>>

    private static func pool(by chunk: Int, to capacity: Int, magazineCount: Int) -> Pool {
        Pool(
            ObjectPool(
                growingFrom: 1, by: chunk, to: capacity, magazineCount: magazineCount,
                make: { PlainCell(0) }))
    }

    /// Threads that lease so often, keep what they get, and must get it where each may add a chunk.
    static func kept(
        _ turns: [Int], by chunk: Int, to capacity: Int, magazineCount: Int, mustGet: Bool
    ) -> (Model) -> Void {
        { model in
            let pool = pool(by: chunk, to: capacity, magazineCount: magazineCount)
            let held = Tally()
            for (number, count) in turns.enumerated() {
                model.thread {
                    for _ in 0..<count {
                        guard let handle = pool.value.tryAcquire() else {
                            model.check(!mustGet, "refused below the limit")
                            continue
                        }
                        pool.value.withObject(handle) { cell in
                            model.check(cell.load() == 0, "leased to two")
                            cell.store(number + 1)
                        }
                        held.add(Int(handle.index))
                    }
                }
            }
            model.finally {
                model.check(Set(held.values).count == held.values.count, "leased to two")
                model.check(pool.value.availableCount == capacity - held.values.count)
                var count = held.values.count
                while pool.value.tryAcquire() != nil { count += 1 }
                model.check(count == capacity, "a slot is lost")
                model.check(pool.value.slotCount == capacity)
            }
        }
    }

    /// Threads that lease and release: slots of a new chunk travel.
    static func travelling(_ turns: [Int], magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = pool(by: 2, to: 3, magazineCount: magazineCount)
            guard pool.value.tryAcquire() != nil else { return model.check(false) }
            for (number, count) in turns.enumerated() {
                model.thread {
                    for _ in 0..<count {
                        guard let handle = pool.value.tryAcquire() else { continue }
                        pool.value.withObject(handle) { cell in
                            cell.store(number)
                            model.check(cell.load() == number, "leased to two")
                        }
                        pool.value.release(handle)
                    }
                }
            }
            model.finally {
                model.check(pool.value.availableCount == 2)
                model.check(pool.value.tryAcquire() != nil && pool.value.tryAcquire() != nil)
                model.check(pool.value.tryAcquire() == nil)
            }
        }
    }

    /// One grows, while another asks about a handle that nobody gave it, and makes a report.
    static func asked() -> (Model) -> Void {
        { model in
            let pool = pool(by: 2, to: 3, magazineCount: 0)
            guard pool.value.tryAcquire() != nil else { return model.check(false) }
            let unknown = PoolHandle(index: 1, generation: 1)
            model.thread("growing") { model.check(pool.value.tryAcquire() == unknown) }
            model.thread("asking") {
                let isLeased = pool.value.isLeased(unknown)
                var names: [PoolHandle] = []
                pool.value.forEachLease { names.append($0.handle) }
                model.check(names.count == 1 || names.contains(unknown))
                model.check(!isLeased || names.contains(unknown), "a lease is missing")
            }
            model.finally { model.check(pool.value.isLeased(unknown)) }
        }
    }
}

@Suite("Models of ObjectPool that grows")
struct PoolGrowthModelTests {
    @Test(
        "who finds everything leased adds a chunk, and gets a slot of it",
        arguments: [([1, 1], 1, 2, 0), ([1, 1], 1, 3, 0), ([2, 1], 1, 3, 0), ([1, 1], 1, 3, 3)])
    func mustGet(turns: [Int], chunk: Int, capacity: Int, magazineCount: Int) {
        // Wrong: a slot of a new chunk has two owners or none, or a thread is refused.
        let result = exhaust(
            turns, chunk, capacity, magazineCount,
            program: PoolGrowthPrograms.kept(
                turns, by: chunk, to: capacity, magazineCount: magazineCount, mustGet: true))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "who is refused at the limit loses no slot",
        arguments: [([2, 1], 2, 3, 0), ([1, 1], 2, 5, 0), ([1, 1], 4, 3, 3)])
    func mayBeRefused(turns: [Int], chunk: Int, capacity: Int, magazineCount: Int) {
        // Wrong: as above.
        let result = exhaust(
            turns, chunk, capacity, magazineCount,
            program: PoolGrowthPrograms.kept(
                turns, by: chunk, to: capacity, magazineCount: magazineCount, mustGet: false))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("three grow at once")
    func three() {
        // Wrong: as above.
        let result = exhaustIfLong(
            program: PoolGrowthPrograms.kept(
                [1, 1, 1], by: 1, to: 4, magazineCount: 0, mustGet: true))
        #expect(result.holds, "\(result)")
    }

    @Test("slots of a new chunk go from hand to hand", arguments: [([1, 1], 0), ([2, 1], 0)])
    func travelling(turns: [Int], magazineCount: Int) {
        // Wrong: a slot comes without what its maker and last user did.
        let result = exhaust(
            turns, magazineCount,
            program: PoolGrowthPrograms.travelling(turns, magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("the same with magazines")
    func travellingWithMagazines() {
        // Wrong: as above.
        let result = exhaustIfLong(
            program: PoolGrowthPrograms.travelling([1, 1], magazineCount: 3))
        #expect(result.holds, "\(result)")
    }

    @Test("a handle that nobody gave may be asked about while the pool grows")
    func asked() {
        // Wrong: the answer comes from memory that was not set up yet.
        let result = exhaust(program: PoolGrowthPrograms.asked())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("its orderings")
    func orderings() {
        // Wrong: an ordering can be weakened and nobody notices.
        let names = unneededOrderings(of: [
            PoolGrowthPrograms.asked(), PoolGrowthPrograms.travelling([2, 1], magazineCount: 0),
            PoolLeasePrograms.scoped([2, 1], capacity: 1, magazineCount: 0),
            PoolLeasePrograms.scoped([1, 1], capacity: 1, magazineCount: 3),
            // What the report and magazines need.
            PoolPrograms.found(magazineCount: 3),
        ])
        #expect(names.filter { !$0.contains("TaggedFreeList") } == [])
    }
}
