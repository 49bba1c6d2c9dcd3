// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with `Notify`.
enum NotifyPrograms {
    /// How somebody waits for one notify.
    enum Way {
        case waiting
        case waitingInTime
        case trying
    }

    /// Threads that notify one, each so often, and threads that wait once, each in its way: those
    /// who went on and what is left are no more than the notifies, and one is left at most.
    static func ones(_ notifies: [Int], _ ways: [Way]) -> (Model) -> Void {
        { model in
            let notify = Notify()
            let cells = notifies.map { _ in PlainCell(0) }
            let passed = Tally()
            for (number, count) in notifies.enumerated() {
                model.thread("notifier \(number)") {
                    cells[number].store(1)
                    for _ in 0..<count { notify.notifyOne() }
                }
            }
            for (number, way) in ways.enumerated() {
                model.thread("\(way) \(number)") {
                    if !wait(way, for: notify) { return }
                    passed.add(number)
                    if notifies.count == 1 { model.check(cells[0].load() == 1) }
                }
            }
            model.finally {
                var rest = 0
                while notify.tryWait() { rest += 1 }  // Ends: it checks that one is left at most.
                model.check(rest <= 1, "two are remembered")
                let made = notifies.reduce(0, +)
                model.check(rest + passed.values.count <= made, "somebody went on for nothing")
                model.check(rest + passed.values.count >= 1, "all notifies are lost")
            }
        }
    }

    private static func wait(_ way: Way, for notify: borrowing Notify) -> Bool {
        switch way {
        case .waiting: notify.blockingWait(until: .never)
        case .waitingInTime: notify.blockingWait(until: MonotonicInstant(nanoseconds: 1))
        case .trying: notify.tryWait()
        }
    }

    /// A second notify that finds the first remembered hands its work to the same waiter.
    static func forgotten() -> (Model) -> Void {
        { model in
            let notify = Notify()
            notify.notifyOne()
            let cell = PlainCell(0)
            let hasNotified = Atomic(false)
            model.thread("notifier") {
                cell.store(1)
                notify.notifyOne()
                hasNotified.store(true, ordering: .relaxed)
            }
            model.thread("waiter") {
                // Relaxed: only the notify may carry the cell.
                let isBehind = hasNotified.load(ordering: .relaxed)
                let isThrough = notify.tryWait()
                model.check(isThrough)
                if isBehind { model.check(cell.load() == 1) }
            }
        }
    }

    /// A remembered notify that is taken and made again while somebody begins to wait: who is in
    /// line does not sleep beside it.
    static func takenAndMadeAgain() -> (Model) -> Void {
        { model in
            let notify = Notify()
            notify.notifyOne()
            let wait = RawWait(key: notify.ticket.rawValue)
            let outcome = OutcomeBox()
            model.thread("notifier") { notify.notifyOne() }
            model.thread("taker") { _ = notify.tryWait() }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: notify) }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted != nil)
                if isGranted == false { model.check(!notify.tryWait(), "it sleeps beside one") }
            }
        }
    }

    /// Ticket, look, wait; the flag is relaxed, so that only the notify carries it.
    static func ticketLookWait(waiters: Int, impatient: Int = 0) -> (Model) -> Void {
        { model in
            let notify = Notify()
            let flag = Atomic(0)
            let cell = PlainCell(0)
            model.thread("notifier") {
                cell.store(1)
                flag.store(1, ordering: .relaxed)
                notify.notifyAll()
            }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    let deadline = number < impatient ? MonotonicInstant(nanoseconds: 1) : .never
                    let ticket = notify.ticket
                    if flag.load(ordering: .relaxed) == 1 { return }
                    let isThrough = notify.blockingWait(after: ticket, until: deadline)
                    model.check(isThrough || number < impatient)
                    if isThrough { model.check(cell.load() == 1) }
                }
            }
        }
    }

    /// A ticket that counts a call has seen what came before it, whatever else has happened to the
    /// word since: a wait that was given up, and a notify of one that was taken.
    static func keptEdge() -> (Model) -> Void {
        { model in
            let notify = Notify()
            let cell = PlainCell(0)
            let old = notify.ticket
            model.thread("notifier") {
                cell.store(1)
                notify.notifyAll()
            }
            model.thread("other") {
                _ = notify.blockingWait(until: MonotonicInstant(nanoseconds: 1))
            }
            model.thread("late") {
                if notify.isOver(old) { model.check(cell.load() == 1) }
            }
        }
    }

    /// Two calls that both let somebody go on; who holds a ticket of before both sees both, if the
    /// count says so.
    static func twoCalls() -> (Model) -> Void {
        { model in
            let notify = Notify()
            let cells = [PlainCell(0), PlainCell(0)]
            let old = notify.ticket
            for number in 0...1 {
                model.thread("notifier \(number)") {
                    cells[number].store(1)
                    notify.notifyAll()
                }
            }
            model.thread("waiter") {
                _ = notify.blockingWait(after: old, until: MonotonicInstant(nanoseconds: 1))
                if notify.ticket.rawValue == 2 {
                    for cell in cells { model.check(cell.load() == 1) }
                }
            }
        }
    }

    /// A raw waiter that another thread withdraws while a notify of one or of all comes.
    static func withdrawal(ofAll: Bool) -> (Model) -> Void {
        { model in
            let notify = Notify()
            let wait = RawWait(key: notify.ticket.rawValue)
            let outcome = OutcomeBox()
            model.thread("notifier") { if ofAll { notify.notifyAll() } else { notify.notifyOne() } }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: notify) }
            model.thread("canceller") { outcome.value.withdrawal = wait.withdraw(from: notify) }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted != nil, "\(outcome.value), woken \(wait.wakeCount) times")
                model.check(notify.tryWait() == (!ofAll && isGranted == false), "a notify is lost")
            }
        }
    }
}

