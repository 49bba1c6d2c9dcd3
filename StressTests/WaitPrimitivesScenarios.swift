// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import WaitPrimitives

let waitPrimitivesScenarios: [Scenario] = [
    Scenario(
        name: "semaphore-exclusion", room: "WaitPrimitives", threads: 4,
        summary: "one permit guards a plain counter; waits time out at random; no permit is lost",
        run: semaphoreExclusion),
    Scenario(
        name: "semaphore-tasks", room: "WaitPrimitives", threads: 6,
        summary: "tasks that are cancelled at random and threads share one permit",
        run: semaphoreTasks),
    Scenario(
        name: "event-ping-pong", room: "WaitPrimitives", threads: 2,
        summary: "a plain payload goes to and fro under two auto-reset events",
        run: eventPingPong),
    Scenario(
        name: "wait-group-phases", room: "WaitPrimitives", threads: 5,
        summary: "three workers write plain cells in phases; two waiters read all of them",
        run: waitGroupPhases),
    Scenario(
        name: "event-count-payload", room: "WaitPrimitives", threads: 2,
        summary: "each notify carries a plain payload to a waiter that slept or had just prepared",
        run: eventCountPayload),
    Scenario(
        name: "event-count-stock", room: "WaitPrimitives", threads: 4,
        summary: "two producers, two consumers that sleep with deadlines; every element is taken",
        run: eventCountStock),
    Scenario(
        name: "oneshot-race", room: "WaitPrimitives", threads: 5,
        summary: "two setters, two receivers and a closer race; one of each wins, nothing leaks",
        run: oneshotRace),
    Scenario(
        name: "breaker-probes", room: "WaitPrimitives", threads: 4,
        summary: "the one probe of a half-open breaker guards a plain counter; reports come late",
        run: breakerProbes),
]

/// A word that only the primitive under stress orders.
final class PlainCell: @unchecked Sendable {
    var value: UInt64 = 0
}

/// So long nothing that works takes; a wait that fails after it was lost.
var longEnough: MonotonicInstant { .now.advanced(byNanoseconds: 20_000_000_000) }

private func semaphoreExclusion(_ context: StressContext) -> UInt64 {
    let semaphore = Shared(CountingSemaphore(permitCount: 1, permitCountMax: 1))
    let cell = PlainCell()
    let passes = Atomic<UInt64>(0)
    ThreadTeam.run(count: 4) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        while !context.isOver {
            for _ in 0..<64 {
                let patience = UInt64.random(in: 0..<30_000, using: &generator)
                let deadline = MonotonicInstant.now.advanced(byNanoseconds: patience)
                let isTrying = UInt32.random(in: 0..<2, using: &generator) == 0
                let isPermitted =
                    isTrying
                    ? semaphore.value.tryWait() : semaphore.value.blockingWait(until: deadline)
                if !isPermitted { continue }
                cell.value += 1
                passes.add(1, ordering: .relaxed)
                context.check(semaphore.value.signal(), "the one permit was not out")
            }
        }
    }
    context.check(semaphore.value.permitCount == 1, "the permit is lost")
    let isPermitted = semaphore.value.tryWait()
    context.check(isPermitted, "the permit cannot be taken")
    context.check(cell.value == passes.load(ordering: .relaxed), "two were inside at a time")
    return cell.value
}

private func semaphoreTasks(_ context: StressContext) -> UInt64 {
    let semaphore = Shared(CountingSemaphore(permitCount: 1, permitCountMax: 1))
    let running = Shared(WaitGroup())
    let cell = PlainCell()
    let passes = Shared(Tally())
    running.value.add(4)
    for stream in 0..<4 {
        Task.detached {
            var generator = SplitMix64(seed: context.seed, stream: 10 + stream)
            while !context.isOver {
                let isCancelling = UInt32.random(in: 0..<2, using: &generator) == 0
                let task = Task.detached {
                    do throws(CancellationError) {
                        try await semaphore.value.wait()
                    } catch {
                        return
                    }
                    cell.value += 1
                    passes.value.add()
                    semaphore.value.signal()
                }
                let yieldCount = Int.random(in: 0..<4, using: &generator)
                for _ in 0..<yieldCount { await Task.yield() }
                if isCancelling { task.cancel() }
                await task.value
            }
            running.value.done()
        }
    }
    ThreadTeam.run(count: 2) { _ in
        while !context.isOver {
            let isPermitted = semaphore.value.blockingWait(until: longEnough)
            context.check(isPermitted, "a thread waited in vain")
            if !isPermitted { return }
            cell.value += 1
            passes.value.add()
            semaphore.value.signal()
        }
    }
    let isOver = running.value.blockingWait(until: longEnough)
    context.check(isOver, "a task waited in vain")
    let isPermitted = semaphore.value.tryWait()
    context.check(isPermitted, "the permit is lost")
    context.check(cell.value == passes.value.count, "two were inside at a time")
    return cell.value
}

