// SPDX-License-Identifier: MIT

package import TimerWheels

// The operations of the wheel that threads share.

@_silgen_name("seam_timer_insert")
package func insert(
    _ wheel: borrowing SharedTimerWheel<Int>, _ deadline: UInt64, _ payload: Int
) -> TimerArming? {
    wheel.insert(deadline: deadline, payload: payload)
}

@_silgen_name("seam_timer_cancel")
package func cancel(_ wheel: borrowing SharedTimerWheel<Int>, _ token: TimerToken) -> Int? {
    wheel.cancel(token)
}

@_silgen_name("seam_timer_reschedule")
package func reschedule(
    _ wheel: borrowing SharedTimerWheel<Int>, _ token: TimerToken, _ deadline: UInt64
) -> TimerArming? {
    wheel.reschedule(token, deadline: deadline)
}

@_silgen_name("seam_timer_advance")
package func advance(_ wheel: borrowing SharedTimerWheel<Int>, _ now: UInt64) -> Int {
    var sum = 0
    wheel.advance(to: now) { _, payload in sum &+= payload }
    return sum
}

@_silgen_name("seam_timer_next")
package func next(_ wheel: borrowing SharedTimerWheel<Int>) -> UInt64? { wheel.nextDeadline() }
