// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Faults that the model finds")
struct FaultTests {
    @Test("a plain write that nothing orders before a read is a race")
    func dataRace() {
        // Wrong: a missing edge is not reported, or a good one is.
        func passing(_ ordering: AtomicStoreOrdering) -> Exploration {
            explore(.exhaustive) { model in
                let words = Words()
                let cell = PlainCell(0)
                model.thread {
                    cell.store(1)
                    words.x.store(1, ordering: ordering)
                }
                model.thread {
                    if words.x.load(ordering: .acquiring) == 1 { model.check(cell.load() == 1) }
                }
            }
        }
        #expect(passing(.releasing).holds)
        let failure = passing(.relaxed).failure
        #expect(failure?.kind == .dataRace)
        #expect(failure?.message.contains("FaultTests.swift") == true)
    }

    @Test("two reads at once are no race, a write after them is")
    func readersAndWriter() {
        // Wrong: readers disturb each other, or only the last one of them is remembered.
        func readers(_ count: Int) -> Exploration {
            explore(.exhaustive) { model in
                let words = Words()
                let cell = PlainCell(7)
                for _ in 0..<2 {
                    model.thread {
                        model.check(cell.load() == 7)
                        words.x.wrappingAdd(1, ordering: .releasing)
                    }
                }
                model.thread {
                    if words.x.load(ordering: .acquiring) == count { cell.store(8) }
                }
            }
        }
        #expect(readers(2).holds)
        #expect(readers(1).failure?.kind == .dataRace)
    }

    @Test("a value that is overwritten while it lives, or taken twice, is a fault of its lifetime")
    func lifetimes() {
        // Wrong: lost and doubled elements go unnoticed where no check looks.
        let overwritten = explore(.exhaustive) { model in
            let cell = PlainCell<Int>()
            model.thread {
                cell.fill(1)
                cell.fill(2)
            }
        }
        #expect(overwritten.failure?.kind == .lifetime)
        let taken = explore(.exhaustive) { model in
            let cell = PlainCell(1)
            model.thread {
                _ = cell.take()
                _ = cell.take()
            }
        }
        #expect(taken.failure?.kind == .lifetime)
    }

    @Test("memory that another thread may still use must not be given back")
    func useAfterFree() {
        // Wrong: reclamation that is too early passes.
        func freeing(after ordering: AtomicLoadOrdering) -> Exploration {
            explore(.exhaustive) { model in
                let words = Words()
                // SAFETY: the model reports wrong uses before they are made.
                let memory = unsafe ModelHeap.allocate(byteCount: 8, alignment: 8)
                let word = unsafe memory.bindMemory(to: Atomic<Int>.self, capacity: 1)
                unsafe word.initialize(to: Atomic(0))  // SAFETY: as above.
                model.thread {
                    unsafe word.pointee.store(1, ordering: .relaxed)  // SAFETY: as above.
                    words.x.store(1, ordering: .releasing)
                }
                model.thread {
                    while words.x.load(ordering: ordering) == 0 { model.yield() }
                    unsafe ModelHeap.deallocate(memory)  // SAFETY: as above.
                }
            }
        }
        #expect(freeing(after: .acquiring).holds)
        #expect(freeing(after: .relaxed).failure?.kind == .useAfterFree)
    }

    @Test("memory that is never given back is a leak")
    func leak() {
        // Wrong: a primitive that forgets its block passes.
        let result = explore(.exhaustive) { model in
            // SAFETY: never used.
            _ = unsafe ModelHeap.allocate(byteCount: 8, alignment: 8)
            model.thread {}
        }
        #expect(result.failure?.kind == .lifetime)
    }

    @Test("a thread that waits for what never comes is a deadlock")
    func endlessWait() {
        // Wrong: the search hangs, or ends as if all was well.
        let result = explore(.exhaustive) { model in
            let words = Words()
            model.thread("waiter") {
                while words.x.load(ordering: .relaxed) == 0 { model.yield() }
            }
            model.thread { words.y.store(1, ordering: .relaxed) }
        }
        #expect(result.failure?.kind == .deadlock)
        #expect(result.failure?.message.contains("waiter") == true)
    }

    @Test("a waiting loop sees in the end what another thread writes")
    func waitingLoop() {
        // Wrong: loops that wait make endless executions, or are cut before they end.
        let result = explore(.exhaustive) { model in
            let words = Words()
            let cell = PlainCell(0)
            model.thread {
                while words.x.load(ordering: .acquiring) < 2 { model.yield() }
                model.check(cell.load() == 2)
            }
            model.thread {
                cell.store(1)
                words.x.store(1, ordering: .releasing)
                cell.store(2)
                words.x.store(2, ordering: .releasing)
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a lock of compare-exchanges excludes, one of load and store does not")
    func locks() {
        // Wrong: mutual exclusion cannot be shown, or lost updates are not seen.
        func counting(_ lock: @escaping (Words, Model) -> Void) -> Exploration {
            explore { model in
                let words = Words()
                let count = PlainCell(0)
                for _ in 0..<2 {
                    model.thread {
                        lock(words, model)
                        count.store(count.load() + 1)
                        words.x.store(0, ordering: .releasing)
                    }
                }
                model.finally { model.check(count.load() == 2) }
            }
        }
        let good = counting { words, model in
            while words.x.exchange(1, ordering: .acquiring) == 1 { model.yield() }
        }
        #expect(good.holds, "\(good)")
        let bad = counting { words, model in
            while words.x.load(ordering: .acquiring) == 1 { model.yield() }
            words.x.store(1, ordering: .relaxed)
        }
        #expect(bad.failure?.kind == .dataRace)
    }

    @Test("an execution that does not end is reported")
    func noProgress() {
        // Wrong: a loop without end hangs the test.
        let result = explore(.exhaustive, options: ModelOptions { $0.stepMax = 50 }) { model in
            let words = Words()
            model.thread {
                while words.x.wrappingAdd(1, ordering: .relaxed).oldValue >= 0 {}
            }
        }
        #expect(result.failure?.kind == .noProgress)
    }
}
