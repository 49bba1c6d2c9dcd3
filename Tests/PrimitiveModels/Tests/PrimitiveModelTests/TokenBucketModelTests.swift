// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the token bucket: a token each ten nanoseconds.
enum TokenBucketPrograms {
    /// What a thread asks, at a time.
    enum Call {
        case take(Int, at: UInt64)
        case wait(Int, at: UInt64)
        case count(at: UInt64)
    }

    static func policy(burst: Int) -> TokenBucket.Policy {
        TokenBucket.Policy(tokenCount: 1, periodNanoseconds: 10, burstCount: burst)
    }

    /// Threads that make their calls on one bucket, which fit an order of a bucket without
    /// concurrency that counts tokens.
    static func calls(_ threads: [[Call]], burst: Int) -> (Model) -> Void {
        { model in
            let bucket = TokenBucket(policy(burst: burst))
            let history = model.history(of: SequentialBucket(burst: burst))
            for calls in threads {
                model.thread {
                    for call in calls { _ = history.record(call) { answer(call, bucket) } }
                }
            }
        }
    }

    private static func answer(_ call: Call, _ bucket: borrowing TokenBucket) -> Int {
        switch call {
        case .take(let count, let time):
            bucket.tryTake(count, now: .init(nanoseconds: time)) ? 1 : 0
        case .wait(let count, let time):
            Int(bucket.nanosecondsUntilAvailable(count, now: .init(nanoseconds: time)))
        case .count(let time): bucket.availableCount(now: .init(nanoseconds: time))
        }
    }
}

/// A bucket of one thread that is filled as time goes by: a tenth of a token each nanosecond.
struct SequentialBucket: SequentialSpecification {
    struct State: Hashable {
        /// In tenths, at `time`. Below zero is never.
        var level: Int
        var time: UInt64 = 0
    }

    let burst: Int
    var initialState: State { State(level: burst * 10) }

    func apply(
        _ operation: TokenBucketPrograms.Call, _ result: Int, to state: inout State
    ) -> Bool {
        switch operation {
        case .take(let count, let time):
            let level = level(state, at: time)
            if level < count * 10 { return result == 0 }
            // A time that lies behind takes from what was there at the latest time.
            state = State(
                level: self.level(state, at: max(time, state.time)) - count * 10,
                time: max(time, state.time))
            return result == 1
        case .wait(let count, let time):
            return result == max(0, count * 10 - level(state, at: time))
        case .count(let time):
            return result == max(0, level(state, at: time)) / 10
        }
    }

    /// The level at a time; before the latest one it is less by what has come since.
    private func level(_ state: State, at time: UInt64) -> Int {
        min(burst * 10, state.level + Int(time) - Int(state.time))
    }
}

@Suite("Models of TokenBucket")
struct TokenBucketModelTests {
    @Test("it is linearizable: as a bucket that counts tokens")
    func linearizability() {
        // Wrong: a token is taken twice, lost, or given back by a time that lies behind.
        let programs: [(Int, [[TokenBucketPrograms.Call]])] = [
            (1, [[.take(1, at: 100)], [.take(1, at: 100)], [.take(1, at: 110)]]),
            (2, [[.take(2, at: 100), .take(1, at: 110)], [.take(1, at: 105), .count(at: 115)]]),
            (
                3,
                [
                    [.take(2, at: 100), .wait(2, at: 101)], [.take(3, at: 130), .count(at: 90)],
                    [.take(1, at: 95)],
                ]
            ),
            (
                2,
                [[.take(1, at: 100), .take(1, at: 100)], [.take(1, at: 100), .wait(1, at: 100)]]
            ),
        ]
        for (number, (burst, threads)) in programs.enumerated() {
            let result = exhaust(
                number, program: TokenBucketPrograms.calls(threads, burst: burst))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("every call ends alone")
    func soloProgress() {
        // Wrong: a call waits for another thread.
        let options = ModelOptions { $0.soloStepMax = 5 }
        let calls: [TokenBucketPrograms.Call] = [
            .take(1, at: 100), .take(2, at: 110), .wait(2, at: 115), .count(at: 120),
        ]
        let result = explore(
            .random(seed: 1, iterations: 10_000), options: options,
            program: TokenBucketPrograms.calls([calls, calls, calls], burst: 3))
        #expect(result.holds, "\(result)")
    }
}
