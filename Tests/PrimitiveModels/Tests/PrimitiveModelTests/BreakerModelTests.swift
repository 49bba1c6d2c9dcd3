// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the circuit breaker. A unit of its clock is 2²⁰ ns: the times here are in those.
enum BreakerPrograms {
    /// What a thread does, one call after the other.
    enum Call {
        /// Asks for a permit at a time.
        case acquire(at: UInt64)
        /// Reports the success, or the failure at a time, of the last permit, if it has one.
        case succeed
        case fail(at: UInt64)
        /// Gives the last permit back.
        case abandon
    }

    static func policy(
        failures: Int, successes: Int, probes: Int
    ) -> CircuitBreaker.Policy {
        var policy = CircuitBreaker.Policy()
        policy.failureThreshold = failures
        policy.successThreshold = successes
        policy.probeCountMax = probes
        policy.resetNanoseconds = 10 << 20
        policy.resetNanosecondsMax = 10 << 20
        return policy
    }

    /// Threads that make their calls on one breaker, which fit an order of a breaker without
    /// concurrency: same policy, same times.
    static func calls(
        _ threads: [[Call]], policy: CircuitBreaker.Policy
    ) -> (Model) -> Void {
        { model in
            let breaker = CircuitBreaker(policy)
            let history = model.history(of: SequentialBreaker(policy: policy))
            for (number, calls) in threads.enumerated() {
                model.thread {
                    var permit: CircuitBreaker.Permit?
                    for call in calls {
                        make(call, number, on: breaker, &permit, history)
                    }
                    make(.abandon, number, on: breaker, &permit, history)
                }
            }
        }
    }

    private static func make(
        _ call: Call, _ thread: Int, on breaker: borrowing CircuitBreaker,
        _ permit: inout CircuitBreaker.Permit?, _ history: History<SequentialBreaker>
    ) {
        switch call {
        case .acquire(let units):
            var acquired: CircuitBreaker.Permit?
            _ = history.record(.acquire(thread, units)) {
                acquired = breaker.tryAcquire(now: MonotonicInstant(nanoseconds: units << 20))
                guard let isProbe = acquired?.isProbe else { return .refused }
                return isProbe ? .probe : .call
            }
            permit = acquired.take()
        case .succeed, .fail, .abandon:
            if permit == nil { return }
            _ = history.record(operation(of: call, thread)) {
                guard let held = permit.take() else { return .done }
                switch call {
                case .succeed: breaker.recordSuccess(held)
                case .fail(let units):
                    breaker.recordFailure(
                        held, now: MonotonicInstant(nanoseconds: units << 20))
                default: breaker.abandon(held)
                }
                return .done
            }
        }
    }

    private static func operation(of call: Call, _ thread: Int) -> SequentialBreaker.Operation {
        switch call {
        case .acquire(let units): .acquire(thread, units)
        case .succeed: .succeed(thread)
        case .fail(let units): .fail(thread, units)
        case .abandon: .abandon(thread)
        }
    }

    /// A report that opens the breaker, one that closes it again, and those whom either admits or
    /// refuses: they have seen what was done before the report.
    static func edges() -> (Model) -> Void {
        { model in
            let policy = policy(failures: 1, successes: 1, probes: 1)
            let breaker = CircuitBreaker(policy)
            let before = PlainCell(0)
            let between = PlainCell(0)
            model.thread("failing") {
                before.store(1)
                guard let permit = breaker.tryAcquire(now: .init(nanoseconds: 0)) else { return }
                breaker.recordFailure(permit, now: .init(nanoseconds: 0))
            }
            model.thread("refused") {
                if breaker.tryAcquire(now: .init(nanoseconds: 0)) == nil {
                    model.check(before.load() == 1)
                }
                if breaker.state == .open { model.check(before.load() == 1) }
            }
            model.thread("probing") {
                guard let permit = breaker.tryAcquire(now: .init(nanoseconds: 1 << 40)) else {
                    model.check(false, "nobody else probes")
                    return
                }
                if !permit.isProbe { return breaker.abandon(permit) }
                model.check(before.load() == 1)
                between.store(1)
                breaker.recordSuccess(permit)
            }
            model.finally { model.check(breaker.state != .halfOpen) }
        }
    }

