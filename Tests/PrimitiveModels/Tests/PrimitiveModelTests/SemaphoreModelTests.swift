// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the semaphore and the auto-reset event, which share the permit gate.
enum SemaphorePrograms {
    /// Threads that take a permit of one so often, use what it guards, and give it back.
    static func mutex(_ turns: [Int]) -> (Model) -> Void {
        { model in
            let semaphore = CountingSemaphore(permitCount: 1, permitCountMax: 1)
            let cell = PlainCell(0)
            for (number, count) in turns.enumerated() {
                model.thread("user \(number)") {
                    for _ in 0..<count {
                        let isTaken = semaphore.blockingWait(until: .never)
                        model.check(isTaken)
                        cell.store(cell.load() + 1)
                        let isGiven = semaphore.signal()
                        model.check(isGiven)
                    }
                }
            }
            model.finally {
                model.check(cell.load() == turns.reduce(0, +))
                model.check(semaphore.permitCount == 1, "a permit is lost or doubled")
            }
        }
    }

    /// Threads that give so many permits each, one by one, and threads that wait for so many each.
    static func handOver(_ gives: [Int], _ takes: [Int]) -> (Model) -> Void {
        { model in
            let semaphore = CountingSemaphore(permitCount: 0)
            let cells = gives.map { _ in PlainCell(0) }
            for (number, count) in gives.enumerated() {
                model.thread("giver \(number)") {
                    cells[number].store(1)
                    for _ in 0..<count { semaphore.signal() }
                }
            }
            for (number, count) in takes.enumerated() {
                model.thread("taker \(number)") {
                    for _ in 0..<count {
                        let isTaken = semaphore.blockingWait(until: .never)
                        model.check(isTaken)
                    }
                    if gives.count == 1 { model.check(cells[0].load() == 1) }
                }
            }
            model.finally {
                let rest = gives.reduce(0, +) - takes.reduce(0, +)
                model.check(semaphore.permitCount == rest, "a permit is lost or doubled")
            }
        }
    }

    /// Two permits in one signal, for one who waits and one who tries.
    static func batch() -> (Model) -> Void {
        { model in
            let semaphore = CountingSemaphore(permitCount: 0)
            let cell = PlainCell(0)
            let taken = Tally()
            model.thread("giver") {
                cell.store(1)
                semaphore.signal(2)
            }
            model.thread("waiter") {
                let isTaken = semaphore.blockingWait(until: .never)
                model.check(isTaken)
                model.check(cell.load() == 1)
                taken.add(1)
            }
            model.thread("trier") {
                if !semaphore.tryWait() { return }
                model.check(cell.load() == 1)
                taken.add(2)
            }
            model.finally { model.check(semaphore.permitCount + taken.values.count == 2) }
        }
    }

    /// Waits whose deadlines may pass at any moment, next to so many signals: each permit is with
    /// a waiter that was not told otherwise, or free.
    static func deadlines(waiters: Int, signals: Int) -> (Model) -> Void {
        { model in
            let semaphore = CountingSemaphore(permitCount: 0)
            let taken = Tally()
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    let deadline = MonotonicInstant(nanoseconds: 1)
                    if semaphore.blockingWait(until: deadline) { taken.add(number) }
                }
            }
            model.thread("giver") {
                for _ in 0..<signals { semaphore.signal() }
            }
            model.finally {
                let count = taken.values.count
                model.check(semaphore.permitCount + count == signals, "a permit is lost or doubled")
            }
        }
    }

    /// A raw waiter that another thread withdraws while a permit is given.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let semaphore = CountingSemaphore(permitCount: 0)
            let wait = RawWait()
            let outcome = OutcomeBox()
            model.thread("giver") { semaphore.signal() }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: semaphore) }
            model.thread("canceller") {
                outcome.value.withdrawal = wait.withdraw(from: semaphore)
            }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted != nil, "\(outcome.value), woken \(wait.wakeCount) times")
                model.check(
                    semaphore.permitCount == (isGranted == true ? 0 : 1), "a permit is lost")
            }
        }
    }

    /// Tries and signals whose answers must fit an order.
    static func history(_ signals: [Int], _ tries: [Int], maximum: Int) -> (Model) -> Void {
        { model in
            let semaphore = CountingSemaphore(permitCount: 0, permitCountMax: maximum)
            let history = model.history(of: PermitCount(maximum: maximum))
            for count in signals {
                model.thread("giver") {
                    for _ in 0..<count {
                        _ = history.record(.signal) { semaphore.signal() }
                    }
                }
            }
            for count in tries {
                model.thread("taker") {
                    for _ in 0..<count {
                        _ = history.record(.tryWait) { semaphore.tryWait() }
                    }
                }
            }
        }
    }

    /// An event that is set so often by each setter, and threads that wait for it once.
    static func event(_ sets: [Int], waiters: Int, tries: Int = 0) -> (Model) -> Void {
        { model in
            let event = AutoResetEvent()
            let cells = sets.map { _ in PlainCell(0) }
            let passed = Tally()
            for (number, count) in sets.enumerated() {
                model.thread("setter \(number)") {
                    cells[number].store(1)
                    for _ in 0..<count { event.set() }
                }
            }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    let deadline =
                        sets.reduce(0, +) >= waiters && waiters == 1 && tries == 0
                        ? MonotonicInstant.never : MonotonicInstant(nanoseconds: 1)
                    if event.blockingWait(until: deadline) { passed.add(number) }
                    if sets.count == 1, passed.values.contains(number) {
                        model.check(cells[0].load() == 1)
                    }
                }
            }
            for number in 0..<tries {
                model.thread("trier \(number)") {
                    if event.tryWait() { passed.add(10 + number) }
                }
            }
            model.finally {
                let count = passed.values.count + (event.isSet ? 1 : 0)
                model.check(count >= 1, "a set is lost")
                model.check(count <= sets.reduce(0, +), "a set let two through")
                for cell in cells { model.check(cell.load() == 1) }
            }
        }
    }

    /// A set that finds the flag set is forgotten, but what was done before it is seen.
    static func forgottenSet() -> (Model) -> Void {
        { model in
            let event = AutoResetEvent()
            let cell = PlainCell(0)
            let wasSet = Atomic(false)
            event.set()
            model.thread("setter") {
                cell.store(1)
                event.set()
                wasSet.store(true, ordering: .relaxed)
            }
            model.thread("waiter") {
                // Relaxed: that the set has been is known, but only the event may carry the cell.
                let isBehind = wasSet.load(ordering: .relaxed)
                let isThrough = event.tryWait()
                if isBehind {
                    model.check(isThrough)
                    model.check(cell.load() == 1)
                }
            }
        }
    }
}

