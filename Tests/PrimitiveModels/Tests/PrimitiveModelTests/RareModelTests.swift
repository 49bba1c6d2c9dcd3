// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import ModelChecking
import ObjectPools
import Testing
import WaitPrimitives

/// Programs that need three threads, a stale count or a full slot before they show a fault.
enum RarePrograms {
    /// One gives up a wait, while others add and subtract without ending the phase.
    static func withdrawalBesideCounts() -> (Model) -> Void {
        { model in
            let group = Shared(WaitGroup())
            let wait = RawWait()
            group.value.add(2)
            model.check(wait.enqueue(on: group.value) == .queued)
            var withdrawal = WaitWithdrawal.late
            model.thread("giving up") { withdrawal = wait.withdraw(from: group.value) }
            model.thread("counting") {
                group.value.done()
                group.value.add(2)
            }
            model.finally {
                model.check(withdrawal == .removed && wait.wakeCount == 0)
                model.check(group.value.count == 3, "a count is lost")
            }
        }
    }

    /// Two signal, while the only waiter gives up.
    static func signalsBesideWithdrawal() -> (Model) -> Void {
        { model in
            let semaphore = Shared(CountingSemaphore(permitCount: 0))
            let wait = RawWait()
            model.check(wait.enqueue(on: semaphore.value) == .queued)
            var withdrawal = WaitWithdrawal.late
            for number in 1...2 {
                model.thread("signalling \(number)") { semaphore.value.signal() }
            }
            model.thread("giving up") { withdrawal = wait.withdraw(from: semaphore.value) }
            model.finally {
                let isGranted = wait.wakeCount == 1
                model.check(isGranted == (withdrawal == .late))
                let left = isGranted ? 1 : 2
                model.check(semaphore.value.permitCount == left, "a permit is lost, or made")
            }
        }
    }

    private typealias Pool = Shared<ObjectPool<PlainCell<Int>>>

    private static func checkAllFound(_ model: Model, _ pool: Pool, _ count: Int) {
        model.check(pool.value.availableCount == count)
        var found = Set<UInt32>()
        for _ in 0...count {
            guard let handle = pool.value.tryAcquire() else { break }
            model.check(found.insert(handle.index).inserted, "leased to two")
        }
        model.check(found.count == count, "a slot is lost")
    }

    /// A thief takes the upper of two slots of a magazine, because it does not see the lower one
    /// yet; then the owner looks for one.
    static func hole() -> (Model) -> Void {
        { model in
            let pool = Pool(ObjectPool(capacity: 2, magazineCount: 2, make: { PlainCell(0) }))
            let handles = (0..<2).compactMap { _ in pool.value.tryAcquire() }
            model.check(handles.count == 2)
            model.thread("owner") {
                for handle in handles { pool.value.release(handle) }
                if let handle = pool.value.tryAcquire() { pool.value.release(handle) }
            }
            // It has no magazine, and gives what it took to the free list.
            model.thread("thief") {
                if let handle = pool.value.tryAcquire() { pool.value.release(handle) }
            }
            model.finally { checkAllFound(model, pool, 2) }
        }
    }

    /// A thread fills its magazine, while a thief, who still sees the magazine's count of before,
    /// takes what was just put there, and links it into the free list.
    static func robbedRefill() -> (Model) -> Void {
        { model in
            let pool = Pool(ObjectPool(capacity: 48, magazineCount: 2, make: { PlainCell(0) }))
            let handles = (0..<45).compactMap { _ in pool.value.tryAcquire() }
            model.check(handles.count == 45 && pool.value.availableCount == 3)
            let isEmptied = Atomic(false)
            model.thread("owner") {
                for handle in handles.prefix(2) { pool.value.release(handle) }
                for _ in 0..<2 { model.check(pool.value.tryAcquire() != nil) }
                // Without an edge: the thief may see the magazine as it was before.
                isEmptied.store(true, ordering: .relaxed)
                model.check(pool.value.tryAcquire() != nil)
            }
            model.thread("thief") {
                if !isEmptied.load(ordering: .relaxed) { return }
                if let handle = pool.value.tryAcquire() { pool.value.release(handle) }
            }
            model.finally { checkAllFound(model, pool, 2) }
        }
    }

