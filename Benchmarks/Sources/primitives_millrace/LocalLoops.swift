// SPDX-License-Identifier: MIT

internal import CContender
internal import ObjectPools
internal import WorkSupport

/// The loops of `LendingLoops` over a local magazine, which each thread makes at its start: its
/// leases are values, which no number names.
final class LocalLoops: Sendable {
    private let pool: ObjectPool<UInt64>
    private let threads: Int

    /// Room for a burst.
    private static let depth = 2 * Int(WORK_BURST)

    init(_ pool: consuming ObjectPool<UInt64>, threads: Int) {
        self.pool = pool
        self.threads = threads
    }

    /// One at a time.
    func single(_ thread: Int, _ count: UInt64) -> UInt64 {
        let part = work_part(UInt32(thread), UInt32(threads), count)
        let magazine = pool.makeLocalMagazine(depth: Self.depth)
        var sum: UInt64 = 0
        for number in part.first..<part.first + part.count {
            var lease = Self.lend(number, of: magazine)
            sum &+= lease.withObject { $0 }
        }
        return sum
    }

    /// As many as a burst before the first is given back.
    func deep(_ thread: Int, _ count: UInt64) -> UInt64 {
        let part = work_part(UInt32(thread), UInt32(threads), count)
        let magazine = pool.makeLocalMagazine(depth: Self.depth)
        // SAFETY: the places are empty before and after each burst.
        return unsafe withUnsafeTemporaryAllocation(
            of: LocalPoolLease<UInt64>.self, capacity: Int(WORK_BURST)
        ) { leases in
            var sum: UInt64 = 0
            var first = part.first
            while first < part.first + part.count {
                let depth = min(UInt64(WORK_BURST), part.first + part.count - first)
                for step in 0..<Int(depth) {
                    let lease = Self.lend(first + UInt64(step), of: magazine)
                    unsafe leases.initializeElement(at: step, to: lease)  // SAFETY: empty.
                }
                for step in 0..<Int(depth) {
                    var lease = unsafe leases.moveElement(from: step)  // SAFETY: filled above.
                    sum &+= lease.withObject { $0 }
                }
                first += depth
            }
            return sum
        }
    }

    @inline(__always)
    private static func lend(
        _ number: UInt64, of magazine: borrowing LocalPoolMagazine<UInt64>
    ) -> LocalPoolLease<UInt64> {
        guard var lease = magazine.tryLease() else {
            preconditionFailure("the pool is too small")
        }
        lease.withObject { $0 = number }
        return lease
    }
}
