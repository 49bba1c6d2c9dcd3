// SPDX-License-Identifier: MIT

// A peer that fails for a while: the breaker stops calling it, probes with one call after a pause,
// and lets everybody through again when the probe succeeds. Time is given by the caller, so this
// runs without waiting.
//
//     swift run -c release example_circuit_breaker

import AtomicSupport
import WaitPrimitives

var policy = CircuitBreaker.Policy()
policy.failureThreshold = 3
policy.resetNanoseconds = 100_000_000
policy.resetNanosecondsMax = 400_000_000
let breaker = CircuitBreaker(policy)

/// Calls the peer at a time in milliseconds; it is down until 500.
func call(at milliseconds: UInt64) -> String {
    let now = MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
    guard let permit = breaker.tryAcquire(now: now) else { return "not called" }
    let kind = permit.isProbe ? "probe" : "call"
    if milliseconds < 500 {
        breaker.recordFailure(permit, now: now)
        return "\(kind) failed"
    }
    breaker.recordSuccess(permit)
    return "\(kind) succeeded"
}

for milliseconds: UInt64 in [0, 10, 20, 30, 90, 130, 140, 330, 350, 600, 800, 810] {
    let outcome = call(at: milliseconds)
    print("\(milliseconds) ms: \(outcome), the breaker is \(breaker.state)")
}

// A probe whose caller went away says nothing of the peer: the next caller is the probe.
let evening = MonotonicInstant(nanoseconds: 10_000_000_000)
for _ in 0..<policy.failureThreshold {
    if let permit = breaker.tryAcquire(now: evening) { breaker.recordFailure(permit, now: evening) }
}
let later = evening.advanced(byNanoseconds: policy.resetNanosecondsMax)
if let permit = breaker.tryAcquire(now: later) { breaker.abandon(permit) }
if let permit = breaker.tryAcquire(now: later) {
    print("behind a probe that was given up: another \(permit.isProbe ? "probe" : "call")")
    breaker.recordSuccess(permit)
}
print("then it is \(breaker.state)")
