// SPDX-License-Identifier: MIT

// Starting together and ending together: one latch holds the runners back until the pistol, another
// counts those who are through the finish. What they wrote before is seen behind it.
//
//     swift run -c release example_latch

import AtomicSupport
import StressSupport
import WaitPrimitives

/// What runners and referee share.
final class Race: Sendable {
    let pistol = Latch(count: 1)
    let finish: Latch
    let falseStarts = Atomic<Int>(0)
    let distance = Atomic<Int>(0)

    init(runnerCount: Int) {
        finish = Latch(count: runnerCount)
    }
}

let runnerCount = 4
let race = Race(runnerCount: runnerCount)

ThreadTeam.run(count: runnerCount + 1) { index in
    let limit = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
    if index < runnerCount {
        _ = race.pistol.blockingWait(until: limit)
        if !race.pistol.isOpen { race.falseStarts.add(1, ordering: .relaxed) }
        race.distance.add(100, ordering: .relaxed)  // `countDown` publishes it.
        race.finish.countDown()
        return
    }
    let shortly = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
    print("finished before the pistol: \(race.finish.blockingWait(until: shortly))")
    race.pistol.countDown()
    print("all in: \(race.finish.blockingWait(until: limit))", terminator: ", ")
    print("metres run: \(race.distance.load(ordering: .relaxed))")
}
print("false starts: \(race.falseStarts.load(ordering: .relaxed)), missing: \(race.finish.count)")
