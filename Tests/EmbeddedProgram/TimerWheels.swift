// SPDX-License-Identifier: MIT

import TimerWheels

/// A wheel in which one timer fires, one is cancelled, and one stays; then the same for threads.
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
    useSharedTimerWheel()
}

/// A handler that arms a timer, and one that is cancelled by whom it was armed.
private func useSharedTimerWheel() {
    let wheel = SharedTimerWheel<Int>(capacity: 8, origin: 0)
    let first = wheel.insert(deadline: 10, payload: 1)
    check(first?.isEarliest == true, "TimerWheels: nobody would be woken")
    let second = wheel.insert(deadline: 20, payload: 2)
    check(second?.isEarliest == false, "TimerWheels: woken for nothing")
    var sum = 0
    let count = wheel.advance(to: 15) { _, payload in
        sum += payload
        _ = wheel.insert(deadline: 30, payload: 3)
    }
    check(count == 1 && sum == 1, "TimerWheels: the due timer did not fire")
    check(wheel.nextDeadline() == 20, "TimerWheels: the next deadline is wrong")
    if let second { check(wheel.cancel(second.token) == 2, "TimerWheels: cancelled another") }
    check(wheel.count == 1, "TimerWheels: the handler's timer is gone")
}
