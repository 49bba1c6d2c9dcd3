// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import TimerWheels

// The wheel of one thread and the one behind a lock, used by one thread.

/// Prints what a timer costs in both wheels when nobody else is there.
func printMeasurementsOfTimers(_ turns: Int) {
    report("timer insert + cancel, one thread's wheel") { measureWheel(turns) }
    report("timer insert + cancel, shared wheel") { measureSharedWheel(turns) }
    report("timer insert + fire, 16 due at a time, one thread's wheel") { measureExpiry(turns) }
    report("timer insert + fire, 16 due at a time, shared wheel") { measureSharedExpiry(turns) }
}

/// Ticks of a row of timers, each up to 1,000 ticks away.
@inline(__always)
private func tick(_ turn: Int) -> UInt64 { UInt64(1 &+ (turn &* 7919) % 1000) }

@inline(never)
private func measureWheel(_ turns: Int) -> (Int, UInt64) {
    var wheel = TimerWheel<UInt64>(capacity: 1024, origin: 0)
    var sum: UInt64 = 0
    for turn in 0..<turns {
        guard let token = wheel.insert(deadline: tick(turn), payload: UInt64(turn)) else { break }
        sum &+= wheel.cancel(token) ?? 0
    }
    return (turns, sum)
}

@inline(never)
private func measureSharedWheel(_ turns: Int) -> (Int, UInt64) {
    let wheel = SharedTimerWheel<UInt64>(capacity: 1024, origin: 0)
    var sum: UInt64 = 0
    for turn in 0..<turns {
        guard let arming = wheel.insert(deadline: tick(turn), payload: UInt64(turn)) else { break }
        sum &+= wheel.cancel(arming.token) ?? 0
    }
    return (turns, sum)
}

@inline(never)
private func measureExpiry(_ turns: Int) -> (Int, UInt64) {
    var wheel = TimerWheel<UInt64>(capacity: 1024, origin: 0)
    var sum: UInt64 = 0
    var now: UInt64 = 0
    for turn in 0..<turns / 16 {
        for step in 0..<16 { _ = wheel.insert(deadline: now &+ 9, payload: UInt64(turn &+ step)) }
        now &+= 10
        while let payload = wheel.popExpired(now: now) { sum &+= payload }
    }
    return (turns, sum)
}

@inline(never)
private func measureSharedExpiry(_ turns: Int) -> (Int, UInt64) {
    let wheel = SharedTimerWheel<UInt64>(capacity: 1024, origin: 0)
    var sum: UInt64 = 0
    var now: UInt64 = 0
    for turn in 0..<turns / 16 {
        for step in 0..<16 { _ = wheel.insert(deadline: now &+ 9, payload: UInt64(turn &+ step)) }
        now &+= 10
        wheel.advance(to: now) { _, payload in sum &+= payload }
    }
    return (turns, sum)
}
