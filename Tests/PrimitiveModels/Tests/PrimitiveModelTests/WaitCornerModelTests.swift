// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

@Suite("Models of waits in their corners")
struct WaitCornerModelTests {
    @Test("a notify does not wake one that prepared behind it")
    func newcomer() {
        // Wrong: a waiter is let through by a notify that was not for it.
        let result = exhaust { model in
            let event = Shared(EventCount())
            // Somebody has prepared, so that the notify looks at the list.
            let first = event.value.prepareWait().takeRawValue()
            let wait = RawWait(key: first + 1)
            let isBehind = Tally()
            model.thread("notifier") { event.value.notifyOne() }
            model.thread("newcomer") {
                let key = event.value.prepareWait().takeRawValue()
                if key == first { return event.value.cancelWait(event.value.prepareWait()) }
                let admission = wait.enqueue(on: event.value)
                model.check(admission == .queued, "let through at once")
                isBehind.add(1)
            }
            model.finally {
                model.check(wait.wakeCount == 0, "woken by a notify that came before")
                if isBehind.values == [1] {
                    model.check(wait.withdraw(from: event.value) == .removed)
                }
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("the end of a phase lets nobody of the next one pass")
    func nextPhase() {
        // Wrong: a wait ends although what it waits for is still under way.
        let result = exhaust { model in
            let group = Shared(WaitGroup())
            let (wait, next) = (RawWait(), RawWait())
            group.value.add()
            model.check(wait.enqueue(on: group.value) == .queued)
            model.thread("last") { group.value.done() }
            model.thread("next") {
                group.value.add()
                model.check(next.enqueue(on: group.value) == .queued, "passed at once")
            }
            model.finally {
                model.check(next.wakeCount == 0, "granted with work under way")
                group.value.done()
                model.check(next.wakeCount == 1 && wait.wakeCount == 1)
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a semaphore's permits that are left over stay, whoever gives up", arguments: [1, 2])
    func leftOver(permits: Int) {
        // Wrong: a permit is lost, or one is there too many, when a signal finds fewer waiters.
        let result = exhaust(permits) { model in
            let semaphore = Shared(CountingSemaphore(permitCount: 0))
            let wait = RawWait()
            model.check(wait.enqueue(on: semaphore.value) == .queued)
            var withdrawal = WaitWithdrawal.late
            model.thread("signalling") { semaphore.value.signal(permits) }
            model.thread("giving up") { withdrawal = wait.withdraw(from: semaphore.value) }
            model.finally {
                let isGranted = wait.wakeCount == 1
                model.check(isGranted == (withdrawal == .late))
                model.check(semaphore.value.permitCount == permits - (isGranted ? 1 : 0))
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
