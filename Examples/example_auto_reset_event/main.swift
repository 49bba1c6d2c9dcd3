// SPDX-License-Identifier: MIT

// Ping-pong between two threads: each set lets exactly one waiter through, and sets that nobody has
// taken yet count as one.
//
//     swift run -c release example_auto_reset_event

import AtomicSupport
import StressSupport
import WaitPrimitives

/// The two sides of the table.
final class Table: Sendable {
    let ping = AutoResetEvent()
    let pong = AutoResetEvent()
    let rallies = Atomic<Int>(0)
}

let table = Table()
let rallyCount = 2000

ThreadTeam.run(count: 2) { index in
    let limit = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
    for _ in 0..<rallyCount {
        if index == 0 {
            table.ping.set()
            guard table.pong.blockingWait(until: limit) else { return }
            table.rallies.add(1, ordering: .relaxed)
        } else {
            guard table.ping.blockingWait(until: limit) else { return }
            table.pong.set()
        }
    }
}
print("rallies: \(table.rallies.load(ordering: .relaxed))")

table.ping.set()
table.ping.set()
print("two sets let through: \(table.ping.tryWait()), then \(table.ping.tryWait())")

// A task waits without holding a thread. One that is cancelled leaves the flag to others.
let guest = Task.detached { try await table.ping.wait() }
table.ping.set()
try await guest.value
let late = Task.detached { try await table.ping.wait() }
late.cancel()
let isCancelled = if case .failure = await late.result { true } else { false }
table.ping.set()
print("a task was let through, one was cancelled: \(isCancelled)", terminator: ", ")
print("the flag is there: \(table.ping.isSet)")
