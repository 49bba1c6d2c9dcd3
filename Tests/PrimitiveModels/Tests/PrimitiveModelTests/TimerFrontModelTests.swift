// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import TimerWheels

/// Programs with the shared timer wheel. Tokens go from who arms to who cancels without an edge:
/// only the wheel orders what is done to a payload.
enum TimerFrontPrograms {
    /// Armers with so many timers each, cancellers that each cancel one armer's last, and
    /// advancers.
    static func settling(
        _ armings: [Int], cancellers: Int, advancers: Int, capacity: Int = 4
    ) -> (Model) -> Void {
        { model in
            let wheel = SharedTimerWheel<PlainCell<Int>>(capacity: capacity, origin: 0)
            let tokens = armings.map { _ in Shared(Atomic<UInt64>(.max)) }
            let armed = Tally()
            let settled = Tally()
            for (number, count) in armings.enumerated() {
                model.thread("armer \(number)") {
                    for turn in 1...count {
                        let cell = PlainCell(0)
                        cell.store(10 * number + turn)
                        let arming = wheel.insert(deadline: UInt64(turn), payload: cell)
                        guard let arming else { continue }
                        armed.add(10 * number + turn)
                        tokens[number].value.store(arming.token.rawValue, ordering: .relaxed)
                    }
                }
            }
            for number in 0..<cancellers {
                model.thread("canceller \(number)") {
                    let token = tokens[number % tokens.count].value.load(ordering: .relaxed)
                    let cell = wheel.cancel(TimerToken(rawValue: token))
                    if let cell { settled.add(cell.load()) }
                }
            }
            for number in 0..<advancers {
                model.thread("advancer \(number)") {
                    wheel.advance(to: 1) { _, cell in settled.add(cell.load()) }
                }
            }
            model.finally {
                wheel.advance(to: .max) { _, cell in settled.add(cell.load()) }
                model.check(settled.values.sorted() == armed.values.sorted(), "not settled once")
                let count = wheel.count
                model.check(count == 0, "a timer is left")
            }
        }
    }

    /// A handler that cancels the second timer, which another thread cancels as well, and arms a
    /// third one.
    static func handlers() -> (Model) -> Void {
        { model in
            let wheel = SharedTimerWheel<PlainCell<Int>>(capacity: 4, origin: 0)
            let token = Shared(Atomic<UInt64>(.max))
            let settled = Tally()
            let take = {
                let rawValue = token.value.load(ordering: .relaxed)
                let cell = wheel.cancel(TimerToken(rawValue: rawValue))
                if let cell { settled.add(cell.load()) }
            }
            model.thread("armer") {
                _ = wheel.insert(deadline: 1, payload: PlainCell(1))
                let arming = wheel.insert(deadline: 9, payload: PlainCell(2))
                if let arming { token.value.store(arming.token.rawValue, ordering: .relaxed) }
            }
            model.thread("advancer") {
                wheel.advance(to: 5) { _, cell in
                    settled.add(cell.load())
                    take()
                    _ = wheel.insert(deadline: 7, payload: PlainCell(3))
                }
            }
            model.thread("canceller") { take() }
            model.finally {
                let isFired = settled.values.contains(1)
                wheel.advance(to: 100) { _, cell in settled.add(cell.load()) }
                model.check(settled.values.sorted() == (isFired ? [1, 2, 3] : [1, 2]))
            }
        }
    }

    /// A timer that is moved into the time that another thread advances over.
    static func moving() -> (Model) -> Void {
        { model in
            let wheel = SharedTimerWheel<PlainCell<Int>>(capacity: 2, origin: 0)
            let note = PlainCell(0)
            let fired = Tally()
            let token = wheel.insert(deadline: 9, payload: PlainCell(1))?.token
            model.thread("mover") {
                note.store(1)
                guard let token else { return model.check(false, "no room") }
                let isEarliest = wheel.reschedule(token, deadline: 2)?.isEarliest
                model.check(isEarliest == true)
            }
            model.thread("advancer") {
                wheel.advance(to: 5) { _, cell in
                    model.check(note.load() == 1, "fired before it was moved")
                    fired.add(cell.load())
                }
            }
            model.finally {
                wheel.advance(to: 5) { _, cell in fired.add(cell.load()) }
                model.check(fired.values == [1])
            }
        }
    }

    /// A sleeper of a virtual clock: it sleeps out what is near, and waits for a call where it is
    /// told nothing, or a tick that is hours away. One timer must fire; others are armed, moved and
    /// cancelled beside it.
    static func sleeping(_ others: [Other], isFarArmed: Bool = false) -> (Model) -> Void {
        { model in
            let wheel = SharedTimerWheel<PlainCell<Int>>(capacity: 8, origin: 0)
            let bell = Bell()
            if isFarArmed { _ = wheel.insert(deadline: hours, payload: PlainCell(0)) }
            model.thread("sleeper") {
                var (now, isFired): (UInt64, Bool) = (0, false)
                while true {  // Ends when the timer has fired.
                    let count = bell.count
                    wheel.advance(to: now) { _, cell in isFired = isFired || cell.load() == 1 }
                    if isFired { break }
                    let next = wheel.nextDeadline() ?? hours
                    if next < hours / 2 { now = max(now, next) } else { bell.wait(while: count) }
                }
            }
            model.thread("armer") {
                let cell = PlainCell(0)
                cell.store(1)
                let arming = wheel.insert(deadline: 3, payload: cell)
                if arming?.isEarliest == true { bell.ring() }
            }
            for (number, other) in others.enumerated() {
                model.thread("other \(number)") { other.run(wheel, bell) }
            }
        }
    }

