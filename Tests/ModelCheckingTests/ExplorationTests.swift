// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Ways to explore")
struct ExplorationTests {
    /// Two threads that add by load and store; the sum is wrong in some executions.
    private func lostUpdate(_ model: Model) {
        let words = Words()
        for _ in 0..<2 {
            model.thread {
                let value = words.x.load(ordering: .relaxed)
                words.x.store(value + 1, ordering: .relaxed)
            }
        }
        model.finally {
            model.check(words.x.load(ordering: .relaxed) == 2, "an update was lost")
        }
    }

    @Test(
        "every strategy finds a lost update",
        arguments: [
            ExplorationStrategy.exhaustive, .bounded(preemptionMax: 1),
            .random(seed: 1, iterations: 200),
            .priorities(seed: 1, iterations: 200, changeCount: 2),
            .randomThenExhaustive(seed: 1, iterations: 10),
        ])
    func lostUpdates(strategy: ExplorationStrategy) {
        // Wrong: one of the strategies looks at too little.
        let failure = explore(strategy, program: lostUpdate).failure
        #expect(failure?.kind == .check)
        #expect(failure?.message.contains("an update was lost") == true)
    }

    @Test("a failure is replayed by its path, and by its seed")
    func replay() throws {
        // Wrong: what was found once cannot be looked at again.
        let found = try #require(
            explore(.random(seed: 5, iterations: 500), program: lostUpdate).failure)
        let path = try #require(ModelPath("\(found.path)"))
        let again = try #require(explore(.replay(path), program: lostUpdate).failure)
        #expect("\(again.trace)" == "\(found.trace)")
        let seed = try #require(found.seed)
        let third = try #require(
            explore(.random(seed: seed, iterations: 1), program: lostUpdate).failure)
        #expect(third.path == found.path)
    }

    @Test("a path that does not fit the program is said to be one")
    func wrongPath() throws {
        // Wrong: a path of another version of the program is followed without a word.
        let path = try #require(ModelPath("1 1 1 1 1 1 2"))
        #expect(explore(.replay(path), program: lostUpdate).failure?.kind == .nondeterminism)
        #expect(ModelPath("1 x") == nil)
        #expect(ModelPath("0") == nil)
        #expect(ModelPath("1.-1") == nil)
    }

    @Test("the trace names thread, operation, value, ordering and line")
    func trace() throws {
        // Wrong: the trace does not say what happened.
        let failure = try #require(
            explore(.exhaustive) { model in
                let words = Words()
                model.thread {
                    words.x.store(41, ordering: .releasing)
                    model.check(words.x.load(ordering: .acquiring) == 42)
                }
            }.failure)
        let text = "\(failure)"
        #expect(text.contains("T1  store releasing"))
        #expect(text.contains("41"))
        #expect(text.contains("ExplorationTests.swift:"))
        #expect(failure.trace.entries.count == 2)
    }

    @Test("the example of the README finds the fault of a naive queue")
    func naiveQueue() {
        // Wrong: the first thing that a reader tries does not work.
        let result = explore { model in
            let tail = Atomic(0)
            let slots = [PlainCell<Int>(), PlainCell<Int>()]
            for number in 0..<2 {
                model.thread("producer \(number)") {
                    let ticket = tail.load(ordering: .acquiring)
                    slots[ticket].fill(number)
                    tail.store(ticket + 1, ordering: .releasing)
                }
            }
        }
        #expect(result.failure?.kind == .dataRace)
        #expect("\(result)".contains("(producer "))
    }

    @Test("two explorations at the same time do not disturb each other")
    func parallel() async {
        // Wrong: the model is a global, and tests must wait for each other.
        let counts = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    explore(.exhaustive) { model in
                        let words = Words()
                        for _ in 0..<3 {
                            model.thread { words.x.wrappingAdd(1, ordering: .relaxed) }
                        }
                        model.finally {
                            model.check(words.x.load(ordering: .relaxed) == 3)
                        }
                    }.executionCount
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        // Three updates of one place: each order of them once.
        #expect(counts == Array(repeating: 6, count: 8))
    }

    @Test("outside of a model the atomics are real")
    func outside() {
        // Wrong: code that is built for models does not work anywhere else.
        let words = Words()
        #expect(words.x.load(ordering: .acquiring) == 0)
        words.x.store(5, ordering: .releasing)
        #expect(words.x.exchange(6, ordering: .relaxed) == 5)
        #expect(words.x.wrappingAdd(-7, ordering: .relaxed) == (6, -1))
        #expect(words.x.max(3, ordering: .relaxed) == (-1, 3))
        #expect(words.x.min(-4, ordering: .relaxed) == (3, -4))
        let (isDone, original) = words.x.compareExchange(
            expected: 1, desired: 2, ordering: .acquiringAndReleasing)
        #expect(!isDone)
        #expect(original == -4)
        let flag = Atomic(false)
        #expect(flag.logicalOr(true, ordering: .relaxed) == (false, true))
        let pair = Atomic(WordPair(first: 1, second: 2))
        #expect(pair.exchange(WordPair(first: 3, second: 4), ordering: .relaxed).second == 2)
        #expect(pair.load(ordering: .relaxed).first == 3)
        let small = Atomic<UInt8>(250)
        #expect(small.wrappingAdd(10, ordering: .relaxed) == (250, 4))
    }

    @Test("inside of a model the arithmetic is that of the type")
    func arithmetic() {
        // Wrong: values are cut, extended or compared as if they had 64 bits.
        let result = explore(.exhaustive) { model in
            let small = Atomic<Int8>(100)
            let pair = Atomic(WordPair(first: 1, second: 2))
            model.thread {
                let sum = small.wrappingAdd(100, ordering: .relaxed)
                model.check(sum == (100, -56), "\(sum)")
                let least = small.min(3, ordering: .relaxed)
                model.check(least == (-56, -56), "\(least)")
                let masked = small.bitwiseAnd(0x0F, ordering: .relaxed)
                model.check(masked == (-56, 8), "\(masked)")
                let old = pair.exchange(WordPair(first: 3, second: 4), ordering: .relaxed)
                model.check(old.first == 1 && old.second == 2)
                model.check(pair.load(ordering: .relaxed).second == 4)
            }
        }
        #expect(result.holds, "\(result)")
    }
}
