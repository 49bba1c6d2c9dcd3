// SPDX-License-Identifier: MIT

import TimerWheels

/// A wheel in which one timer fires, one is cancelled, and one stays.
func useTimerWheels() {
    var wheel = TimerWheel<Int>(capacity: 8, origin: 0)
    let near = wheel.insert(deadline: 10, payload: 1)
    let cancelled = wheel.insert(deadline: 11, payload: 2)
    let far = wheel.insert(deadline: 1_000_000, payload: 3)
    check(near != nil, "TimerWheels: a wheel with room refused")
    check(far != nil, "TimerWheels: a wheel with room refused")
    if let cancelled { check(wheel.cancel(cancelled) == 2, "TimerWheels: cancelled another") }
    check(wheel.popExpired(now: 100) == 1, "TimerWheels: the due timer did not fire")
    check(wheel.popExpired(now: 100) == nil, "TimerWheels: a timer fired early")
    check(wheel.count == 1, "TimerWheels: the far timer is gone")
    let late = wheel.insert(deadline: 1_000, slack: 100, payload: 4)
    check(late.flatMap { wheel.deadline(of: $0) } == 1_024, "TimerWheels: not the round tick")
}
