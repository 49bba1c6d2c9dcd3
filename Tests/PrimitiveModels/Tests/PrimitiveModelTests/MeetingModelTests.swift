// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the manual-reset event.
enum ManualEventPrograms {
    /// Threads that set the flag, and threads that wait for it.
    static func passing(setters: Int, waiters: Int) -> (Model) -> Void {
        { model in
            let event = ManualResetEvent()
            let cells = (0..<setters).map { _ in PlainCell(0) }
            for number in 0..<setters {
                model.thread("setter \(number)") {
                    cells[number].store(1)
                    event.set()
                }
            }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    let isThrough = event.blockingWait(until: .never)
                    model.check(isThrough)
                    if setters == 1 { model.check(cells[0].load() == 1) }
                }
            }
            model.finally {
                model.check(event.isSet)
                for cell in cells { model.check(cell.load() == 1) }
            }
        }
    }

    /// One who sleeps and one who looks: the set that wakes the one lets the other through, too.
    static func polling() -> (Model) -> Void {
        { model in
            let event = ManualResetEvent()
            let cell = PlainCell(0)
            model.thread("setter") {
                cell.store(1)
                event.set()
            }
            model.thread("waiter") {
                _ = event.blockingWait(until: MonotonicInstant(nanoseconds: 1))
            }
            model.thread("poller") {
                if event.isSet { model.check(cell.load() == 1) }
            }
        }
    }

    /// Reset, look, wait, until so many pieces of work have been found.
    static func resetLookWait(_ count: Int) -> (Model) -> Void {
        { model in
            let event = ManualResetEvent()
            let announced = Atomic(0)
            let cells = (0..<count).map { _ in PlainCell(0) }
            model.thread("announcer") {
                for number in 0..<count {
                    cells[number].store(1)
                    announced.store(number + 1, ordering: .relaxed)  // The set publishes it.
                    event.set()
                }
            }
            model.thread("worker") {
                while true {  // Ends: each round but the first follows a set.
                    event.reset()
                    if announced.load(ordering: .relaxed) == count { break }
                    let isThrough = event.blockingWait(until: .never)
                    model.check(isThrough)
                }
            }
        }
    }

    /// A set that finds the flag set hands over what was done before it to who resets.
    static func forgottenSet() -> (Model) -> Void {
        { model in
            let event = ManualResetEvent(isSet: true)
            let cell = PlainCell(0)
            let wasSet = Atomic(false)
            model.thread("setter") {
                cell.store(1)
                event.set()
                wasSet.store(true, ordering: .relaxed)
            }
            model.thread("other") {
                // Relaxed: that the set has been is known, but only the event may carry the cell.
                let isBehind = wasSet.load(ordering: .relaxed)
                let wasRaised = event.reset()
                model.check(wasRaised)
                if isBehind { model.check(cell.load() == 1) }
            }
        }
    }

    /// Two sets, of which one found a waiter that has given up meanwhile.
    static func overtaken() -> (Model) -> Void {
        { model in
            let event = ManualResetEvent()
            let cells = [PlainCell(0), PlainCell(0)]
            let haveSet = Shared(Atomic(0))
            model.thread("waiter") {
                _ = event.blockingWait(until: MonotonicInstant(nanoseconds: 1))
                let count = haveSet.value.load(ordering: .relaxed)
                // A reset that finds the flag set is behind both; one that does not may be before.
                if count == 2, event.reset() {
                    for cell in cells { model.check(cell.load() == 1) }
                }
            }
            for number in 0...1 {
                model.thread("setter \(number)") {
                    cells[number].store(1)
                    event.set()
                    haveSet.value.add(1, ordering: .relaxed)
                }
            }
        }
    }

    /// Waits whose deadlines may pass at any moment, next to a set.
    static func deadlines(waiters: Int) -> (Model) -> Void {
        { model in
            let event = ManualResetEvent()
            let cell = PlainCell(0)
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    let isThrough = event.blockingWait(until: MonotonicInstant(nanoseconds: 1))
                    if isThrough { model.check(cell.load() == 1) }
                }
            }
            model.thread("setter") {
                cell.store(1)
                event.set()
            }
            model.finally { model.check(event.isSet, "the set is lost") }
        }
    }

    /// A raw waiter that another thread withdraws while the flag is set.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let event = ManualResetEvent()
            let wait = RawWait()
            let outcome = OutcomeBox()
            model.thread("setter") { event.set() }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: event) }
            model.thread("canceller") { outcome.value.withdrawal = wait.withdraw(from: event) }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted != nil, "\(outcome.value), woken \(wait.wakeCount) times")
                model.check(event.isSet, "the set is lost")
            }
        }
    }
}

/// Programs with the latch and the barrier.
enum MeetingPrograms {
    /// Threads that count down, one who waits and one who looks.
    static func latch(_ steps: [Int]) -> (Model) -> Void {
        { model in
            let latch = Latch(count: steps.reduce(0, +))
            let cells = steps.map { _ in PlainCell(0) }
            for (number, count) in steps.enumerated() {
                model.thread("worker \(number)") {
                    cells[number].store(1)
                    for _ in 0..<count { latch.countDown() }
                }
            }
            model.thread("waiter") {
                if !latch.isOpen {
                    let isOpen = latch.blockingWait(until: .never)
                    model.check(isOpen)
                }
                for cell in cells { model.check(cell.load() == 1) }
            }
            model.finally { model.check(latch.isOpen) }
        }
    }

