// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Litmus tests: store buffering")
struct LitmusTests {
    @Test("store buffering, relaxed")
    func storeBufferingRelaxed() {
        // Wrong: the model is stronger than the machine, and faults stay hidden.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                registers[0] = words.y.load(ordering: .relaxed)
            }
            model.thread {
                words.y.store(1, ordering: .relaxed)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs())
    }

    @Test("store buffering, acquire and release")
    func storeBufferingAcquireRelease() {
        // Wrong: release and acquire order a store before a later load.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .releasing)
                registers[0] = words.y.load(ordering: .acquiring)
            }
            model.thread {
                words.y.store(1, ordering: .releasing)
                registers[1] = words.x.load(ordering: .acquiring)
            }
        }
        #expect(found == allPairs())
    }

    @Test("store buffering, sequentially consistent")
    func storeBufferingOrdered() {
        // Wrong: correct programs fail, because these accesses have no common order.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .sequentiallyConsistent)
                registers[0] = words.y.load(ordering: .sequentiallyConsistent)
            }
            model.thread {
                words.y.store(1, ordering: .sequentiallyConsistent)
                registers[1] = words.x.load(ordering: .sequentiallyConsistent)
            }
        }
        #expect(found == allPairs(but: [0, 0]))
    }

    @Test("store buffering, fences between")
    func storeBufferingFences() {
        // Wrong: a sequentially consistent fence does not do what it is for.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                registers[0] = words.y.load(ordering: .relaxed)
            }
            model.thread {
                words.y.store(1, ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs(but: [0, 0]))
    }

    @Test("store buffering, a fence on one side only")
    func storeBufferingOneFence() {
        // Wrong: a fence works without its partner.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                registers[0] = words.y.load(ordering: .relaxed)
            }
            model.thread {
                words.y.store(1, ordering: .relaxed)
                registers[1] = words.x.load(ordering: .relaxed)
            }
        }
        #expect(found == allPairs())
    }

    @Test("store buffering, a fence against ordered accesses")
    func storeBufferingFenceAgainstOrdered() {
        // Wrong: a fence and sequentially consistent accesses have no common order.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                ModelChecking.atomicMemoryFence(ordering: .sequentiallyConsistent)
                registers[0] = words.y.load(ordering: .relaxed)
            }
            model.thread {
                words.y.store(1, ordering: .sequentiallyConsistent)
                registers[1] = words.x.load(ordering: .sequentiallyConsistent)
            }
        }
        #expect(found == allPairs(but: [0, 0]))
    }

    @Test("store buffering, ordered loads of relaxed stores")
    func storeBufferingRelaxedStores() {
        // Wrong: only one half of an access decides.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                words.x.store(1, ordering: .relaxed)
                registers[0] = words.y.load(ordering: .sequentiallyConsistent)
            }
            model.thread {
                words.y.store(1, ordering: .relaxed)
                registers[1] = words.x.load(ordering: .sequentiallyConsistent)
            }
        }
        #expect(found == allPairs())
    }

    @Test("store buffering, read-modify-writes instead of stores")
    func storeBufferingUpdates() {
        // Wrong: an acquiring and releasing update is taken for a fence.
        let found = outcomes(registers: 2) { model, words, registers in
            model.thread {
                _ = words.x.exchange(1, ordering: .acquiringAndReleasing)
                registers[0] = words.y.load(ordering: .acquiring)
            }
            model.thread {
                _ = words.y.exchange(1, ordering: .acquiringAndReleasing)
                registers[1] = words.x.load(ordering: .acquiring)
            }
        }
        #expect(found == allPairs())
    }
}
