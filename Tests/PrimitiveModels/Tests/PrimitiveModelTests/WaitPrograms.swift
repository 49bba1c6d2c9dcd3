// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
@testable import WaitPrimitives

/// Programs with the event count.
enum EventCountPrograms {
    /// Waiters that sleep until a flag has each of the values up to `steps`, and a thread that sets
    /// it and notifies.
    static func flag(
        waiters: Int, isOrdered: Bool, steps: Int = 1, notifies: Bool = true
    ) -> (Model) -> Void {
        { model in
            let event = EventCount()
            let flag = Flag(isOrdered: isOrdered)
            let cells = (0..<steps).map { _ in PlainCell(0) }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    for step in 1...steps {
                        wait(on: event) { flag.value >= step }
                        model.check(cells[step - 1].load() == 1)
                    }
                }
            }
            model.thread("notifier") {
                for step in 1...steps {
                    cells[step - 1].store(1)
                    flag.set(step)
                    if notifies { event.notifyAll(after: flag.publication) }
                }
            }
            model.finally { model.check(event.waiterCount == 0) }
        }
    }

    /// Waits until a condition holds.
    private static func wait(on event: borrowing EventCount, until isTrue: () -> Bool) {
        while true {
            let key = event.prepareWait()
            if isTrue() { return event.cancelWait(key) }
            _ = event.blockingWait(key, until: .never)
        }
    }

    /// Producers that each raise a count so often, by `notifyOne`, and consumers that each take so
    /// many: every notify reaches one who can use it.
    static func tokens(
        _ gives: [Int], _ takes: [Int], isOrdered: Bool
    ) -> (Model) -> Void {
        { model in
            let event = EventCount()
            let tokens = Atomic(0)
            for (number, count) in gives.enumerated() {
                model.thread("giver \(number)") {
                    for _ in 0..<count {
                        if isOrdered {
                            tokens.add(1, ordering: .sequentiallyConsistent)
                            event.notifyOne(after: .sequentiallyConsistent)
                        } else {
                            tokens.add(1, ordering: .acquiringAndReleasing)
                            event.notifyOne()
                        }
                    }
                }
            }
            for (number, count) in takes.enumerated() {
                model.thread("taker \(number)") {
                    for _ in 0..<count {
                        wait(on: event) { takeToken(tokens, isOrdered: isOrdered) }
                    }
                }
            }
            model.finally {
                model.check(event.waiterCount == 0)
                let rest = gives.reduce(0, +) - takes.reduce(0, +)
                model.check(tokens.load(ordering: .acquiring) == rest)
            }
        }
    }

    private static func takeToken(_ tokens: borrowing Atomic<Int>, isOrdered: Bool) -> Bool {
        var seen =
            isOrdered
            ? tokens.load(ordering: .sequentiallyConsistent) : tokens.load(ordering: .acquiring)
        while seen > 0 {  // Repeated only after another thread changed the count.
            let (isTaken, now) = tokens.compareExchange(
                expected: seen, desired: seen - 1, successOrdering: .acquiringAndReleasing,
                failureOrdering: .acquiring)
            if isTaken { return true }
            seen = now
        }
        return false
    }

    /// A waiter whose deadline may pass at any moment, next to one that has none, and a notify for
    /// one of them: who is notified although it gave up is told so, and notifies the other.
    static func deadline() -> (Model) -> Void {
        { model in
            let event = EventCount()
            let tokens = Atomic(0)
            let passed = Tally()
            model.thread("impatient") {
                let key = event.prepareWait()
                if takeToken(tokens, isOrdered: false) {
                    passed.add(0)
                    return event.cancelWait(key)
                }
                let isNotified = event.blockingWait(key, until: MonotonicInstant(nanoseconds: 1))
                if !isNotified { return }
                if takeToken(tokens, isOrdered: false) { passed.add(0) }
            }
            model.thread("notifier") {
                tokens.add(1, ordering: .acquiringAndReleasing)
                event.notifyOne()
            }
            model.finally {
                model.check(event.waiterCount == 0)
                let rest = tokens.load(ordering: .acquiring)
                model.check(rest + passed.values.count == 1)
            }
        }
    }

    /// A waiter that looks at nothing: what was done before the notify comes by the event alone.
    static func edge(waiters: Int) -> (Model) -> Void {
        { model in
            let event = EventCount()
            let cell = PlainCell(0)
            // Prepared before the threads begin: the notify comes later.
            let epochs = (0..<waiters).map { _ in event.prepareWait().takeRawValue() }
            for (number, epoch) in epochs.enumerated() {
                model.thread("waiter \(number)") {
                    let key = EventCount.Key(epoch: epoch)
                    let isNotified = event.blockingWait(key, until: .never)
                    model.check(isNotified)
                    model.check(cell.load() == 1)
                }
            }
            model.thread("notifier") {
                cell.store(1)
                event.notifyAll()
            }
        }
    }

    /// A raw waiter that another thread withdraws while a notify comes.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let event = EventCount()
            let outcome = OutcomeBox()
            let wait = RawWait(key: event.prepareWait().takeRawValue())
            model.thread("notifier") { event.notifyOne() }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: event) }
            model.thread("canceller") { outcome.value.withdrawal = wait.withdraw(from: event) }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted != nil, "\(outcome.value), woken \(wait.wakeCount) times")
                model.check(event.waiterCount == 0, "it counts as a waiter although it has gone")
            }
        }
    }

    /// A number that a condition looks at, in either of the two ways that an event count allows.
    struct Flag: ~Copyable {
        let isOrdered: Bool
        private let number = Atomic(0)

        init(isOrdered: Bool) { self.isOrdered = isOrdered }

        var publication: EventCount.Publication {
            isOrdered ? .sequentiallyConsistent : .releasing
        }

        var value: Int {
            isOrdered
                ? number.load(ordering: .sequentiallyConsistent)
                : number.load(ordering: .acquiring)
        }

        func set(_ value: Int) {
            if isOrdered {
                number.store(value, ordering: .sequentiallyConsistent)
            } else {
                number.store(value, ordering: .releasing)
            }
        }
    }
}

/// Programs with the small lock of the slow paths.
enum LockPrograms {
    /// Threads that each take the lock so often.
    static func mutex(_ turns: [Int]) -> (Model) -> Void {
        { model in
            let place = LockMemory()
            let count = PlainCell(0)
            for turn in turns {
                model.thread {
                    for _ in 0..<turn {
                        place.lock.withLock { count.store(count.load() + 1) }
                    }
                }
            }
            model.finally { model.check(count.load() == turns.reduce(0, +)) }
        }
    }
}

/// A lock in memory of its own.
@safe
final class LockMemory {
    let lock: InternalLock
    private let block = SharedBlock(byteCount: 8)

    init() {
        // SAFETY: the word lies in the block, which lives as long as the object.
        unsafe lock = InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }
}