    /// A latch that is opened for one who waits, and one who only looks.
    static func polledLatch() -> (Model) -> Void {
        { model in
            let latch = Latch(count: 1)
            let cell = PlainCell(0)
            model.thread("worker") {
                cell.store(1)
                latch.countDown()
            }
            model.thread("waiter") { _ = latch.blockingWait(until: .never) }
            model.thread("poller") {
                if latch.isOpen { model.check(cell.load() == 1) }
            }
        }
    }

    /// Threads that meet so often; the first is impatient at its first meeting and then comes back.
    static func barrier(_ members: Int, phases: Int, isImpatient: Bool = false) -> (Model) -> Void {
        { model in
            let barrier = CyclicBarrier(memberCount: members)
            let cells = (0..<members).map { _ in (0..<phases).map { _ in PlainCell(0) } }
            let leaders = Tally()
            for number in 0..<members {
                model.thread("member \(number)") {
                    for phase in 0..<phases {
                        cells[number][phase].store(1)
                        var role: CyclicBarrier.Role?
                        if isImpatient, number == 0, phase == 0 {
                            role = barrier.blockingWait(until: MonotonicInstant(nanoseconds: 1))
                        }
                        role = role ?? barrier.blockingWait(until: .never)
                        model.check(role != nil)
                        if role == .leader { leaders.add(phase) }
                        for cell in cells { model.check(cell[phase].load() == 1) }
                    }
                }
            }
            model.finally {
                model.check(leaders.values.sorted() == Array(0..<phases), "two leaders, or none")
                model.check(barrier.arrivalCount == 0, "an arrival is left")
            }
        }
    }

    /// A raw arrival that another thread withdraws while the phase is completed.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let barrier = CyclicBarrier(memberCount: 2)
            let waits = [RawWait(), RawWait()]
            let outcomes = [OutcomeBox(), OutcomeBox()]
            for number in 0...1 {
                model.thread("member \(number)") {
                    outcomes[number].value.admission = waits[number].enqueue(on: barrier)
                }
            }
            model.thread("canceller") {
                outcomes[0].value.withdrawal = waits[0].withdraw(from: barrier)
            }
            model.finally {
                let passed = (0...1).map {
                    outcomes[$0].value.isGranted(wakes: waits[$0].wakeCount)
                }
                model.check(passed[0] != nil)
                model.check(passed[0] == passed[1], "one passed without the other")
                model.check(barrier.arrivalCount == (passed[0] == true ? 0 : 1))
            }
        }
    }
}

@Suite("Models of ManualResetEvent, Latch and CyclicBarrier")
struct MeetingModelTests {
    @Test("a set lets all through", arguments: [(1, 1), (2, 1)])
    func passing(setters: Int, waiters: Int) {
        // Wrong: a waiter sleeps on although the flag is set, or passes without the edge.
        let program = ManualEventPrograms.passing(setters: setters, waiters: waiters)
        let result = exhaust(setters, waiters, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a set lets both of two through")
    func passingOfTwo() {
        // Wrong: as above, with two in the list.
        let result = exhaustAroundLock(program: ManualEventPrograms.passing(setters: 1, waiters: 2))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("reset, look, wait misses nothing", arguments: [1, 2])
    func resetLookWait(count: Int) {
        // Wrong: a set that meets a reset is lost, and the worker sleeps for ever.
        let result = exhaust(count, program: ManualEventPrograms.resetLookWait(count))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a set has its edge to who looks and who resets, also when the flag is set")
    func edges() {
        // Wrong: the documentation promises an edge that is not there.
        for program in [
            ManualEventPrograms.polling(), ManualEventPrograms.forgottenSet(),
        ] {
            let result = exhaust(program: program)
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("two sets and a waiter that gives up meet")
    func overtaken() {
        // Wrong: the set that came first loses its edge to the one under the lock.
        let result = exhaustAroundLock(program: ManualEventPrograms.overtaken())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a deadline, a withdrawal and a set meet")
    func deadlines() {
        // Wrong: a waiter that gave up is woken, or the set is lost with it.
        for program in [
            ManualEventPrograms.deadlines(waiters: 1), ManualEventPrograms.withdrawal(),
        ] {
            let result = exhaust(program: program)
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("deadlines of two waiters and a set meet")
    func deadlinesOfTwo() {
        // Wrong: as above, or one that gives up hides the other from the set.
        let result = exhaustAroundLock(program: ManualEventPrograms.deadlines(waiters: 2))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a latch opens when all is done, and has its edges", arguments: [[1], [2], [1, 1]])
    func latch(steps: [Int]) {
        // Wrong: it opens early, never, or without what was done before.
        let result = exhaust(steps, program: MeetingPrograms.latch(steps))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("who finds a latch open that was opened for a waiter has seen the work")
    func polledLatch() {
        // Wrong: the last step is released by a lock that the poller does not take.
        let result = exhaust(program: MeetingPrograms.polledLatch())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("two meet", arguments: [(1, false), (2, false), (1, true)])
    func barrier(phases: Int, isImpatient: Bool) {
        // Wrong: one runs ahead, sleeps on, or does not see the other's work; no or two leaders.
        let program = MeetingPrograms.barrier(2, phases: phases, isImpatient: isImpatient)
        let result = exhaust(phases, isImpatient, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("three meet", arguments: [1, 2])
    func barrierOfThree(phases: Int) {
        // Wrong: as above, with two in the list.
        let result = exhaustAroundLock(phases, program: MeetingPrograms.barrier(3, phases: phases))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a withdrawal and the last arrival meet")
    func withdrawal() {
        // Wrong: a phase is complete with one who has gone, or an arrival is counted twice.
        let result = exhaust(program: MeetingPrograms.withdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
