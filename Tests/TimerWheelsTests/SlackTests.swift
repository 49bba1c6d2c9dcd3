// SPDX-License-Identifier: MIT

import StressSupport
import Testing
import TimerWheels

@Suite("Timers with slack")
struct SlackTests {
    @Test("The tick that is chosen lies in the range and is the roundest there")
    func roundest() {
        // If this failed, a timer would come early or too late, or timers would not meet.
        for deadline in 0..<UInt64(140) {
            for slack in 0..<UInt64(140) {
                let chosen = TimerWheel<Int>.coalesced(deadline, slack: slack)
                let range = deadline...(deadline + slack)
                let most = range.map { $0.trailingZeroBitCount }.max() ?? 0
                #expect(range.contains(chosen), "\(deadline) + \(slack)")
                #expect(chosen.trailingZeroBitCount == most, "\(deadline) + \(slack)")
            }
        }
    }

    @Test("A range beyond the last tick ends there")
    func lastTick() {
        // If this failed, a far timer would wrap round and fire at once.
        #expect(TimerWheel<Int>.coalesced(.max, slack: 0) == .max)
        #expect(TimerWheel<Int>.coalesced(.max, slack: .max) == .max)
        #expect(TimerWheel<Int>.coalesced(.max - 7, slack: 100) == UInt64.max - 7)
        #expect(TimerWheel<Int>.coalesced(1, slack: .max) == 1 << 63)
    }

    @Test("Timers with an eighth of slack fire in time and wake seldom")
    func eighth() {
        // If this failed, slack would cost something and give nothing.
        var exact = TimerWheel<UInt64>(capacity: 10_000, origin: 777)
        var slack = TimerWheel<UInt64>(capacity: 10_000, origin: 777)
        var generator = SplitMix64(seed: 3)
        for _ in 0..<10_000 {
            let distance = UInt64.random(in: 64...10_000_000, using: &generator)
            _ = exact.insert(deadline: 777 + distance, payload: 777 + distance)
            _ = slack.insert(deadline: 777 + distance, slack: distance / 8, payload: 777 + distance)
        }
        let exactWakes = Self.run(&exact) { now, deadline in now == deadline }
        let slackWakes = Self.run(&slack) { now, deadline in
            now >= deadline && now - deadline <= (deadline - 777) / 8
        }
        #expect(exactWakes > 9_000)
        #expect(slackWakes < 250)
    }

    /// Sleeps and fires until the wheel is empty; answers how often it woke.
    static func run(
        _ wheel: inout TimerWheel<UInt64>, isRight: (UInt64, UInt64) -> Bool
    ) -> Int {
        var wakeCount = 0
        while let next = wheel.nextDeadline() {  // Ends when every timer has fired.
            wakeCount += 1
            while let deadline = wheel.popExpired(now: next) {
                if !isRight(next, deadline) { Issue.record("\(deadline) fired at \(next)") }
            }
            if wakeCount % 2_048 == 0 { wheel.checkInvariants() }
        }
        return wakeCount
    }

    @Test("A timer that is moved has slack as well")
    func moved() {
        // If this failed, a timeout that is pushed back would wake for itself again.
        var wheel = TimerWheel<Int>(capacity: 2, origin: 0)
        guard let token = wheel.insert(deadline: 5, payload: 1) else {
            Issue.record("refused")
            return
        }
        let isMoved = wheel.reschedule(token, deadline: 1_000, slack: 100)
        #expect(isMoved)
        #expect(wheel.deadline(of: token) == 1_024)
        _ = wheel.cancel(token)
        let isMovedAgain = wheel.reschedule(token, deadline: 1, slack: 1)
        #expect(!isMovedAgain)
    }
}
