// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Litmus tests: several threads, and updates")
struct LitmusManyTests {
    @Test("independent reads of independent writes, acquire")
    func independentReads() {
        // Wrong: writes reach all threads at one moment, which acquire and release do not promise.
        let found = outcomes(registers: 4) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .releasing)
            }
            model.thread {
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                registers[0] = words.x.load(ordering: .acquiring)
                registers[1] = words.y.load(ordering: .acquiring)
            }
            model.thread {
                registers[2] = words.y.load(ordering: .acquiring)
                registers[3] = words.x.load(ordering: .acquiring)
            }
        }
        #expect(found.contains([1, 0, 1, 0]))
        #expect(found.count == 16)
    }

    @Test("independent reads of independent writes, sequentially consistent")
    func independentReadsOrdered() {
        // Wrong: two readers disagree about a common order.
        let found = outcomes(registers: 4) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .sequentiallyConsistent)
            }
            model.thread {
                words.y.store(1, ordering: .sequentiallyConsistent)
            }
            model.thread {
                registers[0] = words.x.load(ordering: .sequentiallyConsistent)
                registers[1] = words.y.load(ordering: .sequentiallyConsistent)
            }
            model.thread {
                registers[2] = words.y.load(ordering: .sequentiallyConsistent)
                registers[3] = words.x.load(ordering: .sequentiallyConsistent)
            }
        }
        #expect(!found.contains([1, 0, 1, 0]))
        #expect(found.count == 15)
    }

    @Test("independent reads of independent writes, ordered loads of relaxed stores")
    func independentOrderedReads() {
        // Wrong: an ordered load does not bind the ordered loads behind it.
        let found = outcomes(registers: 4) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
            }
            model.thread {
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.x.load(ordering: .sequentiallyConsistent)
                registers[1] = words.y.load(ordering: .sequentiallyConsistent)
            }
            model.thread {
                registers[2] = words.y.load(ordering: .sequentiallyConsistent)
                registers[3] = words.x.load(ordering: .sequentiallyConsistent)
            }
        }
        #expect(!found.contains([1, 0, 1, 0]))
        #expect(found.count == 15)
    }

    @Test("independent reads of independent writes, fences between")
    func independentReadsFences() {
        // Wrong: fences between the reads do not make the readers agree.
        let found = outcomes(registers: 4) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
            }
            model.thread {
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.x.load(ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                registers[1] = words.y.load(ordering: .relaxed)
            }
            model.thread {
                registers[2] = words.y.load(ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                registers[3] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(!found.contains([1, 0, 1, 0]))
        #expect(found.count == 15)
    }

    @Test("write to read causality")
    func writeToReadCausality() {
        // Wrong: what a thread has acquired is not handed on.
        let found = outcomes(registers: 3) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.x.load(ordering: .acquiring)
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                registers[1] = words.y.load(ordering: .acquiring)
                registers[2] = words.x.load(ordering: .relaxed)
            }
        }
        // The first store is relaxed: nothing goes with it, but it has been seen.
        #expect(!found.contains([1, 1, 0]))
        #expect(found.count == 7)
    }

    @Test("write to read causality, relaxed")
    func writeToReadCausalityRelaxed() {
        // Wrong: a relaxed chain is taken for an ordered one.
        let found = outcomes(registers: 3) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.x.load(ordering: .relaxed)
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[1] = words.y.load(ordering: .relaxed)
                registers[2] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found.contains([1, 1, 0]))
        #expect(found.count == 8)
    }

    @Test("load buffering")
    func loadBuffering() {
        // Wrong: a load sees a store that comes later, which this model leaves out on purpose.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                registers[0] = words.x.load(ordering: .relaxed)
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[1] = words.y.load(ordering: .relaxed)
                words.x.store(1, ordering: .relaxed)
            }
        }
        #expect(found == allPairs(but: [1, 1]))
    }

    @Test("the S shape")
    func storeAfterRead() {
        // Wrong: a store goes before one that happened before it.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(2, ordering: .relaxed)
                words.y.store(1, ordering: .releasing)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .acquiring)
                words.x.store(1, ordering: .relaxed)
            }
            model.finally {
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == [[0, 1], [0, 2], [1, 1]])
    }

    @Test("the R shape, ordered")
    func storeThenRead() {
        // Wrong: a store that is put before another one is not before it in the common order.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .sequentiallyConsistent)
                words.y.store(1, ordering: .sequentiallyConsistent)
            }
            model.thread {
                words.y.store(2, ordering: .sequentiallyConsistent)
                registers[0] = words.x.load(ordering: .sequentiallyConsistent)
            }
            model.finally {
                registers[1] = words.y.load(ordering: .relaxed)
            }
        }
        #expect(found == [[0, 1], [1, 1], [1, 2]])
    }

    @Test("the R shape, relaxed")
    func storeThenReadRelaxed() {
        // Wrong: the place of a store in the order of its location says more than it may.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                words.y.store(2, ordering: .relaxed)
                registers[0] = words.x.load(ordering: .relaxed)
            }
            model.finally {
                registers[1] = words.y.load(ordering: .relaxed)
            }
        }
        #expect(found == [[0, 1], [0, 2], [1, 1], [1, 2]])
    }

    @Test("two updates lose nothing")
    func updatesAreAtomic() {
        // Wrong: an update does not read the newest value of its place.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                registers[0] = words.x.wrappingAdd(1, ordering: .relaxed).oldValue
            }
            model.thread {
                registers[1] = words.x.wrappingAdd(1, ordering: .relaxed).oldValue
            }
        }
        #expect(found == [[0, 1], [1, 0]])
    }

    @Test("one of two compare-exchanges wins")
    func oneExchangeWins() {
        // Wrong: two threads win one race.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                registers[0] =
                    words.x.compareExchange(
                        expected: 0, desired: 1, ordering: .relaxed
                    ).exchanged ? 1 : 0
            }
            model.thread {
                registers[1] =
                    words.x.compareExchange(
                        expected: 0, desired: 1, ordering: .relaxed
                    ).exchanged ? 1 : 0
            }
        }
        #expect(found == [[0, 1], [1, 0]])
    }

    @Test("a store does not part an update")
    func updateIsNotParted() {
        // Wrong: a store is put between an update and what that read.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                registers[0] = words.x.exchange(1, ordering: .relaxed)
            }
            model.thread {
                words.x.store(2, ordering: .relaxed)
            }
            model.finally {
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == [[0, 2], [2, 1]])
    }

    @Test("a failed compare-exchange may have read a stale value")
    func staleFailure() {
        // Wrong: a failure is taken for a look at the newest value.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                words.y.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.y.load(ordering: .relaxed)
                registers[1] =
                    words.x.compareExchange(
                        expected: 1, desired: 2, ordering: .relaxed
                    ).exchanged ? 1 : 0
            }
        }
        #expect(found == allPairs())
    }

    @Test("a weak compare-exchange fails for no reason, as often as allowed")
    func spuriousFailure() {
        // Wrong: code that does not repeat a weak compare-exchange is not caught.
        func found(_ spuriousFailureMax: Int) -> Set<[Int]> {
            let options = ModelOptions { $0.spuriousFailureMax = spuriousFailureMax }
            return outcomes(registers: 2, options: options) { model, words, registers in
                model.thread {
                    for turn in 0..<2 {
                        registers[turn] =
                            words.x.weakCompareExchange(
                                expected: turn, desired: turn + 1, ordering: .relaxed
                            ).exchanged ? 1 : 0
                    }
                }
            }
        }
        #expect(found(0) == [[1, 1]])
        #expect(found(1) == [[1, 1], [0, 0], [1, 0]])
    }
}