@Suite("Models of Notify")
struct NotifyModelTests {
    @Test(
        "a notify of one lets one go on, or is remembered",
        arguments: [
            ([1], [.waiting]), ([2], [.waiting]), ([1], [.waitingInTime]), ([2], [.trying]),
            ([1, 1], [.waiting]), ([1], [.waitingInTime, .trying]),
        ] as [([Int], [NotifyPrograms.Way])])
    func ones(notifies: [Int], ways: [NotifyPrograms.Way]) {
        // Wrong: somebody sleeps on, goes on for nothing, or without the edge.
        let result = exhaust(notifies, ways, program: NotifyPrograms.ones(notifies, ways))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "notifies of one among three",
        arguments: [
            ([2], [.waitingInTime, .waitingInTime]), ([2], [.trying, .waitingInTime]),
            ([2, 1], [.trying, .waitingInTime]),
        ] as [([Int], [NotifyPrograms.Way])])
    func onesOfMany(notifies: [Int], ways: [NotifyPrograms.Way]) {
        // Wrong: as above, with two in the list, or a remembered one beside a waiter.
        let result = exhaustAroundLock(notifies, ways, program: NotifyPrograms.ones(notifies, ways))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("nobody sleeps beside a remembered notify")
    func takenAndMadeAgain() {
        // Wrong: a notify is remembered although somebody is in line.
        let result = exhaust(program: NotifyPrograms.takenAndMadeAgain())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("ticket, look, wait: nobody sleeps through a notify of all", arguments: [(1, 0), (1, 1)])
    func ticketLookWait(waiters: Int, impatient: Int) {
        // Wrong: a waiter that found the flag down sleeps although it is up.
        let program = NotifyPrograms.ticketLookWait(waiters: waiters, impatient: impatient)
        let result = exhaust(waiters, impatient, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("ticket, look, wait by two")
    func ticketLookWaitOfTwo() {
        // Wrong: as above, with two in the list.
        let program = NotifyPrograms.ticketLookWait(waiters: 2, impatient: 1)
        let result = exhaustAroundLock(program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what came before a call is seen whatever happens behind it")
    func edges() {
        // Wrong: an edge is lost with a second notify, or with a wait that is given up.
        for program in [
            NotifyPrograms.forgotten(), NotifyPrograms.keptEdge(), NotifyPrograms.twoCalls(),
        ] {
            let result = exhaustAroundLock(program: program)
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("a withdrawal tells the truth", arguments: [false, true])
    func withdrawal(ofAll: Bool) {
        // Wrong: a notify is spent on one that has gone, or a waiter has gone and is woken.
        let result = exhaust(ofAll, program: NotifyPrograms.withdrawal(ofAll: ofAll))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
