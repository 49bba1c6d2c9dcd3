// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Litmus tests: coherence")
struct LitmusCoherenceTests {
    @Test("coherence of two reads")
    func coherenceReadRead() {
        // Wrong: a thread sees a location go backwards.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.x.load(ordering: .relaxed)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs(but: [1, 0]))
    }

    @Test("coherence of a write and a read")
    func coherenceWriteRead() {
        // Wrong: a thread does not see its own store, or one before it.
        let found = outcomes(registers: 1) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                registers[0] = words.x.load(ordering: .relaxed)
            }
            model.thread {
                words.x.store(2, ordering: .relaxed)
            }
        }
        #expect(found == [[1], [2]])
    }

    @Test("coherence of a read and a write")
    func coherenceReadWrite() {
        // Wrong: a store is put before what its thread has read.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                registers[0] = words.x.load(ordering: .relaxed)
                words.x.store(1, ordering: .relaxed)
            }
            model.thread {
                words.x.store(2, ordering: .relaxed)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == [[0, 1], [0, 2], [2, 1], [2, 2]])
    }

    @Test("two readers see two writes in one order")
    func coherenceTwoReaders() {
        // Wrong: threads disagree about the order of stores to one location.
        let found = outcomes(registers: 4) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
            }
            model.thread {
                words.x.store(2, ordering: .relaxed)
            }
            model.thread {
                registers[0] = words.x.load(ordering: .relaxed)
                registers[1] = words.x.load(ordering: .relaxed)
            }
            model.thread {
                registers[2] = words.x.load(ordering: .relaxed)
                registers[3] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(!found.contains([1, 2, 2, 1]))
        #expect(!found.contains([2, 1, 1, 2]))
        #expect(found.contains([1, 2, 1, 2]))
        #expect(found.contains([2, 1, 2, 1]))
    }

    @Test("two pairs of writes, relaxed")
    func twoPlusTwoWrites() {
        // Wrong: stores take effect in the order in which they are made, which no machine promises.
        let found = finalValues(.relaxed)
        #expect(found == [[1, 1], [1, 2], [2, 1], [2, 2]])
    }

    @Test("two pairs of writes, sequentially consistent")
    func twoPlusTwoWritesOrdered() {
        // Wrong: the common order does not bind the order of stores.
        let found = finalValues(.sequentiallyConsistent)
        #expect(found == [[1, 2], [2, 1], [2, 2]])
    }

    /// What is left in x and y when one thread writes 1 to x and 2 to y, and the other one 1 to y
    /// and 2 to x.
    private func finalValues(_ ordering: AtomicStoreOrdering) -> Set<[Int]> {
        outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: ordering)
                words.y.store(2, ordering: ordering)
            }
            model.thread {
                words.y.store(1, ordering: ordering)
                words.x.store(2, ordering: ordering)
            }
            model.finally {
                registers[0] = words.x.load(ordering: .relaxed)
                registers[1] = words.y.load(ordering: .relaxed)
            }
        }
    }
}
