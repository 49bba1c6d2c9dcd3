// SPDX-License-Identifier: MIT

// Waiting for a condition of one's own without a lock: prepare, look again, sleep. The side that
// changes the condition pays one atomic operation when nobody sleeps.
//
//     swift run -c release example_event_count

import AtomicSupport
import StressSupport
import WaitPrimitives

/// A number that grows, and the sleepers who wait for it.
final class Progress: Sendable {
    let value = Atomic<Int>(0)
    let events = EventCount()
    let sleeps = Atomic<Int>(0)

    func publish(_ next: Int) {
        value.store(next, ordering: .releasing)
        events.notifyAll()
    }

    func wait(for goal: Int) {
        while value.load(ordering: .acquiring) < goal {  // Ends when the goal is published.
            let key = events.prepareWait()
            // Looked at again: a publication before `prepareWait` wakes nobody.
            if value.load(ordering: .acquiring) >= goal {
                events.cancelWait(key)
            } else {
                sleeps.add(1, ordering: .relaxed)
                _ = events.blockingWait(key, until: .never)
            }
        }
    }
}

let progress = Progress()
let stepCount = 1000

ThreadTeam.run(count: 3) { index in
    if index == 0 {
        for step in 1...stepCount { progress.publish(step) }
    } else {
        for step in stride(from: 10, through: stepCount, by: 10) { progress.wait(for: step) }
    }
}
print("both readers saw step \(progress.value.load(ordering: .relaxed))")
print(
    "they slept \(progress.sleeps.load(ordering: .relaxed)) times; left waiting:", terminator: " ")
print(progress.events.waiterCount)