    /// A probe that closes an open breaker, and one who finds it closed, perhaps only when its own
    /// compare-exchange has failed.
    static func reclosing() -> (Model) -> Void {
        { model in
            let breaker = CircuitBreaker(policy(failures: 1, successes: 1, probes: 1))
            let now = MonotonicInstant(nanoseconds: 1 << 40)
            let cells = [PlainCell(0), PlainCell(0)]
            if let permit = breaker.tryAcquire(now: .init(nanoseconds: 0)) {
                breaker.recordFailure(permit, now: .init(nanoseconds: 0))
            }
            for number in 0...1 {
                model.thread {
                    guard let permit = breaker.tryAcquire(now: now) else { return }
                    if permit.isProbe {
                        cells[number].store(1)
                        breaker.recordSuccess(permit)
                    } else {
                        // Admitted by the state that the other one's report has made.
                        model.check(cells[1 - number].load() == 1)
                        breaker.abandon(permit)
                    }
                }
            }
            model.finally { model.check(breaker.state == .closed) }
        }
    }

    /// Threads that probe an open breaker: never more at a time than allowed, and never more
    /// successes than it takes.
    static func probes(_ count: Int, policy: CircuitBreaker.Policy) -> (Model) -> Void {
        { model in
            let breaker = CircuitBreaker(policy)
            for _ in 0..<policy.failureThreshold {
                guard let permit = breaker.tryAcquire(now: .init(nanoseconds: 0)) else { break }
                breaker.recordFailure(permit, now: .init(nanoseconds: 0))
            }
            model.check(breaker.state == .open)
            let underWay = Atomic(0)
            for number in 0..<count {
                model.thread("prober \(number)") {
                    let now = MonotonicInstant(nanoseconds: 1 << 40)
                    guard let permit = breaker.tryAcquire(now: now) else { return }
                    if !permit.isProbe { return breaker.abandon(permit) }
                    let others = underWay.add(1, ordering: .relaxed).oldValue
                    model.check(others < policy.probeCountMax, "too many probes")
                    underWay.subtract(1, ordering: .relaxed)
                    breaker.recordSuccess(permit)
                }
            }
        }
    }
}

/// A breaker of one thread, by the documentation alone.
struct SequentialBreaker: SequentialSpecification {
    enum Operation {
        case acquire(Int, UInt64)
        case succeed(Int)
        case fail(Int, UInt64)
        case abandon(Int)
    }

    enum Answer {
        case refused
        case call
        case probe
        case done
    }

    struct State: Hashable {
        var phase = Phase.closed
        var era = 0
        var failures = 0
        var probeTime: UInt64 = 0
        var probes = 0
        var successes = 0
        /// The era of each thread's permit.
        var permits: [Int: Int] = [:]
    }

    enum Phase { case closed, open, halfOpen }

    var policy: CircuitBreaker.Policy
    var initialState: State { State() }

    func apply(_ operation: Operation, _ result: Answer, to state: inout State) -> Bool {
        switch operation {
        case .acquire(let thread, let time):
            return result == admit(thread, time, &state)
        case .succeed(let thread):
            if state.permits.removeValue(forKey: thread) == state.era { succeed(&state) }
        case .fail(let thread, let time):
            if state.permits.removeValue(forKey: thread) == state.era { fail(time, &state) }
        case .abandon(let thread):
            let isOfNow = state.permits.removeValue(forKey: thread) == state.era
            if isOfNow, state.phase == .halfOpen { state.probes -= 1 }
        }
        return result == .done
    }