    /// Two thieves look for the two slots of one magazine.
    static func twoThieves(magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = Pool(
                ObjectPool(capacity: 2, magazineCount: magazineCount, make: { PlainCell(0) }))
            let handles = (0..<2).compactMap { _ in pool.value.tryAcquire() }
            for handle in handles { pool.value.release(handle) }
            for number in 1...2 {
                model.thread("thief \(number)") {
                    model.check(pool.value.tryAcquire() != nil, "a slot was not found")
                }
            }
            model.finally {
                let total = pool.value.statistics
                model.check(total.stolen == 2 && total.acquired == 4 && total.exhausted == 0)
                checkAllFound(model, pool, 0)
            }
        }
    }

    /// Two threads without magazines find nothing.
    static func exhausted() -> (Model) -> Void {
        { model in
            let pool = Pool(ObjectPool(capacity: 1, magazineCount: 0, make: { PlainCell(0) }))
            model.check(pool.value.tryAcquire() != nil)
            for _ in 0..<2 { model.thread { model.check(pool.value.tryAcquire() == nil) } }
            model.finally { model.check(pool.value.statistics.exhausted == 2) }
        }
    }

    /// A thread without a magazine takes what lies in another's.
    static func bareThief() -> (Model) -> Void {
        { model in
            let pool = Pool(ObjectPool(capacity: 2, magazineCount: 1, make: { PlainCell(0) }))
            let handles = (0..<2).compactMap { _ in pool.value.tryAcquire() }
            for handle in handles { pool.value.release(handle) }
            model.thread("thief") {
                let taken = (0..<3).compactMap { _ in pool.value.tryAcquire() }
                model.check(taken.count == 2)
                for handle in taken { pool.value.release(handle) }
                let total = pool.value.statistics
                model.check(total.stolen == 2 && total.exhausted == 1)
                model.check(total.acquired == 4 && total.released == 4)
            }
            model.finally { checkAllFound(model, pool, 2) }
        }
    }
}

@Suite("Models of rare meetings")
struct RareModelTests {
    @Test("a withdrawal and counts meet")
    func groupWithdrawal() {
        // Wrong: the withdrawal writes back the count that it has read.
        let result = exhaust(program: RarePrograms.withdrawalBesideCounts())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("two signals and a withdrawal meet")
    func semaphoreWithdrawal() {
        // Wrong: the second of two signals writes over what the first one gave.
        let result = exhaust(program: RarePrograms.signalsBesideWithdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a magazine with a hole above a slot loses nothing")
    func poolHole() {
        // Wrong: the owner takes the hole for the end of its magazine, and writes over the rest.
        let result = exhaustIfLong(program: RarePrograms.hole())
        #expect(result.holds, "\(result)")
    }

    @Test("a magazine that is robbed while it is filled loses nothing")
    func poolRefill() {
        // Wrong: the refill follows the link of a slot that is no longer its own.
        let result = explore(
            .bounded(preemptionMax: 2), options: ModelOptions { $0.executionMax = 400_000 },
            program: RarePrograms.robbedRefill())
        #expect(result.holds, "\(result)")
        if ModelRun.printsCounts { print("robbedRefill: \(result)") }
    }

    @Test("each of two thieves finds one of two slots", arguments: [1, 3])
    func poolTwoThieves(magazineCount: Int) {
        // Wrong: a thief that comes too late for one slot does not look for another.
        let result = exhaust(
            magazineCount, program: RarePrograms.twoThieves(magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("each of two threads that find nothing is counted")
    func poolExhausted() {
        // Wrong: threads that share a number lose what others have added.
        let result = exhaust(program: RarePrograms.exhausted())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what a thread without a magazine steals is counted")
    func poolBareThief() {
        // Wrong: the number of stolen slots is another one.
        let result = exhaust(program: RarePrograms.bareThief())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
