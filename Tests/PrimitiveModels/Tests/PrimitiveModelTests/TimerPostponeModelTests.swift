// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import TimerWheels

/// Programs in which timers of a shared wheel are postponed: left where they lie, and moved when
/// somebody advances over the place.
enum TimerPostponePrograms {
    typealias Wheel = SharedTimerWheel<PlainCell<Int>>

    /// Who meets the timers that are postponed.
    enum Other: Sendable {
        /// Takes the first timer out, if it finds it.
        case cancels
        /// Postpones the first timer as well, to a tick of its own.
        case postpones(UInt64)
        /// Arms one more timer for the old tick.
        case arms
    }

    /// Some timers for tick 2 are postponed one after another, beside a thread that advances over
    /// the old tick and then over the new one. Each fires at a tick that it was armed for last.
    static func postponing(
        timers: Int, to deadline: UInt64, others: [Other] = []
    ) -> (Model) -> Void {
        { model in
            let wheel = Wheel(capacity: timers + 1, origin: 0)
            let notes = (0...timers).map { _ in PlainCell(0) }
            let tokens = (0..<timers).map { number in
                wheel.insert(deadline: 2, payload: PlainCell(number))?.token
            }
            // When each settled; what it was postponed to at last. Each is written by one thread.
            let settled = Tally()
            let armed = Tally()
            model.thread("postponer") {
                for (number, token) in tokens.enumerated() {
                    notes[number].store(1)
                    guard let token else { return model.check(false, "no room") }
                    let arming = wheel.postpone(token, deadline: deadline)
                    model.check(arming?.isEarliest != true, "nobody waits for a later tick")
                    if arming != nil { armed.add(number) }
                }
            }
            model.thread("advancer") {
                for tick in [5, 20] as [UInt64] {
                    wheel.advance(to: tick) { _, cell in
                        let number = cell.load()
                        // By the wheel alone it knows what was done before the timer was moved.
                        if tick == 20 && others.isEmpty {
                            model.check(notes[number].load() == 1, "fired late, but not moved")
                        }
                        settled.add(100 * Int(tick) + number)
                    }
                }
            }
            for (number, other) in others.enumerated() {
                model.thread("other \(number)") {
                    meet(other, wheel, tokens[0], newcomer: timers, settled, armed, model)
                }
            }
            model.finally {
                wheel.advance(to: 100) { _, cell in settled.add(10_000 + cell.load()) }
                check(settled.values, armed.values, timers: timers, to: deadline, others, model)
                let count = wheel.count
                model.check(count == 0, "a timer is left")
            }
        }
    }

    private static func meet(
        _ other: Other, _ wheel: borrowing Wheel, _ token: TimerToken?, newcomer: Int,
        _ settled: Tally, _ armed: Tally, _ model: Model
    ) {
        guard let token else { return model.check(false, "no room") }
        switch other {
        case .cancels:
            if let cell = wheel.cancel(token) { settled.add(cell.load()) }
        case .postpones(let tick):
            if wheel.postpone(token, deadline: tick) != nil { armed.add(1_000 + Int(tick)) }
        case .arms:
            _ = wheel.insert(deadline: 2, payload: PlainCell(newcomer))
        }
    }

    /// Each timer has settled once: at its old tick if it was not postponed, else at the new one,
    /// or before both with who cancelled it.
    private static func check(
        _ settled: [Int], _ armed: [Int], timers: Int, to deadline: UInt64, _ others: [Other],
        _ model: Model
    ) {
        var expectedCount = timers
        for case .arms in others { expectedCount += 1 }
        model.check(settled.count == expectedCount, "a timer is lost, or has settled twice")
        let numbers = Set(settled.map { $0 % 100 })
        model.check(numbers.count == expectedCount, "a timer has settled twice")
        for number in 0..<timers {
            let tick = settled.first { $0 % 100 == number }.map { $0 / 100 } ?? -1
            if tick == 0 { continue }  // Cancelled.
            let isMoved = armed.contains(number)
            // Of two that postpone the first, either may have been the last.
            let ways = number == 0 ? armed.filter { $0 > 1_000 }.map { UInt64($0 - 1_000) } : []
            let deadlines = (isMoved ? [deadline] : []) + ways
            let fits = (deadlines.isEmpty ? [2] : deadlines).map { $0 <= 5 ? 5 : 20 }
            model.check(fits.contains(tick), "fired early, or late")
        }
    }

