// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import ObjectPools
import Testing

/// Programs that bring a pool's magazines to their corners: a flush, a long refill, a reset.
enum PoolCornerPrograms {
    private typealias Pool = Shared<ObjectPool<PlainCell<Int>>>

    /// Uses a leased object alone.
    private static func use(_ pool: Pool, _ handle: PoolHandle, _ number: Int, _ model: Model) {
        pool.value.withObject(handle) { cell in
            cell.store(number)
            model.check(cell.load() == number, "leased to two")
        }
    }

    /// A thread releases three objects, the third of which makes it flush its magazine, while
    /// others acquire. One alone that comes behind two releases finds a slot.
    static func flush(thieves: Int) -> (Model) -> Void {
        { model in
            let pool = Pool(
                ObjectPool(capacity: 3, magazineCount: 5, make: { PlainCell(0) }))
            let areTwoFree = Atomic(false)
            let handles = (0..<3).compactMap { _ in pool.value.tryAcquire() }
            model.check(handles.count == 3)
            model.thread("owner") {
                pool.value.release(handles[0])
                pool.value.release(handles[1])
                areTwoFree.store(true, ordering: .releasing)
                pool.value.release(handles[2])
            }
            for number in 1...thieves {
                model.thread("thief \(number)") {
                    let mustFind = areTwoFree.load(ordering: .acquiring)
                    guard let handle = pool.value.tryAcquire() else {
                        // With more thieves the only free slot can be on its way to the list.
                        return model.check(!mustFind || thieves > 1, "a slot was not found")
                    }
                    use(pool, handle, number, model)
                }
            }
            model.finally {
                let left = pool.value.availableCount
                var found = 0
                while found <= 3, pool.value.tryAcquire() != nil { found += 1 }
                model.check(found == left, "a slot is lost, or twice there")
            }
        }
    }

    /// A thread fills its magazine with two slots at one time, while another steals one of them and
    /// gives it to the free list.
    static func refill() -> (Model) -> Void {
        { model in
            let pool = Pool(
                ObjectPool(capacity: 48, magazineCount: 2, make: { PlainCell(0) }))
            let handles = (0..<45).compactMap { _ in pool.value.tryAcquire() }
            model.check(handles.count == 45 && pool.value.availableCount == 3)
            for number in 1...2 {
                // The second thread has no magazine.
                model.thread("thread \(number)") {
                    guard let handle = pool.value.tryAcquire() else { return }
                    use(pool, handle, number, model)
                    pool.value.release(handle)
                }
            }
            model.finally {
                model.check(pool.value.availableCount == 3)
                var found = Set<UInt32>()
                for _ in 0..<4 {
                    guard let handle = pool.value.tryAcquire() else { break }
                    model.check(found.insert(handle.index).inserted, "leased to two")
                }
                model.check(found.count == 3, "a slot is lost")
            }
        }
    }

    /// Objects are reset by who releases them, before anybody else has them.
    static func reset(magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = Pool(
                ObjectPool(
                    capacity: 1, magazineCount: magazineCount, make: { PlainCell(0) },
                    reset: { $0.store(0) }))
            for number in 1...2 {
                model.thread {
                    guard let handle = pool.value.tryAcquire() else { return }
                    pool.value.withObject(handle) { cell in
                        model.check(cell.load() == 0, "not reset")
                        cell.store(number)
                    }
                    pool.value.release(handle)
                }
            }
            model.finally { model.check(pool.value.availableCount == 1) }
        }
    }
}

@Suite("Models of ObjectPool in its corners")
struct PoolCornerModelTests {
    @Test("a flush and a thief meet")
    func flush() {
        // Wrong: a slot is in the magazine and in the free list, or in neither.
        let result = exhaustIfLong(program: PoolCornerPrograms.flush(thieves: 1))
        #expect(result.holds, "\(result)")
    }

    @Test("a flush and two thieves meet")
    func flushAndThieves() {
        // Wrong: as above, with two that look for the same slot.
        let result = sample(program: PoolCornerPrograms.flush(thieves: 2))
        #expect(result.holds, "\(result)")
    }

    @Test("a refill and a thief meet")
    func refill() {
        // Wrong: the refill follows the link of a slot that is no longer its own.
        let result = sample(program: PoolCornerPrograms.refill())
        #expect(result.holds, "\(result)")
    }

    @Test("an object is reset before its slot is free", arguments: [0, 3])
    func reset(magazineCount: Int) {
        // Wrong: the reset meets the next lease.
        let result = exhaust(
            magazineCount, program: PoolCornerPrograms.reset(magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
