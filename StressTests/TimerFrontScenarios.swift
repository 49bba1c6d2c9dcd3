// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import TimerWheels
internal import WaitPrimitives

let timerFrontScenarios: [Scenario] = [
    Scenario(
        name: "timer-front-settle", room: "TimerWheels", threads: 5,
        summary: "two arm and move or postpone, two cancel, one advances; each settles once",
        run: timerFrontSettle),
    Scenario(
        name: "timer-front-sleeper", room: "TimerWheels", threads: 4,
        summary: "a thread sleeps until the next deadline; three arm, and wake it when told to",
        run: timerFrontSleeper),
]

/// Tokens on their way from who arms to who cancels. Relaxed: the wheel alone orders payloads.
private final class TokenBoard: Sendable {
    private let places: [Shared<Atomic<UInt64>>] = (0..<64).map { _ in Shared(Atomic(.max)) }

    func put(_ token: TimerToken, at index: Int) {
        places[index].value.store(token.rawValue, ordering: .relaxed)
    }

    func look(at index: Int) -> TimerToken {
        TimerToken(rawValue: places[index].value.load(ordering: .relaxed))
    }
}

/// What became of the parcels. Relaxed: it is read after the threads were joined.
private final class Settlements: Sendable {
    let armed = Atomic<UInt64>(0)
    let settled = Atomic<UInt64>(0)
    /// Sums of the parcels' numbers, which tell one that came twice from one that did not come.
    let armedSum = Atomic<UInt64>(0)
    let settledSum = Atomic<UInt64>(0)

    func noteArmed(_ number: UInt64) {
        armed.add(1, ordering: .relaxed)
        armedSum.wrappingAdd(number &* number, ordering: .relaxed)
    }

    func note(_ parcel: borrowing Parcel, in context: StressContext) {
        context.check(parcel.isWhole, "a parcel's contents are not what its producer wrote")
        settled.add(1, ordering: .relaxed)
        settledSum.wrappingAdd(parcel.number &* parcel.number, ordering: .relaxed)
    }

    func check(in context: StressContext) {
        let (made, gone) = (armed.load(ordering: .relaxed), settled.load(ordering: .relaxed))
        context.check(made == gone, "\(made) were armed and \(gone) have settled")
        let isSame =
            armedSum.load(ordering: .relaxed) == settledSum.load(ordering: .relaxed)
        context.check(isSame, "one has settled twice, and another not at all")
    }
}

/// The threads that meet at one wheel, and what they share.
private final class TimerCrowd: Sendable {
    let wheel = Shared(SharedTimerWheel<Parcel>(capacity: 256, origin: 0))
    let census = ParcelCensus()
    let settlements = Settlements()
    let board = TokenBoard()
    let context: StressContext
    private let clock = Atomic<UInt64>(0)

    init(_ context: StressContext) {
        self.context = context
    }

    func armAndMove(thread: Int) {
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var number: UInt64 = 0
        while !context.isOver {
            number += 1
            let now = clock.load(ordering: .relaxed)
            let deadline = now + UInt64.random(in: 0..<200, using: &generator)
            let slack = UInt64.random(in: 0..<16, using: &generator)
            let name = UInt64(thread) << 40 | number
            let parcel = Parcel(producer: thread, number: name, census: census)
            if let arming = wheel.value.insert(deadline: deadline, slack: slack, payload: parcel) {
                settlements.noteArmed(name)
                board.put(arming.token, at: Int.random(in: 0..<64, using: &generator))
            }
            let token = board.look(at: Int.random(in: 0..<64, using: &generator))
            if number % 4 == 0 { _ = wheel.value.reschedule(token, deadline: deadline) }
            if number % 4 == 2 { _ = wheel.value.postpone(token, deadline: deadline + 64) }
            _ = wheel.value.deadline(of: token)
        }
    }

    func cancel(thread: Int) {
        var generator = SplitMix64(seed: context.seed, stream: thread)
        while !context.isOver {
            let token = board.look(at: Int.random(in: 0..<64, using: &generator))
            if let parcel = wheel.value.cancel(token) { settlements.note(parcel, in: context) }
        }
    }

    /// Its handlers cancel and arm as well.
    func advance(thread: Int) {
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var number: UInt64 = 0
        while !context.isOver {
            let step = UInt64.random(in: 0..<40, using: &generator)
            let now = clock.add(step, ordering: .relaxed).newValue
            let limit = Int.random(in: 0..<64, using: &generator)
            wheel.value.advance(to: now, limit: limit) { _, parcel in
                settlements.note(parcel, in: context)
                number += 1
                if number % 8 > 0 { return }
                let token = board.look(at: Int(number % 64))
                if let other = wheel.value.cancel(token) { settlements.note(other, in: context) }
                let name = UInt64(thread) << 40 | number
                let parcel = Parcel(producer: thread, number: name, census: census)
                if wheel.value.insert(deadline: now + step, payload: parcel) != nil {
                    settlements.noteArmed(name)
                }
            }
            if let parcel = wheel.value.popExpired(now: now) {
                settlements.note(parcel, in: context)
            }
            context.check(wheel.value.now <= now, "the wheel is ahead of its clock")
            context.check(wheel.value.count <= 256, "more timers than places")
        }
    }
}

