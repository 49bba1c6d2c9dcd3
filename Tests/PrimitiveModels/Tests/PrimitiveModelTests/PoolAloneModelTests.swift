// SPDX-License-Identifier: MIT

import ModelChecking
import ObjectPools
import Testing

/// What leases, reports and growth promise to one thread alone.
@Suite("Models of ObjectPool's leases and growth, alone")
struct PoolAloneModelTests {
    private final class Witness: Sendable {}

    private func alone(_ body: @escaping (Model) -> Void) {
        let result = explore { model in
            model.thread("alone") { body(model) }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a pool grows by whole chunks, and each slot is leased once")
    func grows() {
        // Wrong: a chunk's slots are not all there, or one is given twice.
        alone { model in
            let pool = ObjectPool(growingFrom: 1, by: 4, to: 9, magazineCount: 0, make: { 0 })
            var counts: [Int] = []
            var handles: Set<UInt64> = []
            while let handle = pool.tryAcquire() {  // Ends: there are nine.
                handles.insert(handle.rawValue)
                counts.append(pool.slotCount)
            }
            model.check(counts == [1, 5, 5, 5, 5, 9, 9, 9, 9])
            model.check(handles.count == 9)
            model.check(!pool.isLeased(PoolHandle(index: 9, generation: 1)), "beyond the end")
            for handle in handles { pool.release(PoolHandle(rawValue: handle)) }
            model.check(pool.availableCount == 9)
        }
    }

    @Test("a pool with magazines that grows refuses nobody, and counts none who was")
    func counts() {
        // Wrong: the statistics tell of refusals that did not happen, or hide one that did.
        alone { model in
            let pool = ObjectPool(growingFrom: 1, by: 2, to: 3, magazineCount: 3, make: { 0 })
            let handles = (0..<3).compactMap { _ in pool.tryAcquire() }
            model.check(handles.count == 3 && pool.statistics.exhausted == 0)
            model.check(pool.tryAcquire() == nil && pool.statistics.exhausted == 1)
            for handle in handles { pool.release(handle) }
        }
    }

    @Test("as many chunks as are promised, and magazines unless told otherwise")
    func limits() {
        // Wrong: what the documentation allows traps.
        alone { model in
            let pool = ObjectPool(growingFrom: 1, by: 1, to: 257, make: { 0 })
            model.check(pool.magazineCount == 64)
            model.check(pool.tryAcquire() != nil && pool.tryAcquire() != nil)
            for handle in pool.leases { pool.release(handle) }
        }
    }

    @Test("a report tells which leases a value owns; only the others can be adopted")
    func owns() {
        // Wrong: a lease ends twice, or nobody can take it over.
        alone { model in
            let pool = ObjectPool(capacity: 64, magazineCount: 0, make: { 0 })
            guard let first = pool.tryLease() else { return model.check(false) }
            let others = (0..<3).compactMap { _ in pool.tryAcquire() }
            guard let last = pool.tryLease() else { return model.check(false) }
            var owned: [PoolHandle] = []
            var isReported = 0
            pool.forEachLease { lease in
                isReported += 1
                if lease.isOwned { owned.append(lease.handle) }
            }
            model.check(isReported == 5 && owned == [first.handle, last.handle])
            for handle in others {
                let lease = pool.adopt(handle)
                model.check(lease.handle == handle)
            }
            model.check(pool.availableCount == 62)
        }
    }

    @Test("a pool that ends lets go of what makes its objects")
    func lets() {
        // Wrong: whatever the closures hold lives for ever.
        weak var seen: Witness?
        do {
            let witness = Witness()
            seen = witness
            let pool = ObjectPool(
                capacity: 1, magazineCount: 0, make: { [witness] in ObjectIdentifier(witness) })
            #expect(pool.capacity == 1)
        }
        #expect(seen == nil)
    }
}

extension ObjectPool where Object: ~Copyable {
    fileprivate var leases: [PoolHandle] {
        var all: [PoolHandle] = []
        forEachLease { all.append($0.handle) }
        return all
    }
}
