// SPDX-License-Identifier: MIT

// A limit of ten requests a second with bursts of three, in simulated time: the bucket reads no
// clock. A request that is refused is told when to come again, and comes.
//
//     swift run -c release example_token_bucket

import AtomicSupport
import StressSupport
import WaitPrimitives

let bucket = TokenBucket(
    TokenBucket.Policy(tokenCount: 10, periodNanoseconds: 1_000_000_000, burstCount: 3))
var now = MonotonicInstant(nanoseconds: 3_600_000_000_000)
let start = now

print("there at first: \(bucket.availableCount(now: now))")
var times: [UInt64] = []
while times.count < 6 {  // Ends: each refused request waits until its token is there.
    if bucket.tryTake(now: now) {
        times.append(now.nanoseconds(since: start) / 1_000_000)
    } else {
        now = now.advanced(byNanoseconds: bucket.nanosecondsUntilAvailable(now: now))
    }
}
print("six requests at \(times) ms")

// A pause fills the bucket, up to the burst and no further.
now = now.advanced(byNanoseconds: 60_000_000_000)
print("after a minute: \(bucket.availableCount(now: now))")

// Several tokens are taken together or not at all.
print("two: \(bucket.tryTake(2, now: now)), two more: \(bucket.tryTake(2, now: now))")
let wait = bucket.nanosecondsUntilAvailable(2, now: now) / 1_000_000
print("two more in \(wait) ms; there now: \(bucket.availableCount(now: now))")

// Threads share it: of eight that come at once, the burst's three get a token.
let evening = now.advanced(byNanoseconds: 60_000_000_000)
let takers = Shared(Atomic<Int>(0))
ThreadTeam.run(count: 8) { _ in
    if bucket.tryTake(now: evening) { takers.value.add(1, ordering: .relaxed) }
}
print("of eight threads: \(takers.value.load(ordering: .relaxed))")