/// A counter that gives no edge.
private struct Tally: ~Copyable, Sendable {
    private let word = Atomic<UInt64>(0)

    var count: UInt64 { word.load(ordering: .relaxed) }

    func add() { word.add(1, ordering: .relaxed) }
}

private func eventPingPong(_ context: StressContext) -> UInt64 {
    let events = (0..<2).map { _ in Shared(AutoResetEvent()) }
    let ball = PlainCell()
    let stop = PlainCell()
    events[0].value.set()
    ThreadTeam.run(count: 2) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var expected = UInt64(thread)
        while true {  // Ends when the time is up, or a set was lost.
            // Spinning takes the flag without the lock; a sleeper is handed it under the lock.
            var isSet = false
            let spinCount = Int.random(in: 0..<2_000, using: &generator)
            for _ in 0..<spinCount where !isSet { isSet = events[thread].value.tryWait() }
            if !isSet { isSet = events[thread].value.blockingWait(until: longEnough) }
            context.check(isSet, "a set was lost")
            if !isSet { return }
            context.check(ball.value == expected, "the payload is not the one that was sent")
            if stop.value == 1 { return }
            let isLast = context.isOver
            if isLast { stop.value = 1 }
            ball.value += 1
            expected += 2
            events[1 - thread].value.set()
            if isLast { return }
        }
    }
    return ball.value
}

private func waitGroupPhases(_ context: StressContext) -> UInt64 {
    let group = Shared(WaitGroup())
    let starts = (0..<4).map { _ in Shared(AutoResetEvent()) }
    let observed = Shared(AutoResetEvent())
    let cells = (0..<3).map { _ in PlainCell() }
    let stop = PlainCell()
    ThreadTeam.run(count: 5) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var round: UInt64 = 0
        while true {  // Ends when the leader, thread 4, finds the time up.
            round += 1
            if thread == 4 {
                if context.isOver { stop.value = 1 }
                group.value.add(3)
                for start in starts { start.value.set() }
            } else {
                let isStarted = starts[thread].value.blockingWait(until: longEnough)
                context.check(isStarted, "a start was lost")
                if !isStarted { return }
            }
            if thread < 3 {
                let isLast = stop.value == 1
                let spinCount = UInt32.random(in: 0..<100, using: &generator)
                for _ in 0..<spinCount { cells[thread].value &+= 1 }
                cells[thread].value = round
                group.value.done()
                if isLast { return }
                continue
            }
            let isOver = group.value.blockingWait(until: longEnough)
            context.check(isOver, "a waiter waited in vain")
            let isSeen = cells.allSatisfy { $0.value == round }
            context.check(isSeen, "the work is done and not seen")
            let isLast = stop.value == 1
            if thread == 3 { observed.value.set() }
            if thread == 4 && !observed.value.blockingWait(until: longEnough) { return }
            if isLast { return }
        }
    }
    context.check(group.value.count == 0, "work is left")
    return cells[0].value
}

private func eventCountPayload(_ context: StressContext) -> UInt64 {
    let events = Shared(EventCount())
    let request = Shared(Flag())
    let cell = PlainCell()
    ThreadTeam.run(count: 2) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var round: UInt64 = 0
        while true {  // Ends with the request that says so.
            round += 1
            if thread == 1 {
                // The way back has an edge of its own; the payload's way has the notify's alone.
                let asked = request.value.await(round)
                cell.value = round
                if round % 2 == 0 { events.value.notifyOne() } else { events.value.notifyAll() }
                if asked == .max { return }
                continue
            }
            let isLast = context.isOver
            let key = events.value.prepareWait()
            request.value.set(isLast ? .max : round)
            let spinCount = UInt32.random(in: 0..<3, using: &generator)
            var backoff = Backoff()
            for _ in 0..<(spinCount * 6) { backoff.spin() }
            let isNotified = events.value.blockingWait(key, until: longEnough)
            context.check(isNotified, "a notify was lost")
            context.check(cell.value == round, "a notify came without its payload")
            if isLast { return }
        }
    }
    return cell.value
}

