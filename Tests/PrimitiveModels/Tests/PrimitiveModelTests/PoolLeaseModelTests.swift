// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import ObjectPools
import Testing

/// Programs with leases that are values.
enum PoolLeasePrograms {
    typealias Pool = Shared<ObjectPool<PlainCell<Int>>>

    static func pool(capacity: Int, magazineCount: Int) -> Pool {
        Pool(
            ObjectPool(
                capacity: capacity, magazineCount: magazineCount, make: { PlainCell(0) },
                reset: { $0.store(0) }))
    }

    /// Threads whose leases end with a block.
    static func scoped(
        _ turns: [Int], capacity: Int, magazineCount: Int
    ) -> (Model) -> Void {
        { model in
            let pool = pool(capacity: capacity, magazineCount: magazineCount)
            for (number, count) in turns.enumerated() {
                model.thread {
                    for _ in 0..<count {
                        guard var lease = pool.value.tryLease() else { continue }
                        lease.withObject { cell in
                            model.check(cell.load() == 0, "not reset")
                            cell.store(number + 1)
                        }
                    }
                }
            }
            model.finally { model.check(pool.value.availableCount == capacity) }
        }
    }

    /// A lease that one thread begins and another owns at its end.
    static func handedOver(magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = pool(capacity: 1, magazineCount: magazineCount)
            let given = Atomic<UInt64>(0)
            model.thread("giving") {
                guard var lease = pool.value.tryLease() else { return }
                lease.withObject { $0.store(7) }
                given.store(lease.detach().rawValue, ordering: .releasing)
            }
            model.thread("taking") {
                let value = given.load(ordering: .acquiring)
                if value == 0 { return }
                var lease = pool.value.adopt(PoolHandle(rawValue: value))
                lease.withObject { model.check($0.load() == 7) }
            }
            model.finally {
                let value = given.load(ordering: .relaxed)
                let isOut = pool.value.availableCount == 0
                model.check(isOut == pool.value.isLeased(PoolHandle(rawValue: value)))
            }
        }
    }

    /// A report is made while another thread leases: it names leases that were.
    static func reported(turns: Int) -> (Model) -> Void {
        { model in
            let pool = pool(capacity: 2, magazineCount: 3)
            guard let kept = pool.value.tryAcquire() else { return model.check(false) }
            model.thread("leasing") {
                for _ in 0..<turns {
                    guard var lease = pool.value.tryLease() else { continue }
                    lease.withObject { $0.store(1) }
                }
            }
            model.thread("reporting") {
                var names: [PoolHandle] = []
                pool.value.forEachLease { names.append($0.handle) }
                model.check(names.contains(kept), "a lease is missing")
                model.check(names.count <= 2)
                for name in names { model.check(name.generation % 2 == 1) }
            }
            model.finally { model.check(pool.value.availableCount == 1) }
        }
    }
}

@Suite("Models of PoolLease")
struct PoolLeaseModelTests {
    @Test(
        "a lease ends with its owner, once",
        arguments: [([1, 1], 1, 0), ([2, 1], 1, 0), ([1, 1], 1, 3), ([1, 1], 2, 3)])
    func scoped(turns: [Int], capacity: Int, magazineCount: Int) {
        // Wrong: an object has two owners, is not reset, or does not come back.
        let result = exhaust(
            turns, capacity, magazineCount,
            program: PoolLeasePrograms.scoped(
                turns, capacity: capacity, magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a lease that was detached is owned by who adopts it", arguments: [0, 3])
    func handedOver(magazineCount: Int) {
        // Wrong: the adopter does not see what was done before, or the lease ends twice.
        let result = exhaust(
            magazineCount, program: PoolLeasePrograms.handedOver(magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a report may be made at any time", arguments: [1, 2])
    func reported(turns: Int) {
        // Wrong: it races with who leases, or misses what is out all the time.
        let result = exhaust(turns, program: PoolLeasePrograms.reported(turns: turns))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
