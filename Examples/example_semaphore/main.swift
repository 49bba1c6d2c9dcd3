// SPDX-License-Identifier: MIT

// At most two threads at a time in a place that six want to be in.
//
//     swift run -c release example_semaphore

import AtomicSupport
import CLinuxShims
import StressSupport
import WaitPrimitives

/// The place, and how many were in it at most.
final class Room: Sendable {
    let doors = CountingSemaphore(permitCount: 2, permitCountMax: 2)
    let inside = Atomic<Int>(0)
    let insideMax = Atomic<Int>(0)
    let visits = Atomic<Int>(0)

    func visit() {
        guard doors.blockingWait(until: .never) else { return }
        let (_, count) = inside.add(1, ordering: .relaxed)
        insideMax.max(count, ordering: .relaxed)
        visits.add(1, ordering: .relaxed)
        millrace_thread_yield()
        inside.subtract(1, ordering: .relaxed)
        doors.signal()
    }
}

let room = Room()

ThreadTeam.run(count: 6) { _ in
    for _ in 0..<500 { room.visit() }
}
print("\(room.visits.load(ordering: .relaxed)) visits", terminator: ", ")
print("at most \(room.insideMax.load(ordering: .relaxed)) at a time")
print("doors free at the end: \(room.doors.permitCount)")
print("one permit too many is taken: \(room.doors.signal())")