    /// A sleeper of a virtual clock waits for a timer that is postponed meanwhile, again and again:
    /// it wakes in vain, sleeps again, and must not oversleep, although nobody calls it.
    static func sleeping(from first: UInt64, over ticks: [UInt64]) -> (Model) -> Void {
        { model in
            let wheel = Wheel(capacity: 2, origin: 0)
            let token = wheel.insert(deadline: first, payload: PlainCell(1))?.token
            let last = Tally()
            let fired = Tally()
            model.thread("sleeper") {
                var now: UInt64 = 0
                while fired.values.isEmpty {  // Ends when the timer has fired.
                    wheel.advance(to: now) { _, _ in fired.add(Int(now)) }
                    if let next = wheel.nextDeadline() { now = max(now, next) }
                }
            }
            model.thread("postponer") {
                guard let token else { return model.check(false, "no room") }
                for tick in ticks {
                    let arming = wheel.postpone(token, deadline: tick)
                    if arming != nil { last.add(Int(tick)) }
                    model.check(arming?.isEarliest != true, "nobody waits for a later tick")
                }
            }
            model.finally {
                let deadline = last.values.last ?? Int(first)
                model.check(fired.values == [deadline], "fired early, late, or never")
            }
        }
    }
}

@Suite("Models of SharedTimerWheel.postpone")
struct TimerPostponeModelTests {
    @Test(
        "a timer fires at the tick that it was postponed to, once",
        arguments: [(1, 9), (2, 9), (1, 3)] as [(Int, UInt64)])
    func postponing(timers: Int, deadline: UInt64) {
        // Wrong: it fires early, twice, never, or without what was done before it was postponed.
        let result = exhaustAroundLock(
            timers, deadline,
            program: TimerPostponePrograms.postponing(timers: timers, to: deadline))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("the same beside one who cancels, postpones or arms", arguments: 0...3)
    func besideOthers(which: Int) {
        // Wrong: as above; or both have the payload, or a timer that lies in a list that is moved
        // is lost with its neighbour.
        let others: [TimerPostponePrograms.Other] = [
            .cancels, .postpones(8), .postpones(4), .arms,
        ]
        let result = exhaustAroundLock(
            which,
            program: TimerPostponePrograms.postponing(timers: 2, to: 9, others: [others[which]]))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a timer that is postponed over levels of the wheel", arguments: [70, 5_000])
    func overLevels(deadline: UInt64) {
        // Wrong: it is lost on its way down, or fires when its slot begins.
        let result = exhaustAroundLock(
            deadline,
            program: TimerPostponePrograms.sleeping(from: 64, over: [deadline]))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "a sleeper that wakes in vain sleeps again, and not too long",
        arguments: [[4], [6, 9], [3, 200, 201]] as [[UInt64]])
    func sleeping(ticks: [UInt64]) {
        // Wrong: the sleeper waits for a call that nobody makes, or fires too early.
        let result = exhaustAroundLock(
            ticks, program: TimerPostponePrograms.sleeping(from: 3, over: ticks))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("each ordering is needed; they are the lock's")
    func orderings() {
        // Wrong: an ordering can be weakened and nobody notices.
        let names = unneededOrderings(of: [
            TimerPostponePrograms.postponing(timers: 1, to: 9),
            TimerPostponePrograms.sleeping(from: 3, over: [6]),
        ])
        #expect(names == [])
    }
}
