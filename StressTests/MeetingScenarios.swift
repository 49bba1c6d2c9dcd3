// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import WaitPrimitives

let meetingScenarios: [Scenario] = [
    Scenario(
        name: "manual-event-gate", room: "WaitPrimitives", threads: 4,
        summary: "a set lets a spinning, a sleeping and an impatient thread through to a payload",
        run: manualEventGate),
    Scenario(
        name: "latch-open", room: "WaitPrimitives", threads: 4,
        summary: "two workers count latches down; a poller and a sleeper read what both wrote",
        run: latchOpen),
    Scenario(
        name: "barrier-phases", room: "WaitPrimitives", threads: 3,
        summary: "threads read each other's plain cells between phases; arrivals are taken back",
        run: barrierPhases),
]

private func manualEventGate(_ context: StressContext) -> UInt64 {
    let event = Shared(ManualResetEvent())
    let starts = (0..<3).map { _ in Shared(AutoResetEvent()) }
    let passes = Shared(WaitGroup())
    let cell = PlainCell()
    let stop = PlainCell()
    ThreadTeam.run(count: 4) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var round: UInt64 = 0
        while true {  // Ends when the controller, thread 3, finds the time up.
            round += 1
            if thread == 3 {
                let isLast = context.isOver
                context.check(event.value.reset() == (round > 1), "the flag was not what it was")
                if isLast { stop.value = 1 }
                passes.value.add(3)
                for start in starts { start.value.set() }
                let pause = UInt32.random(in: 0..<60, using: &generator)
                for _ in 0..<pause { shortPause() }
                // The starts came before this: only the set carries it.
                cell.value = round
                event.value.set()
                let isOver = passes.value.blockingWait(until: longEnough)
                context.check(isOver, "somebody was not let through")
                if isLast || !isOver { return }
                continue
            }
            let isStarted = starts[thread].value.blockingWait(until: longEnough)
            context.check(isStarted, "a start was lost")
            if !isStarted { return }
            let isLast = stop.value == 1
            let isThrough = pass(event.value, as: thread, using: &generator)
            context.check(isThrough, "a set was lost")
            context.check(cell.value == round, "the flag is set and its payload is not seen")
            passes.value.done()
            if isLast || !isThrough { return }
        }
    }
    return cell.value
}

/// One spins, one sleeps, one gives up again and again.
private func pass(
    _ event: borrowing ManualResetEvent, as thread: Int, using generator: inout SplitMix64
) -> Bool {
    if thread == 1 { return event.blockingWait(until: longEnough) }
    let limit = longEnough
    while MonotonicInstant.now < limit {
        if thread == 0 {
            for _ in 0..<1_000 where event.isSet { return true }
            continue
        }
        let patience = UInt64.random(in: 0..<20_000, using: &generator)
        if event.blockingWait(until: .now.advanced(byNanoseconds: patience)) { return true }
    }
    return false
}

private func latchOpen(_ context: StressContext) -> UInt64 {
    var rounds: UInt64 = 0
    while !context.isOver {
        rounds += 200
        let latches = (0..<200).map { _ in Shared(Latch(count: 2)) }
        let cells = (0..<2).map { _ in (0..<200).map { _ in PlainCell() } }
        let seed = context.seed &+ rounds
        ThreadTeam.run(count: 4) { thread in
            var generator = SplitMix64(seed: seed, stream: thread)
            for (index, latch) in latches.enumerated() {
                if thread < 2 {
                    let pause = UInt32.random(in: 0..<20, using: &generator)
                    for _ in 0..<pause { shortPause() }
                    cells[thread][index].value = 1
                    latch.value.countDown()
                    continue
                }
                let isOpen =
                    thread == 2
                    ? latch.value.blockingWait(until: longEnough) : pollUntilOpen(latch.value)
                context.check(isOpen, "a latch stayed shut")
                let isSeen = cells.allSatisfy { $0[index].value == 1 }
                context.check(isSeen, "the latch is open and the work is not seen")
            }
        }
    }
    return rounds
}

private func pollUntilOpen(_ latch: borrowing Latch) -> Bool {
    let limit = longEnough
    while MonotonicInstant.now < limit {
        for _ in 0..<1_000 where latch.isOpen { return true }
    }
    return false
}

private func barrierPhases(_ context: StressContext) -> UInt64 {
    let barrier = Shared(CyclicBarrier(memberCount: 3))
    let cells = (0..<3).map { _ in PlainCell() }
    let leaders = PlainCell()
    let stop = PlainCell()
    ThreadTeam.run(count: 3) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var round: UInt64 = 0
        while true {  // Ends when a leader finds the time up.
            round += 1
            cells[thread].value = round
            guard let role = arrive(at: barrier.value, using: &generator) else {
                return context.check(false, "a phase was never complete")
            }
            let isTogether = cells.allSatisfy { $0.value == round }
            context.check(isTogether, "somebody is in another phase, or its work is not seen")
            if role == .leader {
                leaders.value += 1
                if context.isOver { stop.value = 1 }
            }
            let isPassed = barrier.value.blockingWait(until: longEnough) != nil
            context.check(isPassed, "a phase was never complete")
            if !isPassed || stop.value == 1 { return }
        }
    }
    context.check(leaders.value == cells[0].value, "a phase had two leaders, or none")
    context.check(barrier.value.arrivalCount == 0, "an arrival is left")
    return cells[0].value
}

/// Arrives, and now and then gives up and arrives again.
private func arrive(
    at barrier: borrowing CyclicBarrier, using generator: inout SplitMix64
) -> CyclicBarrier.Role? {
    let limit = longEnough
    while MonotonicInstant.now < limit {
        let isShort = UInt32.random(in: 0..<2, using: &generator) == 0
        let patience = UInt64.random(in: 0..<30_000, using: &generator)
        let deadline = isShort ? .now.advanced(byNanoseconds: patience) : limit
        if let role = barrier.blockingWait(until: deadline) { return role }
    }
    return nil
}
