// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing

@testable import HTTPServing

@Suite("Rate limiter")
struct RateLimiterTests {
    private let second: UInt64 = 1_000_000_000
    private let key = bytes("192.0.2.1")

    @Test("A burst, then the steady rate, to the nanosecond")
    func steady() {
        // If this failed, clients would be refused too early or too late.
        var limiter = RateLimiter(RateLimit(count: 10, perNanoseconds: second, burst: 3))
        let start = 5 * second
        var decisions = (0..<4).map { _ in limiter.check(key.span, nowNanoseconds: start) }
        #expect(
            decisions == [
                .allowed(remaining: 2), .allowed(remaining: 1), .allowed(remaining: 0),
                .limited(retryAfterNanoseconds: second / 10),
            ])
        decisions = [
            limiter.check(key.span, nowNanoseconds: start + second / 10 - 1),
            limiter.check(key.span, nowNanoseconds: start + second / 10),
            limiter.check(key.span, nowNanoseconds: start + second / 10),
            limiter.check(key.span, nowNanoseconds: start + second),
        ]
        #expect(
            decisions == [
                .limited(retryAfterNanoseconds: 1), .allowed(remaining: 0),
                .limited(retryAfterNanoseconds: second / 10), .allowed(remaining: 2),
            ])
    }

    @Test("Costs, and a clock that goes back")
    func costs() {
        // If this failed, an expensive request would pass, or a clock would trap.
        var limiter = RateLimiter(RateLimit(count: 1, perNanoseconds: second, burst: 5))
        let decisions = [
            limiter.check(key.span, nowNanoseconds: 100 * second, cost: 4),
            limiter.check(key.span, nowNanoseconds: 100 * second, cost: 2),
            limiter.check(key.span, nowNanoseconds: 100 * second, cost: 6),
            limiter.check(key.span, nowNanoseconds: 100 * second, cost: .max),
            limiter.check(key.span, nowNanoseconds: 0),
            limiter.check(key.span, nowNanoseconds: .max, cost: 1),
        ]
        #expect(decisions[0] == .allowed(remaining: 1))
        #expect(decisions[1] == .limited(retryAfterNanoseconds: second))
        #expect(decisions[2] == .limited(retryAfterNanoseconds: .max))
        #expect(decisions[3] == .limited(retryAfterNanoseconds: .max))
        #expect(decisions[4] == .limited(retryAfterNanoseconds: 100 * second))
    }

    @Test("Retry-After in whole seconds, rounded up")
    func retryAfter() {
        // If this failed, a client would come back too early and be refused again.
        #expect(RateDecision.limited(retryAfterNanoseconds: 1).retryAfterSeconds == 1)
        #expect(RateDecision.limited(retryAfterNanoseconds: second).retryAfterSeconds == 1)
        #expect(RateDecision.limited(retryAfterNanoseconds: second + 1).retryAfterSeconds == 2)
        #expect(RateDecision.allowed(remaining: 0).retryAfterSeconds == nil)
    }

    @Test("Keys do not disturb each other, and their number is bounded")
    func keys() {
        // If this failed, one client would use up another's share, or fill the memory.
        var limiter = RateLimiter(
            RateLimit(count: 1, perNanoseconds: second, burst: 1), keyCapacity: 1000)
        let capacity = limiter.keyCapacity
        #expect(capacity == 1024)
        var allowedCount = 0
        for number in 0..<500 {
            let key = bytes("key \(number)")
            if limiter.check(key.span, nowNanoseconds: second) == .allowed(remaining: 0) {
                allowedCount += 1
            }
        }
        #expect(allowedCount == 500)
        for number in 500..<20_000 {
            let key = bytes("key \(number)")
            if limiter.check(key.span, nowNanoseconds: second) == .allowed(remaining: 0) {
                allowedCount += 1
            }
        }
        // A full table lets new keys in and forgets old ones: it never refuses a stranger.
        #expect(allowedCount == 20_000)
        let forgotten = limiter.forgottenCount
        #expect(forgotten == 20_000 - 1024)
    }

    @Test("Against a bucket of tokens counted in another way")
    func oracle() {
        // If this failed, the formula would drift away from a token bucket.
        var random = SplitMix64(seed: 99)
        for _ in 0..<200 {
            let interval = UInt64.random(in: 1...50, using: &random)
            let burst = UInt32.random(in: 1...6, using: &random)
            var limiter = RateLimiter(
                RateLimit(count: 1, perNanoseconds: interval, burst: burst), keyCapacity: 8)
            var now: UInt64 = 1000
            // Tokens in units of one nanosecond's refill.
            var tokens = interval * UInt64(burst)
            for _ in 0..<100 {
                let pause = UInt64.random(in: 0...60, using: &random)
                now += pause
                tokens = min(tokens + pause, interval * UInt64(burst))
                let decision = limiter.check(key.span, nowNanoseconds: now)
                if tokens >= interval {
                    tokens -= interval
                    #expect(
                        decision == .allowed(remaining: UInt32(tokens / interval)))
                } else {
                    #expect(decision == .limited(retryAfterNanoseconds: interval - tokens))
                }
            }
        }
    }

    @Test("Several threads share one limit")
    func shared() {
        // If this failed, a client would get a share from each loop.
        let limiter = SharedRateLimiter(RateLimit(count: 1, perNanoseconds: second, burst: 1000))
        let allowed = Atomic<Int>(0)
        ThreadTeam.run(count: 4) { _ in
            for _ in 0..<1000 {
                if case .allowed = limiter.check(key.span, nowNanoseconds: second) {
                    allowed.wrappingAdd(1, ordering: .relaxed)
                }
            }
        }
        #expect(allowed.load(ordering: .relaxed) == 1000)
        #expect(limiter.forgottenCount == 0)
    }
}
