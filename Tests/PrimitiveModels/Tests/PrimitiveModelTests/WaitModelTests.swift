// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

@Suite("Models of EventCount and InternalLock")
struct WaitModelTests {
    /// Waiters that sleep until a flag is set, and a thread that sets it and notifies.
    private func eventCount(
        waiters: Int, isOrdered: Bool, notifies: Bool = true
    ) -> (Model) -> Void {
        { model in
            let event = EventCount()
            let flag = Atomic(0)
            let cell = PlainCell(0)
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    while true {
                        let key = event.prepareWait()
                        let isSet =
                            isOrdered
                            ? flag.load(ordering: .sequentiallyConsistent) == 1
                            : flag.load(ordering: .acquiring) == 1
                        if isSet {
                            event.cancelWait(key)
                            break
                        }
                        _ = event.blockingWait(key, until: .never)
                    }
                    model.check(cell.load() == 1)
                }
            }
            model.thread("notifier") {
                cell.store(1)
                if isOrdered {
                    flag.store(1, ordering: .sequentiallyConsistent)
                } else {
                    flag.store(1, ordering: .releasing)
                }
                if notifies {
                    event.notifyAll(after: isOrdered ? .sequentiallyConsistent : .releasing)
                }
            }
            model.finally { model.check(event.waiterCount == 0) }
        }
    }

    @Test("no wake-up is lost", arguments: [1, 2], [false, true])
    func noLostWakeUp(waiters: Int, isOrdered: Bool) {
        // Wrong: a waiter sleeps for ever although its condition is true.
        let options = ModelOptions { $0.executionMax = 300_000 }
        let result = explore(
            options: options, program: eventCount(waiters: waiters, isOrdered: isOrdered))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive || waiters > 1, "\(result)")
    }

    @Test("a notify that is left out is found")
    func lostWakeUp() {
        // Wrong: the model of the event count cannot fail.
        let result = explore(
            program: eventCount(waiters: 1, isOrdered: false, notifies: false))
        #expect(result.failure?.kind == .deadlock)
    }

    @Test("the lock excludes, and nobody sleeps for ever", arguments: [([1, 1]), ([2, 1])])
    func lock(turns: [Int]) {
        // Wrong: two threads are inside, or one sleeps although the lock is free.
        let result = explore { model in
            let block = Shared(SharedBlock(byteCount: 8))
            // SAFETY: the word lies in the block, which the closures keep.
            let word = unsafe block.value.pointer(at: 0, to: Atomic<UInt32>.self)
            let lock = unsafe InternalLock(word)  // SAFETY: as above.
            let count = PlainCell(0)
            for turn in turns {
                model.thread {
                    for _ in 0..<turn {
                        lock.withLock { count.store(count.load() + 1) }
                    }
                }
            }
            model.finally {
                model.check(count.load() == turns.reduce(0, +))
                model.check(block.value.byteCount == 8)
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
