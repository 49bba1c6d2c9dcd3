// SPDX-License-Identifier: MIT

import TimerWheels

func fireOne() {
    var wheel = TimerWheel<String>(capacity: 16, origin: 0)
    let token = wheel.insert(deadline: 5, payload: "tea")
    let fired = wheel.popExpired(now: 5)
    print("TimerWheels: \(fired ?? "nothing") is ready, cancellable: \(token != nil)")
}

fireOne()
