// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import TimerWheels

/// What handlers of a shared wheel may do: they run without its lock, and a call that took it again
/// would not come back.
@Suite("Handlers of a shared timer wheel")
struct TimerHandlerTests {
    @Test("A handler arms timers: what is due already fires when its thread advances next")
    func inserts() {
        // If this failed, a periodic timer would be lost, hang, or never let `advance` return.
        let wheel = SharedTimerWheel<UInt64>(capacity: 8, origin: 0)
        _ = wheel.insert(deadline: 10, payload: 10)
        var fired: [UInt64] = []
        var nexts: [UInt64?] = []
        for _ in 0..<4 {
            wheel.advance(to: 35) { _, tick in
                fired.append(tick)
                _ = wheel.insert(deadline: tick + 10, payload: tick + 10)
            }
            nexts.append(wheel.nextDeadline())
        }
        #expect(fired == [10, 20, 30])
        #expect(nexts == [35, 35, 40, 40])  // 35 is now: look again.
        wheel.checkInvariants()
    }

    @Test("What a handler arms for this pass fires in a later batch of it, at most once")
    func insertsAhead() {
        // If this failed, timers of a late thread would wait for the next call, or overtake.
        let wheel = SharedTimerWheel<Int>(capacity: 64, origin: 0)
        for number in 0..<20 { _ = wheel.insert(deadline: UInt64(number), payload: number) }
        var fired: [Int] = []
        wheel.advance(to: 100) { _, payload in
            fired.append(payload)
            if payload > 0 { return }
            _ = wheel.insert(deadline: 50, payload: 50)  // Ahead of the batch.
            _ = wheel.insert(deadline: 3, payload: 3)  // The batch has taken ticks up to 15.
        }
        #expect(fired == Array(0..<16) + [3] + Array(16..<20) + [50])
    }

    @Test("A handler that re-arms itself for the past ends the pass and starves nobody")
    func pastTimersDoNotStarve() {
        // If this failed, one such handler would hang the thread that advances.
        let wheel = SharedTimerWheel<Int>(capacity: 4, origin: 0)
        for tick in [10, 20] { _ = wheel.insert(deadline: UInt64(tick), payload: tick) }
        var fired: [Int] = []
        let count = wheel.advance(to: 50, limit: 100) { _, payload in
            fired.append(payload)
            if payload < 20 { _ = wheel.insert(deadline: 10, payload: 11) }
        }
        #expect(count == 2)
        #expect(fired == [10, 20])
        let next = wheel.nextDeadline()
        #expect(next == 50)
    }

    @Test("A handler cancels: what left the wheel with its own fires, all others do not")
    func cancels() {
        // If this failed, a timer would be fired and cancelled, or neither.
        let wheel = SharedTimerWheel<Int>(capacity: 64, origin: 0)
        var tokens: [TimerToken] = []
        for number in 0..<20 {
            if let arming = wheel.insert(deadline: UInt64(number), payload: number) {
                tokens.append(arming.token)
            }
        }
        var fired: [Int] = []
        var cancelled: [Int] = []
        wheel.advance(to: 100) { token, payload in
            fired.append(payload)
            #expect(token == tokens[payload])
            if payload > 0 { return }
            for token in tokens {
                if let payload = wheel.cancel(token) { cancelled.append(payload) }
            }
        }
        #expect(fired == Array(0..<16))  // The first batch.
        #expect(cancelled == Array(16..<20))
        let isEmpty = wheel.isEmpty
        #expect(isEmpty)
    }

    @Test("A handler moves a timer behind the pass, and asks the wheel about itself")
    func movesAndAsks() {
        // If this failed, a handler could not push back another timeout.
        let wheel = SharedTimerWheel<Int>(capacity: 64, origin: 0)
        var tokens: [TimerToken] = []
        for number in 0..<17 {
            if let arming = wheel.insert(deadline: 5, payload: number) {
                tokens.append(arming.token)
            }
        }
        var fired: [Int] = []
        wheel.advance(to: 9) { _, payload in
            fired.append(payload)
            if payload > 0 { return }
            let moved = wheel.reschedule(tokens[16], deadline: 30)
            #expect(moved != nil)
            let gone = wheel.reschedule(tokens[0], deadline: 30)
            #expect(gone == nil)
            let count = wheel.count
            #expect(count == 1)
            let now = wheel.now
            #expect(now == 5)
            let next = wheel.nextDeadline()
            #expect(next == 30)
        }
        #expect(fired == Array(0..<16))
        let deadline = wheel.deadline(of: tokens[16])
        #expect(deadline == 30)
    }

    @Test("A handler advances: each timer fires once")
    func advances() {
        // If this failed, a handler that waits for others by firing them would fire them twice.
        let wheel = SharedTimerWheel<Int>(capacity: 64, origin: 0)
        for number in 0..<40 { _ = wheel.insert(deadline: 5, payload: number) }
        var fired: [Int] = []
        var firedWithin: [Int] = []
        wheel.advance(to: 9) { _, payload in
            fired.append(payload)
            if payload == 3 {
                let count = wheel.advance(to: 9) { _, inner in firedWithin.append(inner) }
                #expect(count == 24)
            }
        }
        #expect(fired == Array(0..<16))
        #expect(firedWithin == Array(16..<40))
    }

    /// Asks its wheel how many timers there are when it dies.
    final class Caller: Sendable {
        let wheel: Shared<SharedTimerWheel<Caller>>
        let seen: Shared<Atomic<Int>>

        init(_ wheel: Shared<SharedTimerWheel<Caller>>, _ seen: Shared<Atomic<Int>>) {
            self.wheel = wheel
            self.seen = seen
        }

        deinit { seen.value.add(1 + wheel.value.count, ordering: .relaxed) }
    }

    @Test("A payload dies without the lock: refused, cancelled, or dropped by its handler")
    func payloadsDieOutside() {
        // If this failed, a payload whose end uses the wheel would wait for the lock for ever.
        let wheel = Shared(SharedTimerWheel<Caller>(capacity: 1, origin: 0))
        let seen = Shared(Atomic(0))
        let arming = wheel.value.insert(deadline: 10, payload: Caller(wheel, seen))
        let refused = wheel.value.insert(deadline: 10, payload: Caller(wheel, seen))
        #expect(refused == nil)
        #expect(seen.value.load(ordering: .relaxed) == 2)
        if let arming { _ = wheel.value.cancel(arming.token) }
        #expect(seen.value.load(ordering: .relaxed) == 3)
        _ = wheel.value.insert(deadline: 10, payload: Caller(wheel, seen))
        wheel.value.advance(to: 10) { _, _ in }
        #expect(seen.value.load(ordering: .relaxed) == 4)
    }
}
