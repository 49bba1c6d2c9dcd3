// SPDX-License-Identifier: MIT

import StressSupport
import Testing
import TimerWheels

/// Who arms a timer is told whether somebody sleeps who has to be woken for it.
@Suite("The earliest timer of a shared wheel")
struct TimerArmingTests {
    /// Whether the arming was told to be the earliest.
    static func isEarliest(
        _ wheel: borrowing SharedTimerWheel<Int>, _ deadline: UInt64
    ) -> Bool? {
        let arming = wheel.insert(deadline: deadline, payload: 0)
        wheel.checkInvariants()
        return arming?.isEarliest
    }

    @Test("The first timer and each earlier one are, equal and later ones are not")
    func earlierOnes() {
        // If this failed, a sleeper would oversleep, or be woken for every timer.
        let wheel = SharedTimerWheel<Int>(capacity: 16, origin: 0)
        #expect(Self.isEarliest(wheel, 50) == true)
        #expect(Self.isEarliest(wheel, 50) == false)
        #expect(Self.isEarliest(wheel, 1_000_000) == false)
        #expect(Self.isEarliest(wheel, 49) == true)
        #expect(Self.isEarliest(wheel, 50) == false)
        #expect(Self.isEarliest(wheel, 0) == true)
        #expect(Self.isEarliest(wheel, 0) == false)  // Due already: somebody was told.
        #expect(Self.isEarliest(wheel, 1) == false)
    }

    @Test("A sleeper that was told an earlier tick is not woken, whatever was cancelled since")
    func toldEarlierTick() throws {
        // If this failed, each of a row of timeouts that are cancelled in time would wake it.
        let wheel = SharedTimerWheel<Int>(capacity: 16, origin: 0)
        for round in 0..<30 as Range<UInt64> {
            let arming = try SharedTimerWheelTests.arm(wheel, 20 + round, 1)
            #expect(arming.isEarliest == (round == 0))
            let cancelled = wheel.cancel(arming.token)
            #expect(cancelled == 1)
        }
        let next = wheel.nextDeadline()
        #expect(next == nil)  // It woke at 20, looked, and sleeps without end.
        #expect(Self.isEarliest(wheel, 60) == true)
    }

    @Test("What `nextDeadline` says is what armings are compared with")
    func toldByNextDeadline() throws {
        // If this failed, a sleeper that has looked again would not be woken.
        let wheel = SharedTimerWheel<Int>(capacity: 16, origin: 0)
        let first = try SharedTimerWheelTests.arm(wheel, 10, 1)
        _ = wheel.insert(deadline: 40, payload: 2)
        let told = wheel.nextDeadline()
        #expect(told == 10)
        let cancelled = wheel.cancel(first.token)
        #expect(cancelled == 1)
        #expect(Self.isEarliest(wheel, 30) == false)
        let toldLater = wheel.nextDeadline()
        #expect(toldLater == 30)
        #expect(Self.isEarliest(wheel, 29) == true)
    }

    @Test("A far timer's tick is told early, and is compared as it was told")
    func farTimers() {
        // If this failed, timers that share a slot would wake the sleeper, or fire late.
        let wheel = SharedTimerWheel<Int>(capacity: 16, origin: 0)
        #expect(Self.isEarliest(wheel, 2_500) == true)  // In the slot from 2,048 to 3,071.
        let told = wheel.nextDeadline()
        #expect(told == 2_048)
        #expect(Self.isEarliest(wheel, 2_100) == false)
        #expect(Self.isEarliest(wheel, 2_048) == false)
        #expect(Self.isEarliest(wheel, 2_047) == true)
    }

    @Test("A timer that is moved earlier is, one that is moved later is not")
    func moved() throws {
        // If this failed, a timeout that is brought forward would fire at its old tick.
        let wheel = SharedTimerWheel<Int>(capacity: 4, origin: 0)
        let first = try SharedTimerWheelTests.arm(wheel, 50, 1).token
        let second = try SharedTimerWheelTests.arm(wheel, 60, 2).token
        let later = wheel.reschedule(first, deadline: 55)
        #expect(later?.isEarliest == false)
        let earlier = wheel.reschedule(second, deadline: 49)
        #expect(earlier?.isEarliest == true)
        let tooLate = wheel.reschedule(TimerToken(rawValue: .max), deadline: 1)
        #expect(tooLate == nil)
        let slack = wheel.reschedule(first, deadline: 31, slack: 10)
        #expect(slack?.isEarliest == true)
        let deadline = wheel.deadline(of: first)
        #expect(deadline == 32)
    }

    @Test("A handler's timer for the past says that it is to be looked at now")
    func armedForThePast() {
        // If this failed, who advances would sleep beside a timer that is due.
        let wheel = SharedTimerWheel<Int>(capacity: 4, origin: 0)
        _ = wheel.insert(deadline: 10, payload: 1)
        _ = wheel.insert(deadline: 900, payload: 2)
        var flags: [Bool?] = []
        _ = wheel.nextDeadline()
        wheel.advance(to: 20) { _, _ in
            _ = wheel.nextDeadline()
            flags.append(Self.isEarliest(wheel, 3))
        }
        #expect(flags == [true])
        let told = wheel.nextDeadline()
        #expect(told == 20)
    }

