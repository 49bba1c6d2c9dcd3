// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import ObjectPools
import Testing

/// Programs with buffers in two sizes, one of each.
enum BufferPoolPrograms {
    /// Threads that each lease a small buffer so often, and use it alone.
    static func spilling(_ turns: [Int], magazineCount: Int) -> (Model) -> Void {
        { model in
            let pool = Shared(
                BufferPool(
                    classes: [
                        BufferClass(byteCount: 64, capacity: 1),
                        BufferClass(byteCount: 128, capacity: 1),
                    ], magazineCount: magazineCount))
            // What is in each buffer, where the model sees it.
            let contents = [PlainCell(0), PlainCell(0)]
            for (number, count) in turns.enumerated() {
                model.thread {
                    for _ in 0..<count {
                        guard let lease = pool.value.tryLease(byteCount: 1) else {
                            model.check(turns.count > 2, "refused below the limit")
                            continue
                        }
                        let cell = contents[lease.byteCount / 64 - 1]
                        cell.store(number)
                        model.check(cell.load() == number, "leased to two")
                    }
                }
            }
            model.finally {
                let (small, large) = (
                    pool.value.statistics(ofClass: 0), pool.value.statistics(ofClass: 1)
                )
                model.check(small.leasedCount == 0 && large.leasedCount == 0)
                model.check(small.spilled == large.leases.acquired)
            }
        }
    }
}

@Suite("Models of BufferPool")
struct BufferPoolModelTests {
    @Test(
        "a buffer has one user, and two find one each",
        arguments: [([1, 1], 0), ([2, 1], 0), ([1, 1], 3)])
    func spilling(turns: [Int], magazineCount: Int) {
        // Wrong: a buffer has two users, is lost, or a thread is refused while one is free.
        let result = exhaust(
            turns, magazineCount,
            program: BufferPoolPrograms.spilling(turns, magazineCount: magazineCount))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("the same with three, one of whom may be refused")
    func spillingOfThree() {
        // Wrong: as above.
        let result = exhaustIfLong(
            program: BufferPoolPrograms.spilling([1, 1, 1], magazineCount: 0))
        #expect(result.holds, "\(result)")
    }
}