/// A number that only grows, with an edge from `set` to `await`.
private struct Flag: ~Copyable, Sendable {
    // Edges: E9  set → await, the scenario's own way back.
    private let word = Atomic<UInt64>(0)

    func set(_ value: UInt64) { word.store(value, ordering: .releasing) }  // E9

    /// Waits until the number is at least `value`.
    func await(_ value: UInt64) -> UInt64 {
        var backoff = Backoff()
        while true {  // Ends when the other thread asks.
            let seen = word.load(ordering: .acquiring)  // E9
            if seen >= value { return seen }
            backoff.snooze()
        }
    }
}

private func eventCountStock(_ context: StressContext) -> UInt64 {
    let events = Shared(EventCount())
    let stock = Shared(Stock())
    ThreadTeam.run(count: 4) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        if thread < 2 {
            while !context.isOver {
                let count = Int.random(in: 1...8, using: &generator)
                for _ in 0..<count {
                    stock.value.put()
                    if thread == 0 {
                        events.value.notifyOne()
                    } else {
                        events.value.notifyOne(after: .sequentiallyConsistent)
                    }
                }
                let pause = UInt32.random(in: 0..<50, using: &generator)
                for _ in 0..<pause { shortPause() }
            }
            stock.value.finish()
            events.value.notifyAll()
            return
        }
        while stock.value.take(events.value, context, using: &generator) {}
    }
    context.check(stock.value.remaining == 0, "elements are left although consumers slept")
    context.check(events.value.waiterCount == 0, "a waiter is still counted")
    return stock.value.total
}

func shortPause() {
    var backoff = Backoff()
    backoff.spin()
}

/// A condition outside the event count: so many elements, and whether the producers have ended.
private struct Stock: ~Copyable, Sendable {
    private let count = Atomic<UInt64>(0)
    private let taken = Atomic<UInt64>(0)
    private let finished = Atomic<UInt64>(0)

    var remaining: UInt64 { count.load(ordering: .relaxed) }
    var total: UInt64 { taken.load(ordering: .relaxed) }

    func put() { count.add(1, ordering: .sequentiallyConsistent) }

    func finish() { finished.add(1, ordering: .sequentiallyConsistent) }

    /// Takes an element; false at the end. Sleeps end at random deadlines now and then; a sleep
    /// without one that lasts long means that a wake-up was lost.
    func take(
        _ events: borrowing EventCount, _ context: StressContext,
        using generator: inout SplitMix64
    ) -> Bool {
        while true {
            if tryTake() { return true }
            let key = events.prepareWait()
            if tryTake() {
                events.cancelWait(key)
                return true
            }
            if finished.load(ordering: .sequentiallyConsistent) == 2 {
                events.cancelWait(key)
                return tryTake()
            }
            let isShort = UInt32.random(in: 0..<2, using: &generator) == 0
            let patience = UInt64.random(in: 0..<50_000, using: &generator)
            let deadline = isShort ? .now.advanced(byNanoseconds: patience) : longEnough
            let isNotified = events.blockingWait(key, until: deadline)
            context.check(isNotified || isShort, "a wake-up was lost")
            if !isNotified && !isShort { return false }
            // Who is notified and leaves must pass it on; here everybody looks again.
        }
    }

    private func tryTake() -> Bool {
        var seen = count.load(ordering: .sequentiallyConsistent)
        while seen > 0 {  // Retries only after another thread changed the count.
            let (isTaken, current) = count.compareExchange(
                expected: seen, desired: seen - 1, ordering: .sequentiallyConsistent)
            if isTaken {
                taken.add(1, ordering: .relaxed)
                return true
            }
            seen = current
        }
        return false
    }
}

