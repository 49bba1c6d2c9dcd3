// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import TimerWheels

let timerPostponeScenarios: [Scenario] = [
    Scenario(
        name: "timer-postpone", room: "TimerWheels", threads: 4,
        summary: "three postpone limits of idleness, one advances: none fires early, twice, never",
        run: timerPostpone)
]

/// A limit of idleness: one thread arms and postpones it, another fires it.
private final class IdleLimit: Sendable {
    /// How often it has fired, and at which tick at last: relaxed, as the count carries it.
    private let firedCount = Atomic<UInt64>(0)
    private let firedTick = Atomic<UInt64>(0)

    func fire(at tick: UInt64) {
        firedTick.store(tick, ordering: .relaxed)
        firedCount.add(1, ordering: .releasing)
    }

    var count: UInt64 { firedCount.load(ordering: .acquiring) }

    var tick: UInt64 { firedTick.load(ordering: .relaxed) }
}

/// What its owner knows of a limit.
private struct OwnedLimit {
    let limit: IdleLimit
    var token: TimerToken?
    /// The tick that it was armed for last, with success.
    var deadline: UInt64 = 0
    /// How often it has ended by firing.
    var endedCount: UInt64 = 0
}

/// Threads whose limits lie in one wheel, and the one that advances it.
private final class IdleCrowd: Sendable {
    let wheel = SharedTimerWheel<IdleLimit>(capacity: 64, origin: 0)
    let total = Atomic<UInt64>(0)
    let runningCount = Atomic<Int>(3)
    private let context: StressContext
    private let clock = Atomic<UInt64>(0)

    init(_ context: StressContext) { self.context = context }

    /// Postpones its limits in turn, arms anew those that have fired, and cancels some.
    func own(thread: Int) {
        var random = SplitMix64(seed: context.seed, stream: thread)
        var limits = (0..<16).map { _ in OwnedLimit(limit: IdleLimit()) }
        var operations: UInt64 = 0
        while !context.isOver {
            let index = Int(random.next() % 16)
            step(&limits[index], &random)
            operations += 1
        }
        for index in limits.indices { end(&limits[index]) }
        total.wrappingAdd(operations, ordering: .relaxed)
        runningCount.subtract(1, ordering: .releasing)
    }

    private func step(_ owned: inout OwnedLimit, _ random: inout SplitMix64) {
        let deadline = clock.load(ordering: .relaxed) + 1 + random.next() % 300
        guard let token = owned.token else {
            let arming = wheel.insert(deadline: deadline, payload: owned.limit)
            context.check(arming != nil, "no room for 48 timers")
            (owned.token, owned.deadline) = (arming?.token, deadline)
            return
        }
        if random.next() % 64 == 0 { return cancel(&owned, token) }
        if wheel.postpone(token, deadline: deadline) != nil {
            owned.deadline = deadline
        } else {
            settle(&owned)
        }
    }

    private func cancel(_ owned: inout OwnedLimit, _ token: TimerToken) {
        if wheel.cancel(token) == nil { return settle(&owned) }
        context.check(owned.limit.count == owned.endedCount, "fired, and then cancelled")
        owned.token = nil
    }

    /// It has left the wheel to be fired: its handler runs, has run, or is about to.
    private func settle(_ owned: inout OwnedLimit) {
        let end = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
        while owned.limit.count == owned.endedCount {  // Ends with the handler, or the time.
            if MonotonicInstant.now > end { return context.check(false, "its handler never ran") }
        }
        owned.endedCount += 1
        owned.token = nil
        context.check(owned.limit.count == owned.endedCount, "fired twice")
        let tick = owned.limit.tick
        context.check(tick >= owned.deadline, "due at \(owned.deadline), fired at \(tick)")
    }

    /// Once its tick has passed, it must have fired.
    private func end(_ owned: inout OwnedLimit) {
        guard let token = owned.token else { return }
        let end = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
        while wheel.deadline(of: token) != nil {  // Ends with the timer, or the time.
            if MonotonicInstant.now > end { return context.check(false, "it never fires") }
        }
        settle(&owned)
    }

    func advance(thread: Int) {
        var random = SplitMix64(seed: context.seed, stream: thread)
        while runningCount.load(ordering: .acquiring) > 0 {  // Ends with the owners.
            let now = clock.add(random.next() % 8, ordering: .relaxed).newValue
            wheel.advance(to: now) { _, limit in limit.fire(at: now) }
            if let next = wheel.nextDeadline() {
                context.check(next >= now, "told to look at \(next), at \(now)")
            }
        }
        context.check(wheel.isEmpty, "a timer is left")
    }
}

private func timerPostpone(_ context: StressContext) -> UInt64 {
    let crowd = IdleCrowd(context)
    ThreadTeam.run(count: 4) { thread in
        if thread < 3 { crowd.own(thread: thread) } else { crowd.advance(thread: thread) }
    }
    return crowd.total.load(ordering: .relaxed)
}
