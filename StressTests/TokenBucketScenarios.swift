// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import WaitPrimitives

let tokenBucketScenarios: [Scenario] = [
    Scenario(
        name: "token-bucket", room: "WaitPrimitives", threads: 4,
        summary: "threads with clocks that differ take all that a bucket gives, and no more",
        run: tokenBucket)
]

private func tokenBucket(_ context: StressContext) -> UInt64 {
    let interval: UInt64 = 2_000
    let burst = 8
    let bucket = Shared(
        TokenBucket(.init(tokenCount: 1, periodNanoseconds: interval, burstCount: burst)))
    let taken = Shared(Atomic<UInt64>(0))
    let start = MonotonicInstant.now
    ThreadTeam.run(count: 4) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        while !context.isOver {
            // A clock that was read a while ago, as by a thread that was preempted.
            let lag = UInt64.random(in: 0..<5_000, using: &generator)
            let now = MonotonicInstant(nanoseconds: MonotonicInstant.now.nanoseconds &- lag)
            let count = Int.random(in: 1...3, using: &generator)
            if bucket.value.tryTake(count, now: now) {
                taken.value.add(UInt64(count), ordering: .relaxed)
            } else {
                let wait = bucket.value.nanosecondsUntilAvailable(count, now: now)
                context.check(wait <= 3 * interval + 100_000_000, "a token is years away")
            }
        }
    }
    let span = MonotonicInstant.now.nanoseconds(since: start)
    let total = taken.value.load(ordering: .relaxed)
    context.check(total <= span / interval + UInt64(burst), "more was taken than was there")
    context.check(total > 0, "a full bucket gave nothing")
    return total
}
