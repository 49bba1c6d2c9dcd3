// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import ObjectPools
import Testing

@Suite("Models of ObjectPool and its free list")
struct PoolModelTests {
    /// Threads that lease, use and release an object so often.
    private func pool(
        _ turns: [Int], capacity: Int, magazineCount: Int
    ) -> (Model) -> Void {
        { model in
            let pool = ObjectPool<PlainCell<Int>>(
                capacity: capacity, magazineCount: magazineCount,
                make: { PlainCell(0) })
            for (number, count) in turns.enumerated() {
                model.thread {
                    for _ in 0..<count {
                        guard let handle = pool.tryAcquire() else { continue }
                        pool.withObject(handle) { cell in
                            cell.store(number)
                            model.check(cell.load() == number, "leased to two")
                        }
                        pool.release(handle)
                    }
                }
            }
            model.finally {
                model.check(pool.availableCount == capacity)
                var handles: [PoolHandle] = []
                while let handle = pool.tryAcquire() { handles.append(handle) }
                model.check(handles.count == capacity, "a slot is lost")
                for handle in handles { pool.release(handle) }
            }
        }
    }

    @Test(
        "an object is leased to one at a time, and its user sees what the one before did",
        arguments: [([1, 1], 1, 0), ([2, 1], 1, 0), ([1, 1], 2, 0), ([2, 2], 2, 0)])
    func withoutMagazines(turns: [Int], capacity: Int, magazineCount: Int) {
        // Wrong: two threads have one slot, or one sees it half written.
        let result = explore(
            program: pool(turns, capacity: capacity, magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("thieves take a slot once, and see what its owner did")
    func withMagazines() {
        // Wrong: a slot is taken by its owner and by a thief, or without an edge.
        let result = explore(program: pool([1, 1], capacity: 1, magazineCount: 3))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    /// The free list alone, whose pops race: a slot has one owner.
    private func freeList(_ turns: [Int], slots: Int) -> (Model) -> Void {
        { model in
            // SAFETY: the parts lie in the block; the list is used by its rules.
            let block = Shared(SharedBlock(byteCount: 128 + slots * 8))
            let list = unsafe TaggedFreeList(
                head: block.value.pointer(at: 0, to: Atomic<UInt64>.self),
                slots: block.value.base + 128, stride: 8)
            unsafe list.initialize(count: slots)  // SAFETY: as above.
            let cells = (0..<slots).map { _ in PlainCell(0) }
            for (number, count) in turns.enumerated() {
                model.thread {
                    for _ in 0..<count {
                        let link = unsafe list.pop()  // SAFETY: as above.
                        if link == 0 { continue }
                        cells[Int(link) - 1].store(number)
                        unsafe list.push(first: link, last: link)  // SAFETY: as above.
                    }
                }
            }
            model.finally {
                var count = 0
                while unsafe list.pop() != 0 { count += 1 }  // SAFETY: as above.
                model.check(count == slots)
                model.check(block.value.byteCount > 0)
            }
        }
    }

    @Test("the free list has no ABA", arguments: [([1, 1], 2), ([2, 1], 2), ([2, 2], 2)])
    func freeListHolds(turns: [Int], slots: Int) {
        // Wrong: a pop that slept through others' pops and pushes corrupts the list.
        let result = explore(program: freeList(turns, slots: slots))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("which orderings of the free list are needed")
    func orderings() {
        // Wrong: an ordering can be weakened and nobody notices.
        let report = audit(program: freeList([2, 2], slots: 2))
        #expect(report.baseline.holds, "\(report)")
        // A successful compare-exchange of a pop reads what the load or the failure before it
        // has acquired already, or a later pop of the same release sequence.
        #expect(
            report.survivorNames == ["compareExchange acquiring → relaxed"], "\(report)")
    }
}
