// SPDX-License-Identifier: MIT

// Three workers with a deque each: who has no work left steals the oldest piece of another. The
// work is to count the numbers of a range that have an odd number of ones, which is half of them.
// It is cut in halves until the pieces are small; all of it begins at the first worker.
//
//     swift run -c release example_stealing_deque

import AtomicSupport
import CLinuxShims
import ConcurrentQueues
import StressSupport

/// What the workers share; their deques begin small.
final class Crew: Sendable {
    static let size = 3
    let first = WorkStealingDeque<Range<UInt64>>(capacity: 4, capacityMax: 64)
    let second = WorkStealingDeque<Range<UInt64>>(capacity: 4, capacityMax: 64)
    let third = WorkStealingDeque<Range<UInt64>>(capacity: 4, capacityMax: 64)
    let remaining: Atomic<UInt64>
    let oddCount = Atomic<UInt64>(0)
    let stolenPieces = Atomic<Int>(0)

    init(total: UInt64) { remaining = Atomic(total) }

    /// Calls `body` with the deque of a worker.
    func withDeque<Result>(
        of worker: Int, _ body: (borrowing WorkStealingDeque<Range<UInt64>>) -> Result
    ) -> Result {
        switch worker {
        case 0: body(first)
        case 1: body(second)
        default: body(third)
        }
    }
}

let total: UInt64 = 1 << 24
let crew = Crew(total: total)

/// Halves a piece until it is small, leaves the other halves to whoever comes, and counts in it.
@Sendable func work(on piece: Range<UInt64>, as worker: Int) {
    var piece = piece
    while piece.count > 1 << 16 {  // At most 8 times.
        let middle = piece.lowerBound + UInt64(piece.count / 2)
        let refused = crew.withDeque(of: worker) { $0.tryPush(middle..<piece.upperBound) }
        guard refused == nil else { break }  // No room: it does the whole piece itself.
        piece = piece.lowerBound..<middle
    }
    var count: UInt64 = 0
    for number in piece { count += UInt64(number.nonzeroBitCount & 1) }
    crew.oddCount.add(count, ordering: .relaxed)
    crew.remaining.subtract(UInt64(piece.count), ordering: .relaxed)
}

/// The newest piece of its own, or else the oldest of another.
@Sendable func nextPiece(for worker: Int) -> Range<UInt64>? {
    if let own = crew.withDeque(of: worker, { $0.tryPop() }) { return own }
    for distance in 1..<Crew.size {
        let victim = (worker + distance) % Crew.size
        if let stolen = crew.withDeque(of: victim, { $0.trySteal() }) {
            crew.stolenPieces.add(1, ordering: .relaxed)
            return stolen
        }
    }
    return nil
}

ThreadTeam.run(count: Crew.size) { worker in
    if worker == 0 { work(on: 0..<total, as: worker) }
    while crew.remaining.load(ordering: .relaxed) > 0 {  // Ends: each piece is worked on once.
        if let piece = nextPiece(for: worker) {
            work(on: piece, as: worker)
        } else {
            millrace_thread_yield()
        }
    }
}
let count = crew.oddCount.load(ordering: .relaxed)
print("\(count) of \(total) are odd: \(count == total / 2 ? "each piece once" : "WRONG")")
print("\(crew.stolenPieces.load(ordering: .relaxed)) pieces were stolen")
