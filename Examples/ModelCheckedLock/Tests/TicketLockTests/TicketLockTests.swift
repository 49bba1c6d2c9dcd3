// SPDX-License-Identifier: MIT

#if !Model
    import Dispatch
    import Testing
    import TicketLocks

    /// A number that the lock guards.
    @safe
    private final class GuardedCount: @unchecked Sendable {
        let lock = TicketLock()
        var count = 0
    }

    @Suite("TicketLock on threads")
    struct TicketLockTests {
        @Test("threads count under the lock")
        func counting() {
            // Wrong: the lock excludes nobody in the ordinary build.
            let guarded = GuardedCount()
            DispatchQueue.concurrentPerform(iterations: 4) { _ in
                for _ in 0..<10_000 {
                    guarded.lock.lock()
                    guarded.count += 1
                    guarded.lock.unlock()
                }
            }
            #expect(guarded.count == 40_000)
            // A try by a holder is refused, and takes nothing.
            let isFree = guarded.lock.tryLock()
            let isFreeAgain = guarded.lock.tryLock()
            #expect(isFree)
            #expect(!isFreeAgain)
        }
    }
#endif
