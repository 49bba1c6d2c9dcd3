// SPDX-License-Identifier: MIT

// A hundred thousand timers, most of them cancelled before their time, as connections do; a tick is
// a millisecond here.
//
//     swift run -c release example_timer_wheel

import AtomicSupport
import TimerWheels

/// Arms the timers, cancels nine of ten, and lets the clock run by leaps.
func run() {
    let timerCount = 100_000
    var wheel = TimerWheel<Int>(capacity: timerCount, origin: 0)
    var tokens: [TimerToken] = []
    let start = MonotonicInstant.now
    for number in 0..<timerCount {
        // Deadlines of up to a minute, in no order.
        let deadline = UInt64(1 + (number &* 7919) % 60_000)
        if let token = wheel.insert(deadline: deadline, payload: number) { tokens.append(token) }
    }
    var cancelledCount = 0
    for (index, token) in tokens.enumerated() where index % 10 > 0 {
        if wheel.cancel(token) != nil { cancelledCount += 1 }
    }
    let elapsed = MonotonicInstant.now.nanoseconds(since: start)
    print("armed \(tokens.count), cancelled \(cancelledCount), \(wheel.count) left")
    print("\(elapsed / UInt64(timerCount)) ns for each timer")

    var firedCount = 0
    var leapCount = 0
    while let next = wheel.nextDeadline() {  // Ends when every timer has fired.
        while wheel.popExpired(now: next) != nil { firedCount += 1 }
        leapCount += 1
    }
    print("fired \(firedCount) in \(leapCount) leaps; the wheel reached tick \(wheel.now)")
    print("a token that has fired cancels nothing: \(wheel.cancel(tokens[0]) == nil)")
}

run()