/// A value with its content behind a reference, where every access is seen in every build.
private struct Letter: ~Copyable, Sendable {
    let envelope: Tracked
    let content = PlainCell()

    init(_ number: UInt64, _ ledger: LifetimeLedger) {
        envelope = ledger.makeTracked(number)
        content.value = number
    }
}

private func oneshotRace(_ context: StressContext) -> UInt64 {
    let ledger = LifetimeLedger()
    var rounds: UInt64 = 0
    while !context.isOver {
        rounds += 200
        let replies = (0..<200).map { _ in Shared(Oneshot<Letter>()) }
        let sets = Shared(Tally())
        let takes = Shared(Tally())
        let closes = Shared(Tally())
        let seed = context.seed &+ rounds
        ThreadTeam.run(count: 5) { thread in
            var generator = SplitMix64(seed: seed, stream: thread)
            for (index, reply) in replies.enumerated() {
                let isActive = UInt32.random(in: 0..<8, using: &generator) != 0
                switch thread {
                case 0, 1:
                    let value = Letter(UInt64(index) * 2 + UInt64(thread), ledger)
                    let pause = UInt32.random(in: 0..<20, using: &generator)
                    for _ in 0..<pause { shortPause() }
                    if reply.value.set(value) == nil { sets.value.add() }
                case 2:
                    if !isActive && reply.value.close() { closes.value.add() }
                default:
                    let isTaken = receive(
                        reply.value, index: index, isPatient: isActive, context, &generator)
                    if isTaken { takes.value.add() }
                }
            }
        }
        let ends = sets.value.count + closes.value.count
        context.check(ends == 200, "a oneshot had two ends, or none")
        context.check(takes.value.count <= sets.value.count, "a value was taken twice")
    }
    context.check(ledger.aliveCount == 0, "a value is leaked or was destroyed twice")
    return rounds
}

/// Receives by spinning for a while, which meets the setter without a lock, then by sleeping.
private func receive(
    _ reply: borrowing Oneshot<Letter>, index: Int, isPatient: Bool, _ context: StressContext,
    _ generator: inout SplitMix64
) -> Bool {
    let spinCount = Int.random(in: 0..<1_000, using: &generator)
    for _ in 0..<spinCount {
        guard let value = reply.tryReceive() else { continue }
        context.check(Int(value.content.value) / 2 == index, "a value came that nobody sent")
        return true
    }
    let patience = UInt64.random(in: 0..<20_000, using: &generator)
    let deadline = isPatient ? longEnough : .now.advanced(byNanoseconds: patience)
    do throws(OneshotError) {
        let value = try reply.blockingReceive(until: deadline)
        context.check(Int(value.content.value) / 2 == index, "a value came that nobody sent")
        return true
    } catch {
        context.check(error != .timedOut || !isPatient, "a receiver was forgotten")
        return false
    }
}

private func breakerProbes(_ context: StressContext) -> UInt64 {
    var policy = CircuitBreaker.Policy()
    policy.failureThreshold = 1
    policy.successThreshold = 500
    policy.resetNanoseconds = 0
    policy.resetNanosecondsMax = 0
    let breaker = Shared(CircuitBreaker(policy))
    let cell = PlainCell()
    let probes = Shared(Tally())
    ThreadTeam.run(count: 4) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var late: CircuitBreaker.Permit? = nil
        while !context.isOver {
            for _ in 0..<64 {
                let now = MonotonicInstant.now
                guard let permit = breaker.value.tryAcquire(now: now) else { continue }
                if permit.isProbe {
                    cell.value += 1
                    probes.value.add()
                    let isFailing = UInt32.random(in: 0..<64, using: &generator) == 0
                    if isFailing {
                        breaker.value.recordFailure(permit, now: now)
                    } else {
                        breaker.value.recordSuccess(permit)
                    }
                } else if late == nil {
                    late = consume permit  // Kept until the era is another one, and reported then.
                } else {
                    breaker.value.recordFailure(permit, now: now)
                }
                if breaker.value.state != .closed, let old = late.take() {
                    breaker.value.recordSuccess(old)
                }
            }
        }
    }
    context.check(cell.value == probes.value.count, "two probes were under way at a time")
    return cell.value
}