    @Test("No mix of operations makes a sleeper oversleep", arguments: 1...4 as ClosedRange<UInt64>)
    func nobodyOversleeps(seed: UInt64) {
        // If this failed, a timer would be due before the tick that the sleeper waits for, and
        // nobody would have been told to wake it.
        var world = SleepingWorld(seed: seed)
        let wheel = SharedTimerWheel<Int>(capacity: 32, origin: seed == 4 ? .max - (1 << 24) : 0)
        for _ in 0..<20_000 { world.step(wheel) }
        wheel.checkInvariants()
        #expect(world.oversleptCount == 0)
        #expect(world.wrongCount == 0)
        #expect(world.wakeCount > 100)
        #expect(world.sleepCount > 100)
    }
}

/// Timers, and a sleeper of a virtual clock.
private struct SleepingWorld {
    private var generator: SplitMix64
    private var armed: [(token: TimerToken, deadline: UInt64)] = []
    /// What the sleeper was told; it wakes then, or when an arming says so.
    private var told: UInt64?
    private(set) var wakeCount = 0
    private(set) var sleepCount = 0
    private(set) var oversleptCount = 0
    /// Passes that fired something early, twice, or not at all.
    private(set) var wrongCount = 0

    init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
    }

    mutating func step(_ wheel: borrowing SharedTimerWheel<Int>) {
        switch UInt32.random(in: 0..<16, using: &generator) {
        case 0..<6: insert(wheel)
        case 6..<9: cancel(wheel)
        case 9..<12: move(wheel)
        case 12..<14: advanceSomewhere(wheel)
        default: sleepOut(wheel)
        }
        let earliest = armed.map(\.deadline).min() ?? .max
        if max(earliest, wheel.now) < told ?? .max { oversleptCount += 1 }
        if wakeCount % 64 == 0 { wheel.checkInvariants() }
    }

    /// Distances of every magnitude up to a million, and ticks that have passed.
    private mutating func deadline(_ now: UInt64) -> UInt64 {
        let magnitude = UInt64.random(in: 0..<20, using: &generator)
        let distance = UInt64.random(in: 0...(1 << magnitude), using: &generator)
        if UInt32.random(in: 0..<16, using: &generator) == 0 { return now - min(now, distance) }
        return min(now, .max - 1 - distance) + distance
    }

    private mutating func note(
        _ arming: TimerArming, _ deadline: UInt64, _ wheel: borrowing SharedTimerWheel<Int>
    ) {
        armed.append((arming.token, deadline))
        if !arming.isEarliest { return }
        told = wheel.nextDeadline()
        wakeCount += 1
    }

    private mutating func insert(_ wheel: borrowing SharedTimerWheel<Int>) {
        let tick = deadline(wheel.now)
        if let arming = wheel.insert(deadline: tick, payload: 0) { note(arming, tick, wheel) }
    }

    /// Takes one of the armed timers, if there is one.
    private mutating func pick() -> TimerToken? {
        guard let index = armed.indices.randomElement(using: &generator) else { return nil }
        return armed.remove(at: index).token
    }

    private mutating func cancel(_ wheel: borrowing SharedTimerWheel<Int>) {
        guard let token = pick() else { return }
        let payload = wheel.cancel(token)
        #expect(payload != nil)
    }

    private mutating func move(_ wheel: borrowing SharedTimerWheel<Int>) {
        guard let token = pick() else { return }
        let tick = deadline(wheel.now)
        let isPostponed = UInt32.random(in: 0..<2, using: &generator) == 0
        let arming =
            isPostponed
            ? wheel.postpone(token, deadline: tick) : wheel.reschedule(token, deadline: tick)
        #expect(arming != nil)
        if let arming { note(arming, tick, wheel) }
    }

    /// Another thread advances, and asks nothing.
    private mutating func advanceSomewhere(_ wheel: borrowing SharedTimerWheel<Int>) {
        let tick = deadline(wheel.now)
        advance(wheel, to: min(tick, told ?? tick))
    }

    /// The sleeper's clock reaches what it was told.
    private mutating func sleepOut(_ wheel: borrowing SharedTimerWheel<Int>) {
        guard let tick = told else { return }
        sleepCount += 1
        advance(wheel, to: tick)
        told = wheel.nextDeadline()
    }

    private mutating func advance(_ wheel: borrowing SharedTimerWheel<Int>, to tick: UInt64) {
        var fired: [TimerToken] = []
        wheel.advance(to: tick) { token, _ in fired.append(token) }
        let before = armed
        armed.removeAll { timer in fired.contains(timer.token) }
        // What has fired was due, once each, and what was due has fired.
        let now = wheel.now
        let isEarly = before.contains { fired.contains($0.token) && $0.deadline > now }
        let isLeft = armed.contains { $0.deadline <= now }
        if isEarly || isLeft || before.count - armed.count != fired.count { wrongCount += 1 }
    }
}