/// A number of permits with a maximum.
struct PermitCount: SequentialSpecification {
    enum Operation {
        case signal
        case tryWait
    }

    var maximum: Int
    var initialState: Int { 0 }

    func apply(_ operation: Operation, _ result: Bool, to count: inout Int) -> Bool {
        switch operation {
        case .signal:
            let isPossible = count < maximum
            if isPossible { count += 1 }
            return result == isPossible
        case .tryWait:
            let isPossible = count > 0
            if isPossible { count -= 1 }
            return result == isPossible
        }
    }
}

@Suite("Models of CountingSemaphore and AutoResetEvent")
struct SemaphoreModelTests {
    @Test("a permit of one excludes", arguments: [[1, 1], [2, 1]])
    func mutex(turns: [Int]) {
        // Wrong: two threads have the permit, one sleeps although it is free, or it is lost.
        let result = exhaust(turns, program: SemaphorePrograms.mutex(turns))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "each permit reaches one waiter, and nobody sleeps on",
        arguments: [([1], [1]), ([2], [2]), ([1, 1], [1])])
    func handOver(gives: [Int], takes: [Int]) {
        // Wrong: a signal finds nobody and is lost, or lets two through.
        let result = exhaust(gives, takes, program: SemaphorePrograms.handOver(gives, takes))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("what a signal has left over is free, and has its edge")
    func batch() {
        // Wrong: permits are lost behind the waiters, or are taken without what the giver did.
        let result = exhaust(program: SemaphorePrograms.batch())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "the same with more of them",
        arguments: [([3], [3]), ([2], [1, 1]), ([1, 1], [1, 1]), ([2, 1], [2, 1])])
    func handOverToMany(gives: [Int], takes: [Int]) {
        // Wrong: as above; two waiters make the list and its order matter.
        let program = SemaphorePrograms.handOver(gives, takes)
        let isLarge = takes == [2, 1]
        let result = exhaustAroundLock(gives, takes, isLarge: isLarge, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive || isLarge)
    }

    @Test("deadlines and permits meet", arguments: [(1, 1), (1, 2)])
    func deadlines(waiters: Int, signals: Int) {
        // Wrong: a permit is granted to a waiter that has given up.
        let result = exhaust(
            waiters, signals,
            program: SemaphorePrograms.deadlines(waiters: waiters, signals: signals))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("deadlines of two waiters and permits meet", arguments: [1, 2])
    func deadlinesOfMany(signals: Int) {
        // Wrong: as above, with a second waiter to whom the permit goes on.
        let result = exhaustAroundLock(
            signals, program: SemaphorePrograms.deadlines(waiters: 2, signals: signals))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a withdrawal and a permit meet")
    func withdrawal() {
        // Wrong: a raw waiter is woken and withdrawn, or neither, or its permit is lost.
        let result = exhaust(program: SemaphorePrograms.withdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "tries and signals are linearizable",
        arguments: [([1, 1], [1, 1], 1), ([2], [2], 2), ([2, 1], [2], 2)])
    func linearizability(signals: [Int], tries: [Int], maximum: Int) {
        // Wrong: an answer fits no order: a permit is taken twice, or refused while one is free.
        let result = exhaust(
            signals, tries, maximum,
            program: SemaphorePrograms.history(signals, tries, maximum: maximum))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("tries and signals end alone while nobody waits")
    func soloProgress() {
        // Wrong: a try or a signal waits for somebody.
        let options = ModelOptions { $0.soloStepMax = 20 }
        let result = explore(
            .random(seed: 1, iterations: 10_000), options: options,
            program: SemaphorePrograms.history([2, 2], [2, 2], maximum: 2))
        #expect(result.holds, "\(result)")
    }

    @Test(
        "a set lets one through or is remembered",
        arguments: [([1], 1, 0), ([2], 1, 0), ([1, 1], 1, 0), ([1], 1, 1)])
    func event(sets: [Int], waiters: Int, tries: Int) {
        // Wrong: a set is lost, or lets two through.
        let result = exhaust(
            sets, waiters, tries,
            program: SemaphorePrograms.event(sets, waiters: waiters, tries: tries))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a set lets one of two through")
    func eventOfMany() {
        // Wrong: as above, with a second waiter.
        let result = exhaustAroundLock(program: SemaphorePrograms.event([1], waiters: 2))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a set that finds the flag set hands over what was done before it")
    func forgottenSet() {
        // Wrong: the documentation promises an edge that is not there.
        let result = exhaust(program: SemaphorePrograms.forgottenSet())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
