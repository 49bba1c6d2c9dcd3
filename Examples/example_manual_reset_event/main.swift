// SPDX-License-Identifier: MIT

// A gate that is opened and shut: workers pass while it is open and sleep while it is shut. Whoever
// sleeps when it opens gets through, also if it is shut again at once.
//
//     swift run -c release example_manual_reset_event

import AtomicSupport
import StressSupport
import WaitPrimitives

/// What the workers and the keeper of the gate share.
final class Mill: Sendable {
    let gate = ManualResetEvent()
    let done = WaitGroup()
    let ground = Atomic<Int>(0)
}

let mill = Mill()
let workerCount = 3
let sackCount = 100

mill.done.add(workerCount)
ThreadTeam.run(count: workerCount + 1) { index in
    let limit = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
    if index == workerCount {
        // Opened and shut until all is ground: no worker has to catch the moment.
        let isOver = { mill.done.blockingWait(until: .now.advanced(byNanoseconds: 20_000)) }
        while !isOver() && MonotonicInstant.now < limit {
            mill.gate.set()
            mill.gate.reset()
        }
        return
    }
    for _ in 0..<sackCount {
        guard mill.gate.blockingWait(until: limit) else { break }
        mill.ground.add(1, ordering: .relaxed)
    }
    mill.done.done()
}
print("sacks ground: \(mill.ground.load(ordering: .relaxed))")

let shortly = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
print("through a shut gate: \(mill.gate.blockingWait(until: shortly))")
mill.gate.set()
print("through an open one, twice: \(mill.gate.isSet), \(mill.gate.blockingWait(until: shortly))")
print("shut, and shut again: \(mill.gate.reset()), \(mill.gate.reset())")
