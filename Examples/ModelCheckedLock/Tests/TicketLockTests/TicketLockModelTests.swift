// SPDX-License-Identifier: MIT

#if Model
    import ModelChecking
    import Testing
    import TicketLocks

    @Suite("Models of TicketLock")
    struct TicketLockModelTests {
        /// Threads that count under a lock, each so many times.
        func counting<Subject: Lock & ~Copyable>(
            turns: [Int], _ make: @escaping () -> Subject
        ) -> (Model) -> Void {
            { model in
                let lock = make()
                let count = PlainCell(0)
                for turn in turns {
                    model.thread {
                        for _ in 0..<turn {
                            lock.lock()
                            count.store(count.load() + 1)
                            lock.unlock()
                        }
                    }
                }
                model.finally { model.check(count.load() == turns.reduce(0, +), "a count is lost") }
            }
        }

        @Test("one thread at a time is inside", arguments: [[1, 1], [2, 1], [2, 2], [1, 1, 1]])
        func exclusion(turns: [Int]) {
            // Wrong: two threads are inside, or one does not see what another did there.
            let result = explore(program: counting(turns: turns) { TicketLock() })
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }

        /// One thread waits for the lock, the others take it only if it is free.
        func trying(model: Model) {
            let lock = TicketLock()
            let count = PlainCell(0)
            let taken = Atomic(1)
            model.thread("waits") {
                lock.lock()
                count.store(count.load() + 1)
                lock.unlock()
            }
            for number in 0..<2 {
                model.thread("tries \(number)") {
                    guard lock.tryLock() else { return }
                    count.store(count.load() + 1)
                    taken.wrappingAdd(1, ordering: .relaxed)
                    lock.unlock()
                }
            }
            model.finally {
                let isFree = lock.tryLock()
                model.check(isFree, "the lock is not given back")
                model.check(count.load() == taken.load(ordering: .relaxed), "a count is lost")
            }
        }

        @Test("a try takes the lock, or takes nothing")
        func trying() {
            // Wrong: a try gets in beside the holder, or leaves a ticket that nobody serves.
            let result = explore(program: trying(model:))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }

        @Test("every ordering is needed")
        func orderings() {
            // Wrong: the lock pays for more than it needs, or the models do not see what it needs.
            let result = audit(program: trying(model:))
            #expect(result.baseline.holds)
            #expect(result.weakenings.count == 3)
            #expect(result.survivors.isEmpty, "\(result)")
        }

        @Test("a lock that hands out a ticket twice is found, with a path that shows it again")
        func torn() throws {
            // Wrong: these models cannot fail.
            let program = counting(turns: [1, 1]) { TornLock() }
            let failure = try #require(explore(program: program).failure)
            #expect(failure.kind == .dataRace || failure.kind == .deadlock)
            let again = explore(.replay(failure.path), program: program)
            #expect(again.failure?.message == failure.message)
        }

        @Test("a lock that releases nothing is found")
        func relaxed() throws {
            // Wrong: the models are blind for orderings.
            let program = counting(turns: [1, 1]) { RelaxedLock() }
            let failure = try #require(explore(program: program).failure)
            #expect(failure.kind == .dataRace)
        }
    }
#endif
