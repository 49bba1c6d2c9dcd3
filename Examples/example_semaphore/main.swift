// SPDX-License-Identifier: MIT

// At most two at a time in a place that six threads and a task want to be in. The task waits in the
// same line, and holds no thread meanwhile.
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
        stay()
    }

    func visitFromTask() async throws {
        try await doors.wait()
        stay()
    }

    private func stay() {
        let (_, count) = inside.add(1, ordering: .relaxed)
        insideMax.max(count, ordering: .relaxed)
        visits.add(1, ordering: .relaxed)
        millrace_thread_yield()
        inside.subtract(1, ordering: .relaxed)
        doors.signal()
    }
}

let room = Room()
let visitCount = 500

let task = Task.detached {
    for _ in 0..<visitCount { try await room.visitFromTask() }
}
ThreadTeam.run(count: 6) { _ in
    for _ in 0..<visitCount { room.visit() }
}
try await task.value
print("\(room.visits.load(ordering: .relaxed)) visits", terminator: ", ")
print("at most \(room.insideMax.load(ordering: .relaxed)) at a time")
print("doors free at the end: \(room.doors.permitCount)")
print("one permit too many is taken: \(room.doors.signal())")
