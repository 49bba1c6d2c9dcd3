// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    static func at(milliseconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
    }

    static func policy(
        failures: Int = 3, successes: Int = 1, probes: Int = 1, doublesUpTo: UInt64 = 1000
    ) -> CircuitBreaker.Policy {
        var policy = CircuitBreaker.Policy()
        policy.failureThreshold = failures
        policy.successThreshold = successes
        policy.probeCountMax = probes
        policy.resetNanoseconds = 1_000_000_000
        policy.resetNanosecondsMax = doublesUpTo * 1_000_000
        return policy
    }

    /// One call that fails; false if it was not admitted.
    static func fail(_ breaker: borrowing CircuitBreaker, at now: MonotonicInstant) -> Bool {
        guard let permit = breaker.tryAcquire(now: now) else { return false }
        breaker.recordFailure(permit, now: now)
        breaker.checkInvariants()
        return true
    }

    @Test("It opens after so many failures in a row; a success starts the count again")
    func opensAtThreshold() {
        // If this failed, one hiccup would cut a peer off, or a dead peer would be hammered.
        let breaker = CircuitBreaker(Self.policy(failures: 3))
        for _ in 0..<2 { #expect(Self.fail(breaker, at: Self.at(milliseconds: 0)) == true) }
        if let permit = breaker.tryAcquire(now: Self.at(milliseconds: 0)) {
            #expect(permit.isProbe == false)
            breaker.recordSuccess(permit)
        }
        for _ in 0..<2 { #expect(Self.fail(breaker, at: Self.at(milliseconds: 0)) == true) }
        #expect(breaker.state == .closed)
        #expect(Self.fail(breaker, at: Self.at(milliseconds: 0)) == true)
        #expect(breaker.state == .open)
        #expect(Self.fail(breaker, at: Self.at(milliseconds: 999)) == false)
    }

    @Test("After the reset time it admits a bounded number of probes")
    func halfOpenBoundsProbes() {
        // If this failed, every caller would probe at once (the ancestor's half-open state).
        let breaker = CircuitBreaker(Self.policy(failures: 1, successes: 3, probes: 2))
        _ = Self.fail(breaker, at: Self.at(milliseconds: 0))
        let now = Self.at(milliseconds: 1002)
        guard let first = breaker.tryAcquire(now: now) else {
            Issue.record("no probe was admitted")
            return
        }
        guard let second = breaker.tryAcquire(now: now) else {
            Issue.record("no second probe was admitted")
            return
        }
        #expect(first.isProbe == true)
        #expect(breaker.state == .halfOpen)
        let isThird = breaker.tryAcquire(now: now) != nil
        #expect(!isThird)
        breaker.checkInvariants()
        breaker.recordSuccess(first)
        #expect(breaker.state == .halfOpen)
        breaker.checkInvariants()
        breaker.abandon(second)
        breaker.checkInvariants()
        for _ in 0..<2 {
            if let permit = breaker.tryAcquire(now: now) { breaker.recordSuccess(permit) }
            breaker.checkInvariants()
        }
        #expect(breaker.state == .closed)
    }

    @Test("A failed probe opens it again, for twice as long up to the maximum")
    func resetTimeDoubles() {
        // If this failed, a peer that stays away would be tried too often, or never again.
        let breaker = CircuitBreaker(Self.policy(failures: 1, doublesUpTo: 5000))
        var now: UInt64 = 0
        #expect(Self.fail(breaker, at: Self.at(milliseconds: now)) == true)
        for wait in [1000, 2000, 4000, 5000, 5000] as [UInt64] {
            #expect(Self.fail(breaker, at: Self.at(milliseconds: now + wait - 1)) == false)
            now += wait + 2
            #expect(Self.fail(breaker, at: Self.at(milliseconds: now)) == true)
            #expect(breaker.state == .open)
        }
        now += 5002
        if let permit = breaker.tryAcquire(now: Self.at(milliseconds: now)) {
            breaker.recordSuccess(permit)
        }
        #expect(breaker.state == .closed)
        breaker.checkInvariants()
        #expect(Self.fail(breaker, at: Self.at(milliseconds: now)) == true)
        #expect(Self.fail(breaker, at: Self.at(milliseconds: now + 1002)) == true)
    }

    @Test("A report from an earlier era changes nothing", arguments: [0, 0xF_FFFE])
    func lateReportsAreIgnored(era: UInt64) {
        // If this failed, a call that hung through an outage would open the healed breaker, or
        // close an open one.
        let breaker = CircuitBreaker(Self.policy(failures: 1), era: era)
        let start = Self.at(milliseconds: 0)
        guard let slow = breaker.tryAcquire(now: start), let slower = breaker.tryAcquire(now: start)
        else {
            Issue.record("a closed breaker refused")
            return
        }
        _ = Self.fail(breaker, at: start)
        breaker.recordSuccess(slow)
        #expect(breaker.state == .open)
        guard let probe = breaker.tryAcquire(now: Self.at(milliseconds: 1002)) else {
            Issue.record("no probe was admitted")
            return
        }
        breaker.recordFailure(slower, now: Self.at(milliseconds: 1002))
        #expect(breaker.state == .halfOpen)
        breaker.checkInvariants()
        breaker.recordSuccess(probe)
        #expect(breaker.state == .closed)
    }

    @Test("Far instants do not wrap round")
    func farInstants() {
        // If this failed, `never` or a long uptime would open or close the breaker at random.
        let breaker = CircuitBreaker(Self.policy(failures: 1))
        #expect(Self.fail(breaker, at: .never) == true)
        #expect(breaker.state == .open)
        let isAdmitted = Self.fail(breaker, at: Self.at(milliseconds: 1 << 36))
        #expect(!isAdmitted)
    }

    @Test("Racing callers: never more probes than allowed, and one opening for each era")
    func racingCallers() {
        // If this failed, the half-open limit would not hold under contention.
        let breaker = Shared(CircuitBreaker(Self.policy(failures: 2, successes: 4, probes: 2)))
        let clock = Atomic<UInt64>(0)
        let probes = Atomic<Int>(0)
        let probesMax = Atomic<Int>(0)
        ThreadTeam.run(count: 4) { thread in
            var generator = SplitMix64(seed: 11, stream: thread)
            for _ in 0..<4_000 {
                let time = clock.wrappingAdd(10, ordering: .relaxed).newValue
                let now = Self.at(milliseconds: time)
                guard let permit = breaker.value.tryAcquire(now: now) else { continue }
                let isProbe = permit.isProbe
                if isProbe {
                    let under = probes.wrappingAdd(1, ordering: .relaxed).newValue
                    probesMax.max(under, ordering: .relaxed)
                    probes.subtract(1, ordering: .relaxed)
                }
                if UInt32.random(in: 0..<3, using: &generator) == 0 {
                    breaker.value.recordFailure(permit, now: now)
                } else {
                    breaker.value.recordSuccess(permit)
                }
            }
        }
        #expect(probesMax.load(ordering: .relaxed) <= 2)
        breaker.value.checkInvariants()
        let late = Self.at(milliseconds: 1 << 30)
        for _ in 0..<4 {
            if let permit = breaker.value.tryAcquire(now: late) {
                breaker.value.recordSuccess(permit)
            }
        }
        #expect(breaker.value.state == .closed)
    }

    @Test("The caller's memory holds a breaker")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: CircuitBreaker.storageByteCount) { storage in
            // SAFETY: the storage outlives the breaker.
            let breaker = unsafe CircuitBreaker(storage: storage, policy: Self.policy(failures: 1))
            #expect(breaker.state == .closed)
            #expect(Self.fail(breaker, at: Self.at(milliseconds: 0)) == true)
            #expect(breaker.state == .open)
        }
    }
}
