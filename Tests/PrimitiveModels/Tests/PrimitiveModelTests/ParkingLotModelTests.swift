// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the parking lot, of one bucket: all addresses meet there.
enum ParkingLotPrograms {
    /// A flag that is raised behind the back of those who look at it and park.
    static func flag(waiters: Int, impatient: Int = 0) -> (Model) -> Void {
        { model in
            let lot = ParkingLot(bucketCount: 1)
            let flag = Atomic(0)
            let cell = PlainCell(0)
            model.thread("raiser") {
                cell.store(1)
                flag.store(1, ordering: .relaxed)  // The lot publishes it.
                lot.unparkAll(at: 8)
            }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    let deadline = number < impatient ? MonotonicInstant(nanoseconds: 1) : .never
                    let end = lot.park(at: 8, until: deadline) {
                        flag.load(ordering: .relaxed) == 0
                    }
                    model.check(end != .timedOut || number < impatient)
                    // One that found the flag up may be before the unpark: nothing is published.
                    if end == .unparked { model.check(cell.load() == 1) }
                }
            }
            model.finally {
                let count = lot.unparkAll(at: 8)
                model.check(count == 0, "somebody is left")
            }
        }
    }

    /// Waiters of two addresses and one unpark of each.
    static func strangers() -> (Model) -> Void {
        { model in
            let lot = ParkingLot(bucketCount: 1)
            let flags = (0...1).map { _ in Shared(Atomic(0)) }
            for number in 0...1 {
                model.thread("waiter \(number)") {
                    let end = lot.park(at: UInt(number), until: .never) {
                        flags[number].value.load(ordering: .relaxed) == 0
                    }
                    model.check(end != .timedOut)
                    model.check(flags[number].value.load(ordering: .relaxed) == 1)
                }
            }
            model.thread("raiser") {
                for number in [1, 0] {
                    flags[number].value.store(1, ordering: .relaxed)
                    lot.unparkOne(at: UInt(number))
                }
            }
        }
    }

    /// The lock of WebKit: the word says whether somebody waits, which an unpark tells it.
    static func lock(_ turns: [Int], impatient: Int = 0) -> (Model) -> Void {
        { model in
            let lot = ParkingLot(bucketCount: 1)
            let word = Shared(Atomic(0))
            let cell = PlainCell(0)
            let passed = Tally()
            for (number, count) in turns.enumerated() {
                model.thread("locker \(number)") {
                    let deadline = number < impatient ? MonotonicInstant(nanoseconds: 1) : .never
                    for _ in 0..<count {
                        if !lock(word.value, lot, until: deadline) { continue }
                        cell.store(cell.load() + 1)
                        passed.add(number)
                        unlock(word.value, lot)
                    }
                }
            }
            model.finally {
                model.check(cell.load() == passed.values.count, "a turn is lost")
                model.check(word.value.load(ordering: .relaxed) & 1 == 0)
            }
        }
    }

    private static func lock(
        _ word: borrowing Atomic<Int>, _ lot: borrowing ParkingLot,
        until deadline: MonotonicInstant
    ) -> Bool {
        var old = word.load(ordering: .relaxed)
        while true {
            if old & 1 == 0 {
                let (isExchanged, current) = word.compareExchange(
                    expected: old, desired: old | 1, successOrdering: .acquiring,
                    failureOrdering: .relaxed)
                if isExchanged { return true }
                old = current
                continue
            }
            _ = word.compareExchange(expected: 1, desired: 3, ordering: .relaxed)
            let end = lot.park(at: 8, until: deadline) { word.load(ordering: .relaxed) == 3 }
            if end == .timedOut { return false }
            old = word.load(ordering: .relaxed)
        }
    }

    private static func unlock(_ word: borrowing Atomic<Int>, _ lot: borrowing ParkingLot) {
        let (isExchanged, _) = word.compareExchange(
            expected: 1, desired: 0, successOrdering: .releasing, failureOrdering: .relaxed)
        if isExchanged { return }
        lot.unparkOne(at: 8) { word.store($0.isMore ? 2 : 0, ordering: .releasing) }
    }

    /// A raw waiter that another thread withdraws while an unpark comes.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let lot = ParkingLot(bucketCount: 1)
            let wait = RawWait(key: 8)
            let outcome = OutcomeBox()
            let place = lot.place(at: 8) { true }
            let unparked = Tally()
            model.thread("unparker") { if lot.unparkOne(at: 8) { unparked.add(1) } }
            model.thread("waiter") { outcome.value.admission = wait.enqueue(on: place) }
            model.thread("canceller") { outcome.value.withdrawal = wait.withdraw(from: place) }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: wait.wakeCount)
                model.check(isGranted == (unparked.values.count == 1))
            }
        }
    }
}

@Suite("Models of ParkingLot")
struct ParkingLotModelTests {
    @Test("nobody sleeps through a change", arguments: [(1, 0), (1, 1)])
    func flag(waiters: Int, impatient: Int) {
        // Wrong: a change comes between the validation and the sleep, and is lost.
        let program = ParkingLotPrograms.flag(waiters: waiters, impatient: impatient)
        let result = exhaust(waiters, impatient, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("two wait for a change")
    func flagOfTwo() {
        // Wrong: as above, with two in the bucket.
        let result = exhaustAroundLock(program: ParkingLotPrograms.flag(waiters: 2, impatient: 1))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("addresses in one bucket are apart")
    func strangers() {
        // Wrong: an unpark goes to a stranger, and its own waiter sleeps on.
        let result = exhaustAroundLock(program: ParkingLotPrograms.strangers())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a lock of one word over a lot", arguments: [[1, 1], [1, 1, 1]], [0, 1])
    func lock(turns: [Int], impatient: Int) {
        // Wrong: two are inside, or one sleeps beside a free lock.
        let program = ParkingLotPrograms.lock(turns, impatient: impatient)
        let result = exhaustAroundLock(turns, impatient, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a withdrawal tells the truth")
    func withdrawal() {
        // Wrong: an unpark is spent on one that has gone.
        let result = exhaust(program: ParkingLotPrograms.withdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