    private func admit(_ thread: Int, _ time: UInt64, _ state: inout State) -> Answer {
        if state.phase == .open {
            if time < state.probeTime { return .refused }
            state.phase = .halfOpen
            state.era += 1
            (state.probes, state.successes) = (0, 0)
        }
        if state.phase == .halfOpen {
            if state.probes >= policy.probeCountMax { return .refused }
            if state.probes + state.successes >= policy.successThreshold { return .refused }
            state.probes += 1
        }
        state.permits[thread] = state.era
        return state.phase == .halfOpen ? .probe : .call
    }

    private func succeed(_ state: inout State) {
        if state.phase == .closed { state.failures = 0 }
        guard state.phase == .halfOpen else { return }
        state.probes -= 1
        state.successes += 1
        if state.successes < policy.successThreshold { return }
        state.phase = .closed
        state.failures = 0
        state.era += 1
    }

    private func fail(_ time: UInt64, _ state: inout State) {
        if state.phase == .closed { state.failures += 1 }
        if state.phase == .closed, state.failures < policy.failureThreshold { return }
        state.phase = .open
        state.era += 1
        state.failures = 0
        state.probeTime = time + policy.resetNanoseconds >> 20
    }
}

@Suite("Models of CircuitBreaker")
struct BreakerModelTests {
    @Test("it is linearizable: failures in a row, a probe, and reports that come late")
    func linearizability() {
        // Wrong: a failure is lost or counted twice, or a report of a former era counts.
        let policy = BreakerPrograms.policy(failures: 2, successes: 1, probes: 1)
        let programs: [[[BreakerPrograms.Call]]] = [
            [[.acquire(at: 0), .fail(at: 0)], [.acquire(at: 0), .fail(at: 0), .acquire(at: 5)]],
            [
                [.acquire(at: 0), .fail(at: 0), .acquire(at: 0), .fail(at: 0), .acquire(at: 20)],
                [.acquire(at: 0), .succeed, .acquire(at: 30), .fail(at: 30)],
            ],
            [
                [.acquire(at: 0), .fail(at: 0)], [.acquire(at: 0), .fail(at: 0)],
                [.acquire(at: 0), .succeed, .acquire(at: 20), .succeed],
            ],
        ]
        for (number, threads) in programs.enumerated() {
            let result = exhaust(
                number, program: BreakerPrograms.calls(threads, policy: policy))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("the half-open state is linearizable", arguments: [(1, 1), (2, 1)])
    func halfOpen(successes: Int, probes: Int) {
        // Wrong: too many probes at a time, too many successes, or a probe that stays counted.
        let policy = BreakerPrograms.policy(failures: 1, successes: successes, probes: probes)
        let result = exhaust(
            successes, probes,
            program: BreakerPrograms.calls(
                [
                    [.acquire(at: 0), .fail(at: 0), .acquire(at: 20), .succeed],
                    [.acquire(at: 20), .abandon, .acquire(at: 20), .succeed],
                    [.acquire(at: 20), .fail(at: 20)],
                ], policy: policy))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("whom a state admits or refuses has seen what came before the report of that state")
    func edges() {
        // Wrong: a report opens or closes the breaker and carries nothing.
        for program in [BreakerPrograms.edges(), BreakerPrograms.reclosing()] {
            let result = exhaust(program: program)
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("no more probes than allowed are under way", arguments: [(1, 1), (2, 2)])
    func probes(successes: Int, probes: Int) {
        // Wrong: two threads are admitted to one place.
        let policy = BreakerPrograms.policy(failures: 1, successes: successes, probes: probes)
        let result = exhaust(
            successes, probes, program: BreakerPrograms.probes(3, policy: policy))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("every call ends alone")
    func soloProgress() {
        // Wrong: a call waits for another thread.
        let options = ModelOptions { $0.soloStepMax = 20 }
        let policy = BreakerPrograms.policy(failures: 1, successes: 2, probes: 2)
        let calls: [BreakerPrograms.Call] = [
            .acquire(at: 0), .fail(at: 0), .acquire(at: 20), .succeed,
        ]
        let result = explore(
            .random(seed: 1, iterations: 10_000), options: options,
            program: BreakerPrograms.calls([calls, calls, calls], policy: policy))
        #expect(result.holds, "\(result)")
    }
}