private func timerFrontSettle(_ context: StressContext) -> UInt64 {
    let crowd = TimerCrowd(context)
    ThreadTeam.run(count: 5) { thread in
        switch thread {
        case 0, 1: crowd.armAndMove(thread: thread)
        case 2, 3: crowd.cancel(thread: thread)
        default: crowd.advance(thread: thread)
        }
    }
    while let parcel = crowd.wheel.value.popExpired(now: .max) {  // Ends: at most 256.
        crowd.settlements.note(parcel, in: context)
    }
    crowd.settlements.check(in: context)
    context.check(crowd.wheel.value.isEmpty, "a timer is left")
    context.check(crowd.census.isEmptySoon, "a parcel is leaked or was destroyed twice")
    return crowd.settlements.settled.load(ordering: .relaxed)
}

/// A sleeper on a wheel whose ticks are microseconds.
private final class SleepingThread: Sendable {
    private let wheel = Shared(SharedTimerWheel<Parcel>(capacity: 64, origin: 0))
    private let event = Shared(AutoResetEvent())
    private let start = MonotonicInstant.now
    private let isEnding = Atomic(false)

    var now: UInt64 { MonotonicInstant.now.nanoseconds(since: start) / 1_000 }

    /// Sleeps until the next deadline, and fires what is due; answers how often it slept.
    func run(_ fire: (consuming Parcel) -> Void) -> UInt64 {
        var sleepCount: UInt64 = 0
        while !isEnding.load(ordering: .acquiring) {
            wheel.value.advance(to: now) { _, parcel in fire(parcel) }
            let next = wheel.value.nextDeadline().map { start.advanced(byNanoseconds: $0 * 1_000) }
            _ = event.value.blockingWait(until: next ?? .never)
            sleepCount += 1
        }
        return sleepCount
    }

    func arm(_ parcel: consuming Parcel, at deadline: UInt64) -> TimerToken? {
        guard let arming = wheel.value.insert(deadline: deadline, payload: parcel) else {
            return nil
        }
        if arming.isEarliest { event.value.set() }
        return arming.token
    }

    func move(_ token: TimerToken, to deadline: UInt64) -> Bool {
        guard let arming = wheel.value.reschedule(token, deadline: deadline) else { return false }
        if arming.isEarliest { event.value.set() }
        return true
    }

    func cancel(_ token: TimerToken) -> Bool { wheel.value.cancel(token) != nil }

    func end() {
        isEnding.store(true, ordering: .releasing)
        event.value.set()
    }
}

/// Arms a timer for soon beside one that is an hour off, which who oversleeps would wait for.
private func armAndWait(
    _ sleeper: SleepingThread, _ event: borrowing AutoResetEvent, thread: Int, turn: UInt64,
    delay: UInt64, census: ParcelCensus, in context: StressContext
) {
    let hour: UInt64 = 3_600_000_000
    let isMoved = turn % 2 == 0
    let far = sleeper.arm(
        Parcel(producer: thread, number: turn, census: census), at: sleeper.now + hour)
    let deadline = sleeper.now + delay
    let near = sleeper.arm(
        Parcel(producer: thread, number: turn, census: census),
        at: isMoved ? deadline + hour : deadline)
    guard let far, let near else { return context.check(false, "no room for six timers") }
    if isMoved { context.check(sleeper.move(near, to: deadline), "the timer is gone") }
    context.check(event.blockingWait(until: longEnough), "the sleeper overslept")
    context.check(sleeper.now >= deadline, "a timer fired before its time")
    context.check(sleeper.cancel(far), "the far timer is gone")
}

private func timerFrontSleeper(_ context: StressContext) -> UInt64 {
    let census = ParcelCensus()
    let events = (0..<3).map { _ in Shared(AutoResetEvent()) }
    let running = Shared(Atomic(3))
    let turns = Shared(Atomic<UInt64>(0))
    do {
        let sleeper = SleepingThread()
        ThreadTeam.run(count: 4) { thread in
            if thread == 3 {
                let count = sleeper.run { parcel in
                    context.check(parcel.isWhole, "a parcel is not what its producer wrote")
                    events[parcel.producer].value.set()
                }
                return context.check(count > 0, "it never slept")
            }
            var generator = SplitMix64(seed: context.seed, stream: thread)
            var turn: UInt64 = 0
            while !context.isOver {
                turn += 1
                armAndWait(
                    sleeper, events[thread].value, thread: thread, turn: turn,
                    delay: UInt64.random(in: 0..<200, using: &generator), census: census,
                    in: context)
                turns.value.add(1, ordering: .relaxed)
            }
            let left = running.value.subtract(1, ordering: .acquiringAndReleasing).newValue
            if left == 0 { sleeper.end() }
        }
    }
    context.check(census.isEmptySoon, "a parcel is leaked or was destroyed twice")
    return turns.value.load(ordering: .relaxed)
}
