// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing

@Suite("Locks, parking, thread indices")
struct SeamTests {
    @Test("The lock excludes: four threads lose no increment")
    func lockExcludes() {
        // If this failed, the waiter lists and overflow lists above would be corrupted.
        let counter = Locked(0)
        ThreadTeam.run(count: 4) { _ in
            for _ in 0..<20_000 { counter.withValue { $0 += 1 } }
        }
        #expect(counter.withValue { $0 } == 80_000)
    }

    @Test("A wait ends at its deadline and says so; a changed word does not wait")
    func waitEndsAtDeadline() {
        // If this failed, timed waits would hang or return early without a reason.
        let block = SharedBlock(byteCount: CacheLine.byteCount)
        // SAFETY: the block is zeroed and lives to the end of the test.
        let word = unsafe block.pointer(at: 0, to: Atomic<UInt32>.self)
        let start = MonotonicInstant.now
        let deadline = start.advanced(byNanoseconds: 5_000_000)
        // SAFETY: the word lives to the end of the test.
        while unsafe Parking.wait(on: word, while: 0, until: deadline) {}
        #expect(MonotonicInstant.now >= deadline)
        // SAFETY: as above.
        let wasWoken = unsafe Parking.wait(on: word, while: 1, until: .never)
        #expect(wasWoken)
    }

    @Test("Living threads have different indices, and an exited thread's index is used again")
    func threadIndicesAreUniqueAndReused() {
        // If this failed, two threads would share a magazine, or a long-lived process would run out
        // of indices.
        let seen = Locked<[Int]>([])
        for _ in 0..<300 {
            ThreadTeam.run(count: 4) { _ in
                if let index = ThreadIndex.current { seen.withValue { $0.append(index) } }
            }
        }
        let indices = seen.withValue { $0 }
        #expect(indices.count == 1200)
        #expect(Set(indices).count < 64)
    }

    @Test("Instants do not overflow")
    func instantsSaturate() {
        // If this failed, a far deadline would wrap round to the past.
        let late = MonotonicInstant(nanoseconds: .max - 1)
        #expect(late.advanced(byNanoseconds: 10) == .never)
        #expect(MonotonicInstant(nanoseconds: 5).nanoseconds(since: late) == 0)
    }
}