    /// A tick so late that who sleeps until then has overslept all others.
    static let hours: UInt64 = 1 << 40

    /// What a thread beside the sleeper does with a timer of its own.
    enum Other {
        case arms(UInt64)
        case armsAndCancels(UInt64)
        case armsAndMoves(UInt64, UInt64)

        func run(_ wheel: borrowing SharedTimerWheel<PlainCell<Int>>, _ bell: Bell) {
            switch self {
            case .arms(let tick): _ = arm(tick, wheel, bell)
            case .armsAndCancels(let tick):
                if let token = arm(tick, wheel, bell) { _ = wheel.cancel(token) }
            case .armsAndMoves(let tick, let later):
                guard let token = arm(tick, wheel, bell) else { return }
                let moved = wheel.reschedule(token, deadline: later)
                if moved?.isEarliest == true { bell.ring() }
            }
        }

        private func arm(
            _ tick: UInt64, _ wheel: borrowing SharedTimerWheel<PlainCell<Int>>, _ bell: Bell
        ) -> TimerToken? {
            let arming = wheel.insert(deadline: tick, payload: PlainCell(0))
            if arming?.isEarliest == true { bell.ring() }
            return arming?.token
        }
    }
}

/// A wake that is remembered, and orders nothing.
@safe
final class Bell {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var word: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe block.pointer(at: 0, to: Atomic<UInt32>.self)
    }

    var count: UInt32 {
        unsafe word.pointee.load(ordering: .relaxed)  // SAFETY: see `word`.
    }

    func ring() {
        unsafe word.pointee.add(1, ordering: .relaxed)  // SAFETY: see `word`.
        unsafe Parking.wake(word)  // SAFETY: see `word`.
    }

    func wait(while count: UInt32) {
        _ = unsafe Parking.wait(on: word, while: count)  // SAFETY: see `word`.
    }
}

@Suite("Models of SharedTimerWheel")
struct TimerFrontModelTests {
    @Test("a payload settles once", arguments: [([1], 1, 1), ([1], 0, 2)])
    func settling(armings: [Int], cancellers: Int, advancers: Int) {
        // Wrong: two threads own one payload, or see it without what was put in.
        let result = exhaust(
            armings, cancellers, advancers,
            program: TimerFrontPrograms.settling(
                armings, cancellers: cancellers, advancers: advancers))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("many payloads settle once", arguments: [([2], 2, 2), ([2, 1], 2, 1), ([2, 2], 2, 2)])
    func settlingOfMany(armings: [Int], cancellers: Int, advancers: Int) {
        // Wrong: as above.
        let result = exhaustAroundLock(
            armings, cancellers, advancers,
            program: TimerFrontPrograms.settling(
                armings, cancellers: cancellers, advancers: advancers))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("one place for two")
    func fullWheel() {
        // Wrong: two find the same place free, or a refusal takes one.
        let result = exhaustAroundLock(
            program: TimerFrontPrograms.settling(
                [1, 1], cancellers: 0, advancers: 1, capacity: 1))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a handler arms and cancels")
    func handlers() {
        // Wrong: a handler runs with the lock, or its cancel and another's both win.
        let result = exhaustAroundLock(program: TimerFrontPrograms.handlers())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a timer is moved beside who advances")
    func moving() {
        // Wrong: it fires without what was done before the move, twice, or never.
        let result = exhaust(program: TimerFrontPrograms.moving())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a sleeper hears of the timer that must fire", arguments: [false, true])
    func sleeping(isFarArmed: Bool) {
        // Wrong: the timer is armed between the look and the sleep, and nobody wakes the sleeper.
        let result = exhaust(
            isFarArmed, program: TimerFrontPrograms.sleeping([], isFarArmed: isFarArmed))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a sleeper hears of it beside others", arguments: 0...3)
    func sleepingBesideOthers(which: Int) {
        // Wrong: another timer, earlier or gone by now, takes the wake away.
        let others: [[TimerFrontPrograms.Other]] = [
            [.arms(2)], [.arms(8)], [.armsAndCancels(2)], [.armsAndMoves(8, 1)],
        ]
        let result = exhaustAroundLock(
            which, program: TimerFrontPrograms.sleeping(others[which]))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("each ordering is needed; they are the lock's")
    func orderings() {
        // Wrong: an ordering can be weakened and nobody notices.
        let names = unneededOrderings(of: [
            TimerFrontPrograms.settling([1], cancellers: 1, advancers: 1),
            TimerFrontPrograms.moving(), TimerFrontPrograms.sleeping([]),
        ])
        #expect(names == [])
    }
}
