// SPDX-License-Identifier: MIT

// Threads that compute in steps: nobody begins a step before all have ended the one before. Each
// adds its left neighbour's number to its own, and the leader of each phase counts the steps.
//
//     swift run -c release example_barrier

import AtomicSupport
import StressSupport
import WaitPrimitives

/// A ring of numbers. A plain one would do: the barrier alone orders who reads and who writes.
final class Ring: Sendable {
    let barrier: CyclicBarrier
    let numbers: [Shared<Atomic<Int>>]
    let stepCount = Atomic<Int>(0)

    init(memberCount: Int) {
        barrier = CyclicBarrier(memberCount: memberCount)
        numbers = (0..<memberCount).map { Shared(Atomic($0 == 0 ? 1 : 0)) }
    }
}

let memberCount = 3
let ring = Ring(memberCount: memberCount)

ThreadTeam.run(count: memberCount) { index in
    let limit = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
    let mine = ring.numbers[index]
    let left = ring.numbers[(index + memberCount - 1) % memberCount]
    for _ in 0..<20 {
        let sum =
            mine.value.load(ordering: .relaxed) &+ left.value.load(ordering: .relaxed)
        // All have read: now all may write.
        guard let role = ring.barrier.blockingWait(until: limit) else { return }
        if role == .leader { ring.stepCount.add(1, ordering: .relaxed) }
        mine.value.store(sum, ordering: .relaxed)
        // All have written: now all may read again.
        guard ring.barrier.blockingWait(until: limit) != nil else { return }
    }
}
let total = ring.numbers.reduce(0) { $0 + $1.value.load(ordering: .relaxed) }
print("steps: \(ring.stepCount.load(ordering: .relaxed)), sum \(total)")  // Doubled each step.

let shortly = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
print("alone at the barrier: \(ring.barrier.blockingWait(until: shortly) == nil ? "gave up" : "?")")
print("still arrived: \(ring.barrier.arrivalCount)")
