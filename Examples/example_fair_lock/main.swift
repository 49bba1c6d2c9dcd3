// SPDX-License-Identifier: MIT

// A value behind a lock that is handed over in turn: a thread that wants it all the time cannot
// keep the others out, and tasks take their turns among the threads.
//
//     swift run -c release example_fair_lock

import AtomicSupport
import StressSupport
import WaitPrimitives

/// A counter and who has turned it.
struct Wheel {
    var turns = 0
    var turnsOf = [0, 0, 0]
}

let wheel = Shared(FairLock(Wheel()))
let turnCount = 500

let task = Task.detached {
    for _ in 0..<turnCount {
        try await wheel.value.withLock { state in
            state.turns += 1
            state.turnsOf[2] += 1
        }
    }
}
ThreadTeam.run(count: 2) { index in
    for _ in 0..<turnCount {
        wheel.value.withLock { state in
            state.turns += 1
            state.turnsOf[index] += 1
        }
    }
}
try await task.value
let (turns, turnsOf) = wheel.value.withLockIfFree { ($0.turns, $0.turnsOf) } ?? (0, [])
print("turns: \(turns), of each: \(turnsOf)")

// Who has the lock is not asked again: a second wait has a limit, and a try says no.
wheel.value.withLockIfFree { _ in
    let shortly = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
    let late = wheel.value.withLock(until: shortly) { $0.turns }
    let tried = wheel.value.withLockIfFree { $0.turns }
    print("while it is held: waited \(late == nil ? "in vain" : "?"), tried \(tried ?? -1)")
}
print("held at the end: \(wheel.value.isLocked)")
