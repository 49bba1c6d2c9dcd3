// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Litmus tests: message passing")
struct LitmusMessageTests {
    @Test("message passing, release and acquire")
    func messagePassing() {
        // Wrong: the edge that most code lives on is missing.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .acquiring)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs(but: [1, 0]))
    }

    @Test("message passing, relaxed load of the flag")
    func messagePassingRelaxedLoad() {
        // Wrong: a missing acquire is not seen.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .relaxed)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs())
    }

    @Test("message passing, relaxed store of the flag")
    func messagePassingRelaxedStore() {
        // Wrong: a missing release is not seen.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .acquiring)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs())
    }

    @Test("message passing, two fences")
    func messagePassingFences() {
        // Wrong: fences do not synchronize.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .releasing)
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .acquiring)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs(but: [1, 0]))
    }

    @Test("message passing, a release fence alone")
    func messagePassingReleaseFence() {
        // Wrong: a release fence does not strengthen the store behind it.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .releasing)
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .acquiring)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs(but: [1, 0]))
    }

    @Test("message passing, an acquire fence alone")
    func messagePassingAcquireFence() {
        // Wrong: an acquire fence does not strengthen the load before it.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .acquiring)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs(but: [1, 0]))
    }

    @Test("message passing, fences in the wrong place")
    func messagePassingMisplacedFences() {
        // Wrong: a fence orders what it does not stand between.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                ModelChecking.atomicMemoryFence(ordering: .releasing)
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                ModelChecking.atomicMemoryFence(ordering: .acquiring)
                registers[0] = words.y.load(ordering: .relaxed)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs())
    }

    @Test("a release sequence through an update")
    func releaseSequence() {
        // Wrong: a counter in between cuts the edge.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                words.y.wrappingAdd(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .acquiring)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 1]])
    }

    @Test("a relaxed store of the same thread ends the release sequence")
    func releaseSequenceEnds() {
        // Wrong: C++11's rule is used, which C++20 gave up.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .releasing)
                words.y.store(2, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .acquiring)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == [[0, 0], [0, 1], [1, 1], [2, 0], [2, 1]])
    }

    @Test("message passing through a failed compare-exchange")
    func messagePassingFailedExchange() {
        // Wrong: the ordering of a failure is not its own.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                registers[0] =
                    words.y.compareExchange(
                        expected: 7, desired: 8, successOrdering: .relaxed,
                        failureOrdering: .acquiring
                    ).original
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs(but: [1, 0]))
    }
}
