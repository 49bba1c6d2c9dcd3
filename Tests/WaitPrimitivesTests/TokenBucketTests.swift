// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Token bucket")
struct TokenBucketTests {
    private func bucket(
        _ tokenCount: Int, each periodNanoseconds: UInt64, burst: Int
    ) -> TokenBucket {
        TokenBucket(
            .init(tokenCount: tokenCount, periodNanoseconds: periodNanoseconds, burstCount: burst))
    }

    private func at(_ nanoseconds: UInt64) -> MonotonicInstant { .init(nanoseconds: nanoseconds) }

    @Test("A full bucket gives its burst at once, then one token for each interval")
    func burstThenRate() {
        // If this failed, more or less would be let through than was asked for.
        let bucket = bucket(10, each: 1_000, burst: 3)
        let start: UInt64 = 1 << 40
        #expect(bucket.availableCount(now: at(start)) == 3)
        for _ in 0..<3 { #expect(bucket.tryTake(now: at(start)) == true) }
        #expect(bucket.tryTake(now: at(start)) == false)
        #expect(bucket.nanosecondsUntilAvailable(now: at(start)) == 100)
        #expect(bucket.nanosecondsUntilAvailable(3, now: at(start)) == 300)
        #expect(bucket.tryTake(now: at(start + 99)) == false)
        for round in 1...5 as ClosedRange<UInt64> {
            #expect(bucket.nanosecondsUntilAvailable(now: at(start + round * 100)) == 0)
            #expect(bucket.tryTake(now: at(start + round * 100)) == true)
            #expect(bucket.tryTake(now: at(start + round * 100)) == false)
            bucket.checkInvariants(latest: at(start + round * 100))
        }
        #expect(bucket.availableCount(now: at(start + 750)) == 2)
        #expect(bucket.availableCount(now: at(start + 10_000)) == 3)
        #expect(bucket.tryTake(3, now: at(start + 10_000)) == true)
        #expect(bucket.tryTake(1, now: at(start + 10_000)) == false)
        bucket.checkInvariants(latest: at(start + 10_000))
    }

    @Test("Several tokens are taken together or not at all")
    func severalAtOnce() {
        // If this failed, a refused request would cost tokens.
        let bucket = bucket(1, each: 10, burst: 5)
        #expect(bucket.tryTake(4, now: at(1_000)) == true)
        #expect(bucket.tryTake(2, now: at(1_000)) == false)
        bucket.checkInvariants(latest: at(1_000))
        #expect(bucket.availableCount(now: at(1_000)) == 1)
        #expect(bucket.tryTake(0, now: at(1_000)) == true)
        #expect(bucket.nanosecondsUntilAvailable(0, now: at(1_000)) == 0)
        #expect(bucket.tryTake(1, now: at(1_000)) == true)
        #expect(bucket.tryTake(0, now: at(1_000)) == true)
        #expect(bucket.nanosecondsUntilAvailable(5, now: at(1_010)) == 40)
        #expect(bucket.tryTake(5, now: at(1_049)) == false)
        #expect(bucket.tryTake(5, now: at(1_050)) == true)
        bucket.checkInvariants(latest: at(1_050))
    }

    @Test("A time that goes back gives nothing back and takes nothing away")
    func timeGoesBack() {
        // If this failed, threads whose clock readings cross would get tokens twice.
        let bucket = bucket(1, each: 100, burst: 2)
        #expect(bucket.tryTake(2, now: at(10_000)) == true)
        #expect(bucket.tryTake(now: at(5_000)) == false)
        #expect(bucket.nanosecondsUntilAvailable(now: at(5_000)) == 5_100)
        #expect(bucket.availableCount(now: at(5_000)) == 0)
        bucket.checkInvariants(latest: at(10_000))
        #expect(bucket.tryTake(now: at(10_100)) == true)
        #expect(bucket.tryTake(now: at(10_100)) == false)
    }

    @Test("In a span of any length no more than burst and rate allow, and nearly as much")
    func longRun() {
        // If this failed, rounding would let more through, or waste a part that one notices.
        for (tokenCount, burst) in [(3, 1), (7, 4), (999, 10), (1_000_003, 100)] {
            let second: UInt64 = 1_000_000_000
            let bucket = bucket(tokenCount, each: second, burst: burst)
            var generator = SplitMix64(seed: 7, stream: tokenCount)
            let start: UInt64 = 1 << 50
            let interval = second / UInt64(tokenCount)
            var (now, taken) = (start, 0)
            for _ in 0..<40_000 {
                now += UInt64.random(in: 0...interval / 20, using: &generator)
                if bucket.tryTake(now: at(now)) { taken += 1 }
                bucket.checkInvariants(latest: at(now))
            }
            let allowed = Double(now - start) * Double(tokenCount) / 1e9 + Double(burst)
            #expect(Double(taken) <= allowed)
            #expect(Double(taken) >= allowed * 0.97 - 2)
        }
    }

    @Test("An interval that is no whole number of units is rounded up")
    func rounding() {
        // If this failed, the rate would be more than asked for.
        let bucket = bucket(3, each: 1_000, burst: 3_000)
        #expect(bucket.tryTake(3_000, now: at(0)) == true)
        let wait = bucket.nanosecondsUntilAvailable(3_000, now: at(0))
        #expect(wait >= 1_000_000)
        #expect(wait < 1_000_200)
    }

    @Test("The largest and the smallest policies and times neither trap nor lose count")
    func boundaries() {
        // If this failed, a sum would overflow, or a rate above one token a nanosecond be lost.
        let slow = bucket(1, each: 1 << 57, burst: 1)
        #expect(slow.tryTake(now: .never) == true)
        #expect(slow.tryTake(now: .never) == false)
        #expect(slow.nanosecondsUntilAvailable(now: .never) == 1 << 57)
        slow.checkInvariants(latest: .never)
        let deep = bucket(1, each: 1, burst: 1 << 57)
        #expect(deep.availableCount(now: at(0)) == 1 << 57)
        #expect(deep.tryTake(1 << 57, now: .never) == true)
        #expect(deep.availableCount(now: .never) == 0)
        #expect(deep.nanosecondsUntilAvailable(1 << 57, now: at(0)) == (1 << 59) + (1 << 57))
        let fast = bucket(.max, each: 1, burst: 32)
        #expect(fast.tryTake(32, now: at(0)) == true)
        #expect(fast.tryTake(17, now: at(1)) == false)
        #expect(fast.tryTake(16, now: at(1)) == true)
        fast.checkInvariants(latest: at(1))
    }

    @Test("A policy or a request that makes no sense traps", arguments: 0..<6)
    func misuseTraps(which: Int) async {
        // If this failed, a bucket would never give anything, or everything.
        await #expect(processExitsWith: .failure) { [which] in
            let second: UInt64 = 1_000_000_000
            switch which {
            case 0:
                _ = TokenBucket(.init(tokenCount: 0, periodNanoseconds: second, burstCount: 1))
            case 1: _ = TokenBucket(.init(tokenCount: 1, periodNanoseconds: 0, burstCount: 1))
            case 2: _ = TokenBucket(.init(tokenCount: 1, periodNanoseconds: second, burstCount: 0))
            case 3:
                _ = TokenBucket(.init(tokenCount: 1, periodNanoseconds: 1 << 57, burstCount: 2))
            default:
                let bucket = TokenBucket(
                    .init(tokenCount: 1, periodNanoseconds: second, burstCount: 2))
                _ = bucket.tryTake(which == 4 ? 3 : -1, now: .init(nanoseconds: 0))
            }
        }
    }

    @Test("The caller's memory holds a bucket")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: TokenBucket.storageByteCount) { storage in
            let policy = TokenBucket.Policy(tokenCount: 1, periodNanoseconds: 10, burstCount: 1)
            // SAFETY: the storage outlives the bucket.
            let bucket = unsafe TokenBucket(storage: storage, policy: policy)
            #expect(bucket.tryTake(now: at(0)) == true)
            #expect(bucket.tryTake(now: at(9)) == false)
        }
    }

    @Test("Threads take no more together than the bucket gives")
    func threadsShare() {
        // If this failed, two would take one token.
        let bucket = Shared(bucket(1, each: 1_000, burst: 500))
        let taken = Shared(Atomic<Int>(0))
        ThreadTeam.run(count: 4) { _ in
            for step in 0..<2_000 as Range<UInt64> {
                let now = MonotonicInstant(nanoseconds: step * 100)
                if bucket.value.tryTake(now: now) { taken.value.add(1, ordering: .relaxed) }
            }
        }
        // 500 at first, and one for each microsecond up to 199.9.
        #expect(taken.value.load(ordering: .relaxed) == 500 + 199)
        bucket.value.checkInvariants(latest: at(199_900))
    }
}
