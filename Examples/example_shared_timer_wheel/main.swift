// SPDX-License-Identifier: MIT

// Three threads send requests, each with a timeout of 20 ms; nine of ten are answered at once and
// cancel theirs. One thread sleeps until the next timeout. It is woken only when a timer is armed
// that it does not know of: for few of them, because the timeouts before it are due earlier.
//
//     swift run -c release example_shared_timer_wheel

import AtomicSupport
import StressSupport
import TimerWheels
import WaitPrimitives

/// What a timer is for.
enum Job: Sendable {
    case timeout(request: Int)
    case heartbeat
}

/// A wheel whose ticks are microseconds, and the thread that waits for them.
final class Timeouts: Sendable {
    let wheel = SharedTimerWheel<Job>(capacity: 1024, origin: 0)
    let wake = AutoResetEvent()
    let wakeCount = Atomic(0)
    let isEnding = Atomic(false)
    let start = MonotonicInstant.now

    var now: UInt64 { MonotonicInstant.now.nanoseconds(since: start) / 1_000 }

    func arm(_ job: Job, after microseconds: UInt64) -> TimerToken? {
        let arming = wheel.insert(deadline: now + microseconds, payload: job)
        if let arming, arming.isEarliest {
            wakeCount.add(1, ordering: .relaxed)
            wake.set()  // The event remembers it if the thread is awake.
        }
        return arming?.token
    }

    func run(_ fire: (Job) -> Void) {
        while !isEnding.load(ordering: .acquiring) {  // Ends with `end`.
            wheel.advance(to: now) { _, job in fire(job) }
            let next = wheel.nextDeadline().map { start.advanced(byNanoseconds: $0 * 1_000) }
            _ = wake.blockingWait(until: next ?? .never)
        }
    }

    func end() {
        isEnding.store(true, ordering: .releasing)
        wake.set()
    }
}

let timeouts = Timeouts()
let missing = Shared(WaitGroup())
let (answered, expired) = (Shared(Atomic(0)), Shared(Atomic(0)))
let heartbeats = Shared(Atomic(0))
missing.value.add(300)

ThreadTeam.run(count: 4) { thread in
    if thread == 3 {
        timeouts.run { job in
            switch job {
            case .timeout:
                expired.value.add(1, ordering: .relaxed)
                missing.value.done()
            case .heartbeat:  // A handler arms its timer again.
                heartbeats.value.add(1, ordering: .relaxed)
                _ = timeouts.arm(.heartbeat, after: 5_000)
            }
        }
        return
    }
    if thread == 0 { _ = timeouts.arm(.heartbeat, after: 5_000) }
    for number in 0..<100 {
        let token = timeouts.arm(.timeout(request: number), after: 20_000)
        // The answer comes; if the timeout was faster, that counts.
        if number % 10 > 0, let token, timeouts.wheel.cancel(token) != nil {
            answered.value.add(1, ordering: .relaxed)
            missing.value.done()
        }
    }
    _ = missing.value.blockingWait(until: .never)
    timeouts.end()
}
let answers = answered.value.load(ordering: .relaxed)
let misses = expired.value.load(ordering: .relaxed)
print("answered or timed out: \(answers + misses), timed out at least 30: \(misses >= 30)")
print("its thread was woken \(timeouts.wakeCount.load(ordering: .relaxed)) times for 300 timeouts")
print("heartbeats meanwhile: \(heartbeats.value.load(ordering: .relaxed) > 0)")
