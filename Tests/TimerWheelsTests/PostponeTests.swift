// SPDX-License-Identifier: MIT

import StressSupport
import Testing
import TimerWheels

@Suite("Postponed timers")
struct PostponeTests {
    @Test("25,000 random operations fire each timer at its tick", arguments: [1, 2, 3, 4])
    func randomOperations(seed: UInt64) {
        // If this failed, a timer that was left in its old slot would fire early, late or never.
        var generator = SplitMix64(seed: seed)
        let origins: [UInt64] = [0, 63, 1 << 35, .max - (1 << 30)]
        var wheel = TimerWheel<Int>(capacity: 64, origin: origins[Int(seed) - 1])
        var armed: [Int: (token: TimerToken, tick: UInt64)] = [:]
        for operation in 0..<25_000 {
            let tick = wheel.now + distance(upTo: 20, &generator)
            let any = armed.keys.sorted().randomElement(using: &generator)
            switch (UInt32.random(in: 0..<16, using: &generator), any) {
            case (0..<6, _):
                guard let token = wheel.insert(deadline: tick, payload: operation) else { continue }
                armed[operation] = (token, tick)
            case (6, let number?):
                let payload = armed.removeValue(forKey: number).flatMap { wheel.cancel($0.token) }
                #expect(payload == number)
            case (7, let number?):
                armed[number]?.tick = tick
                let isMoved = armed[number].map { wheel.reschedule($0.token, deadline: tick) }
                #expect(isMoved == true)
            case (8..<13, let number?):
                // Mostly later; now and then earlier, or the same.
                armed[number]?.tick = tick
                let isMoved = armed[number].map { wheel.postpone($0.token, deadline: tick) }
                #expect(isMoved == true)
            default:
                advance(&wheel, &armed, to: wheel.now + distance(upTo: 14, &generator))
            }
            check(wheel, armed.values.map(\.tick).min())
        }
        while let payload = wheel.popExpired(now: .max) { armed[payload] = nil }
        #expect(armed.isEmpty && wheel.isEmpty)
    }

    private func distance(upTo magnitudeMax: UInt64, _ generator: inout SplitMix64) -> UInt64 {
        let magnitude = UInt64.random(in: 0...magnitudeMax, using: &generator)
        return 1 + UInt64.random(in: 0..<(1 << magnitude), using: &generator)
    }

    private func check(_ wheel: borrowing TimerWheel<Int>, _ earliest: UInt64?) {
        wheel.checkInvariants()
        let next = wheel.nextDeadline()
        #expect((next == nil) == (earliest == nil))
        if let next, let earliest { #expect(next <= earliest) }
    }

    /// Fires what is due: the earliest first, and nothing that is not.
    private func advance(
        _ wheel: inout TimerWheel<Int>, _ armed: inout [Int: (token: TimerToken, tick: UInt64)],
        to now: UInt64
    ) {
        while let payload = wheel.popExpired(now: now) {
            let earliest = armed.values.map(\.tick).min()
            let tick = armed.removeValue(forKey: payload)?.tick
            #expect(tick != nil && tick == earliest && wheel.now == tick)
        }
        #expect(armed.values.allSatisfy { $0.tick > now })
    }

    @Test("A limit of idleness that is always postponed wakes its owner seldom, and ends at last")
    func idleness() {
        // If this failed, each postponement would cost a wake, or the limit would never fire.
        var wheel = TimerWheel<Int>(capacity: 1, origin: 0)
        let token = wheel.insert(deadline: 1_000, payload: 7) ?? TimerToken(rawValue: 0)
        var wakeCount = 0
        for tick in 1...100_000 as ClosedRange<UInt64> {
            if let next = wheel.nextDeadline(), next <= tick {
                wakeCount += 1
                let payload = wheel.popExpired(now: tick)
                #expect(payload == nil)
            }
            let isMoved = wheel.postpone(token, deadline: tick + 1_000)
            #expect(isMoved)
        }
        // An old tick comes a hundred times, each from level 1 at most.
        #expect(wakeCount <= 300)
        #expect(wheel.deadline(of: token) == 101_000)
        let early = wheel.popExpired(now: 100_999)
        let due = wheel.popExpired(now: 101_000)
        #expect(early == nil && due == 7)
        let isSpent = wheel.postpone(token, deadline: 200_000)
        #expect(!isSpent)
    }

    @Test("A timer that is due already can be postponed out of its pass")
    func outOfThePass() {
        // If this failed, a timer that was put off in time would fire.
        var wheel = TimerWheel<Int>(capacity: 4, origin: 10)
        let tokens = [5, 10, 11].map { wheel.insert(deadline: $0, payload: Int($0)) }
        let isMoved = tokens[1].map { wheel.postpone($0, deadline: 500) }
        #expect(isMoved == true)
        let first = wheel.popExpired(now: 20)
        #expect(first == 5)
        let isMovedLater = tokens[2].map { wheel.postpone($0, deadline: 600) }
        #expect(isMovedLater == true)
        wheel.checkInvariants()
        let second = wheel.popExpired(now: 499)
        let third = wheel.popExpired(now: 500)
        let fourth = wheel.popExpired(now: 1_000)
        #expect(second == nil && third == 10 && fourth == 11)
    }

    @Test("A timer that was armed for the past within a pass fires at the tick it is put off to")
    func pastWithinAPass() {
        // If this failed, it would lie with those of the next pass, and fire late.
        var wheel = TimerWheel<Int>(capacity: 4, origin: 0)
        _ = wheel.insert(deadline: 10, payload: 10)
        let first = wheel.popExpired(now: 100)
        #expect(first == 10)
        let past = wheel.insert(deadline: 3, payload: 50)
        let isMoved = past.map { wheel.postpone($0, deadline: 50) }
        #expect(isMoved == true)
        wheel.checkInvariants()
        let second = wheel.popExpired(now: 100)
        #expect(second == 50 && wheel.now == 50)
    }

    @Test("The front for any thread tells who sleeps only of an earlier tick")
    func front() {
        // If this failed, a sleeper would be woken for a timer that is later than its sleep.
        let wheel = SharedTimerWheel<Int>(capacity: 2, origin: 0)
        let token = wheel.insert(deadline: 100, payload: 1)?.token ?? TimerToken(rawValue: 0)
        let next = wheel.nextDeadline()
        #expect(next != nil)
        let later = wheel.postpone(token, deadline: 5_000)
        #expect(later?.isEarliest == false)
        let earlier = wheel.postpone(token, deadline: 20)
        #expect(earlier?.isEarliest == true)
        let payload = wheel.popExpired(now: 20)
        #expect(payload == 1)
        let spent = wheel.postpone(token, deadline: 5_000)
        #expect(spent == nil)
    }
}
