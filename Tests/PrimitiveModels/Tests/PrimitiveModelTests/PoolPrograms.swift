// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import ObjectPools

/// Programs with the pool and its free list.
enum PoolPrograms {
    /// Threads that lease, use and release an object so often.
    static func leases(
        _ turns: [Int], capacity: Int, magazineCount: Int
    ) -> (Model) -> Void {
        { model in
            let pool = pool(capacity: capacity, magazineCount: magazineCount)
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
            model.finally { checkSlots(model, pool.value) }
        }
    }

    private static func pool(
        capacity: Int, magazineCount: Int
    ) -> Shared<ObjectPool<PlainCell<Int>>> {
        Shared(
            ObjectPool(
                capacity: capacity, magazineCount: magazineCount, make: { PlainCell(0) }))
    }

    private static func checkSlots(_ model: Model, _ pool: borrowing ObjectPool<PlainCell<Int>>) {
        let capacity = pool.capacity
        model.check(pool.availableCount == capacity)
        var handles: [PoolHandle] = []
        while let handle = pool.tryAcquire() { handles.append(handle) }
        model.check(handles.count == capacity, "a slot is lost")
        for handle in handles { pool.release(handle) }
    }

    /// Leases that one thread begins and another ends.
    static func handOver(count: Int, magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = pool(capacity: 2, magazineCount: magazineCount)
            let given = (0..<count).map { _ in Shared(Atomic<UInt64>(0)) }
            model.thread("acquiring") {
                for turn in 0..<count {
                    guard let handle = pool.value.tryAcquire() else { continue }
                    pool.value.withObject(handle) { $0.store(turn) }
                    given[turn].value.store(handle.rawValue, ordering: .releasing)
                }
            }
            model.thread("releasing") {
                for turn in 0..<count {
                    let value = given[turn].value.load(ordering: .acquiring)
                    if value == 0 { continue }
                    let handle = PoolHandle(rawValue: value)
                    pool.value.withObject(handle) { model.check($0.load() == turn) }
                    pool.value.release(handle)
                }
            }
            model.finally {
                model.check(pool.value.availableCount <= 2)
            }
        }
    }

    /// Every slot whose release happened before a call is found by it, in whosever magazine it is:
    /// one thread releases all there is, says so, and the other one then acquires.
    static func found(magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = pool(capacity: 1, magazineCount: magazineCount)
            let isReleased = Atomic(false)
            model.thread("owner") {
                guard let handle = pool.value.tryAcquire() else { return }
                pool.value.withObject(handle) { $0.store(1) }
                pool.value.release(handle)
                isReleased.store(true, ordering: .releasing)
            }
            model.thread("seeker") {
                if !isReleased.load(ordering: .acquiring) { return }
                guard let handle = pool.value.tryAcquire() else {
                    model.check(false, "a free slot is not found")
                    return
                }
                pool.value.withObject(handle) { model.check($0.load() == 1) }
                pool.value.release(handle)
            }
            model.finally { checkSlots(model, pool.value) }
        }
    }

    /// The free list alone, whose pops race: a slot has one owner.
    static func freeList(_ turns: [Int], slots: Int) -> (Model) -> Void {
        { model in
            let list = FreeListMemory(slots: slots)
            for (number, count) in turns.enumerated() {
                model.thread {
                    for _ in 0..<count {
                        let link = list.pop()
                        if link == 0 { continue }
                        list.cells[Int(link) - 1].store(number)
                        list.push(link)
                    }
                }
            }
            model.finally {
                var count = 0
                while list.pop() != 0 { count += 1 }
                model.check(count == slots)
            }
        }
    }

    /// Chains: threads that take up to two slots at once and give them back as one chain.
    static func chains(_ turns: [Int], slots: Int) -> (Model) -> Void {
        { model in
            let list = FreeListMemory(slots: slots)
            for (number, count) in turns.enumerated() {
                model.thread {
                    for _ in 0..<count { list.useChain(number) }
                }
            }
            model.finally {
                var count = 0
                while list.pop() != 0 { count += 1 }
                model.check(count == slots)
            }
        }
    }
}

/// A free list in memory of its own, and a cell for each slot.
@safe
final class FreeListMemory {
    let cells: [PlainCell<Int>]
    private let block: SharedBlock
    private let list: TaggedFreeList

    init(slots: Int) {
        cells = (0..<slots).map { _ in PlainCell(0) }
        block = SharedBlock(byteCount: 128 + slots * 8)
        // SAFETY: the parts lie in the block; the list is used by its rules.
        unsafe list = TaggedFreeList(
            head: block.pointer(at: 0, to: Atomic<UInt64>.self), slots: block.base + 128,
            stride: 8)
        unsafe list.initialize(count: slots)  // SAFETY: as above.
    }

    func pop() -> UInt32 { unsafe list.pop() }  // SAFETY: as above.

    func push(_ link: UInt32) {
        unsafe list.push(first: link, last: link)  // SAFETY: as above.
    }

    func useChain(_ number: Int) {
        let (first, count) = unsafe list.popChain(countMax: 2)  // SAFETY: as above.
        if count == 0 { return }
        var last = first
        cells[Int(first) - 1].store(number)
        if count == 2 {
            last = unsafe list.next(of: first)  // SAFETY: as above.
            cells[Int(last) - 1].store(number)
        }
        unsafe list.push(first: first, last: last)  // SAFETY: as above.
    }
}
