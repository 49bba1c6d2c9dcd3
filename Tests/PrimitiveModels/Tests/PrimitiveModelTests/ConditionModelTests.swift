// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the condition variable.
enum ConditionPrograms {
    /// Takers that each take a token from under the lock, patient ones and impatient ones that put
    /// theirs back, and a giver that signals behind the lock or under it.
    static func tokens(
        patient: Int, impatient: Int, signalsUnderLock: Bool = false
    ) -> (Model) -> Void {
        { model in
            let lock = FairLock(0)
            let cell = PlainCell(0)  // The model sees the cell; the value must follow it.
            let condition = ConditionVariable()
            let passed = Tally()
            let give = { () -> Void in
                lock.withLock { tokens in
                    model.check(cell.load() == tokens)
                    tokens += 1
                    cell.store(tokens)
                    if signalsUnderLock { condition.signal() }
                }
                if !signalsUnderLock { condition.signal() }
            }
            let take = { (deadline: MonotonicInstant) -> Bool in
                lock.withLock(
                    on: condition,
                    when: { tokens in
                        model.check(cell.load() == tokens)
                        return tokens > 0
                    }, until: deadline
                ) { tokens -> Void in
                    tokens -= 1
                    cell.store(tokens)
                } != nil
            }
            model.thread("giver") { for _ in 0..<max(1, patient) { give() } }
            for number in 0..<patient {
                model.thread("taker \(number)") {
                    let isTaken = take(.never)
                    model.check(isTaken)
                    passed.add(number)
                }
            }
            for number in 0..<impatient {
                model.thread("impatient \(number)") {
                    if take(MonotonicInstant(nanoseconds: 1)) { give() }
                }
            }
            model.finally {
                model.check(!lock.isLocked, "the lock is held at the end")
                let isAnyLeft = condition.signal()
                model.check(!isAnyLeft, "somebody is left in line")
                model.check(passed.values.count == patient)
                model.check(cell.load() == max(1, patient) - patient, "a token is lost")
            }
        }
    }

    /// A buffer of one place, with a condition for each side.
    static func buffer(_ count: Int) -> (Model) -> Void {
        { model in
            let lock = FairLock(0)
            let notEmpty = ConditionVariable()
            let notFull = ConditionVariable()
            let cell = PlainCell(0)
            model.thread("producer") {
                for number in 1...count {
                    lock.withLock(on: notFull, when: { $0 == 0 }) { place in
                        place = number
                        cell.store(number)
                    }
                    notEmpty.signal()
                }
            }
            model.thread("consumer") {
                for number in 1...count {
                    lock.withLock(on: notEmpty, when: { $0 != 0 }) { place in
                        model.check(place == number && cell.load() == number)
                        place = 0
                        notFull.signal()
                    }
                }
            }
        }
    }

    /// A broadcast lets all look again.
    static func broadcast(waiters: Int) -> (Model) -> Void {
        { model in
            let lock = FairLock(false)
            let condition = ConditionVariable()
            let cell = PlainCell(0)
            model.thread("opener") {
                lock.withLock { isOpen in
                    isOpen = true
                    cell.store(1)
                }
                condition.broadcast()
            }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    lock.withLock(on: condition, when: { copy $0 }) { _ in
                        model.check(cell.load() == 1)
                    }
                }
            }
        }
    }

    /// A raw waiter that another thread withdraws while a signal comes.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let condition = ConditionVariable()
            let wait = RawWait()
            let outcome = OutcomeBox()
            let isSpent = Atomic(false)
            model.thread("signaller") { isSpent.store(condition.signal(), ordering: .relaxed) }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: condition) }
            model.thread("canceller") { outcome.value.withdrawal = wait.withdraw(from: condition) }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted != nil, "\(outcome.value), woken \(wait.wakeCount) times")
                model.check(isGranted == isSpent.load(ordering: .relaxed))
            }
        }
    }
}

@Suite("Models of ConditionVariable")
struct ConditionModelTests {
    @Test("a wait between lock and signal is not lost", arguments: [false, true])
    func oneToken(signalsUnderLock: Bool) {
        // Wrong: a signal comes between the look and the sleep, and is lost.
        let result = exhaust(
            signalsUnderLock,
            program: ConditionPrograms.tokens(
                patient: 1, impatient: 0, signalsUnderLock: signalsUnderLock))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a deadline meets a signal")
    func impatient() {
        // Wrong: who gives up keeps the lock, or stays in line.
        let result = exhaust(program: ConditionPrograms.tokens(patient: 0, impatient: 1))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("who was signalled and gives up passes it on", arguments: [(1, 1), (2, 0)])
    func passingOn(patient: Int, impatient: Int) {
        // Wrong: a signal dies with who gave up on the lock, and another sleeps beside a token.
        let result = exhaustAroundLock(
            patient, impatient, isLarge: true,
            program: ConditionPrograms.tokens(patient: patient, impatient: impatient))
        #expect(result.holds, "\(result)")
    }

    @Test("a buffer of one place goes to and fro")
    func buffer() {
        // Wrong: one of the two sleeps although the other has signalled.
        let result = exhaustAroundLock(isLarge: true, program: ConditionPrograms.buffer(2))
        #expect(result.holds, "\(result)")
    }

    @Test("a broadcast reaches all", arguments: [1, 2])
    func broadcast(waiters: Int) {
        // Wrong: somebody sleeps on although the door is open.
        let result = exhaustAroundLock(
            waiters, isLarge: waiters > 1,
            program: ConditionPrograms.broadcast(waiters: waiters))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive || waiters > 1)
    }

    @Test("a withdrawal tells the truth")
    func withdrawal() {
        // Wrong: a signal is spent on one that has gone.
        let result = exhaust(program: ConditionPrograms.withdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
