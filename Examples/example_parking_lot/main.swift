// SPDX-License-Identifier: MIT

// A thousand flags of one byte each that threads and tasks wait on: the queues are in one lot, by
// the address of the flag. Who waits says what it has seen, so that no change is slept through.
//
//     swift run -c release example_parking_lot

import AtomicSupport
import StressSupport
import WaitPrimitives

/// Flags that are raised once.
final class Flags: Sendable {
    let lot = ParkingLot(bucketCount: 16)
    let flags = (0..<1000).map { _ in Shared(Atomic<UInt8>(0)) }

    func isRaised(_ index: Int) -> Bool { flags[index].value.load(ordering: .acquiring) == 1 }

    func raise(_ index: Int) -> Int {
        flags[index].value.store(1, ordering: .releasing)
        return lot.unparkAll(at: UInt(index))
    }

    /// False: the deadline passed.
    func blockingWait(for index: Int, until deadline: MonotonicInstant) -> Bool {
        while !isRaised(index) {  // One round, or two: a flag stays up.
            let end = lot.park(at: UInt(index), until: deadline) { !isRaised(index) }
            if end == .timedOut { return false }
        }
        return true
    }

    func wait(for index: Int) async throws {
        while !isRaised(index) {  // As above.
            _ = try await lot.park(at: UInt(index)) { !self.isRaised(index) }
        }
    }
}

let flags = Flags()
let passed = Atomic<Int>(0)
let tasks = (0..<100).map { number in
    Task.detached {
        for index in stride(from: number, to: 1000, by: 100) { try await flags.wait(for: index) }
    }
}
ThreadTeam.run(count: 3) { thread in
    for index in 0..<1000 {
        if thread == 0 {
            _ = flags.raise(index)
        } else if flags.blockingWait(for: index, until: .never) {
            passed.add(1, ordering: .relaxed)
        }
    }
}
for task in tasks { try await task.value }
print("flags seen by threads: \(passed.load(ordering: .relaxed)), by tasks: \(tasks.count * 10)")
print("nobody is left: \((0..<1000).allSatisfy { flags.lot.unparkAll(at: UInt($0)) == 0 })")
