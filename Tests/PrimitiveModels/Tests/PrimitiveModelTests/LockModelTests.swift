// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the fair lock.
enum FairLockPrograms {
    /// How a thread asks for the lock.
    enum Way {
        case waiting
        case waitingInTime
        case trying
    }

    /// Threads that each take one turn: none is lost, and each sees what the last one did.
    static func turns(_ ways: [Way]) -> (Model) -> Void {
        { model in
            let cell = PlainCell(0)
            let lock = FairLock(0)
            let passed = Tally()
            for (number, way) in ways.enumerated() {
                model.thread("\(way) \(number)") {
                    let isThrough = turn(way, lock) { value in
                        // The model sees the cell; the value must follow it.
                        model.check(cell.load() == value)
                        value += 1
                        cell.store(value)
                    }
                    if isThrough { passed.add(number) }
                    if case .waiting = way { model.check(isThrough) }
                }
            }
            model.finally {
                model.check(!lock.isLocked, "the lock is held at the end")
                model.check(cell.load() == passed.values.count, "a turn is lost")
            }
        }
    }

    private static func turn(
        _ way: Way, _ lock: borrowing FairLock<Int>, _ body: (inout Int) -> Void
    ) -> Bool {
        switch way {
        case .waiting:
            lock.withLock(body)
            return true
        case .waitingInTime:
            return lock.withLock(until: MonotonicInstant(nanoseconds: 1), body) != nil
        case .trying:
            return lock.withLockIfFree(body) != nil
        }
    }
}

@Suite("Models of FairLock")
struct LockModelTests {
    @Test(
        "it excludes, hands over, and forgets nobody",
        arguments: [
            [.waiting, .waiting], [.waiting, .waitingInTime], [.waiting, .trying],
            [.waitingInTime, .waitingInTime],
        ] as [[FairLockPrograms.Way]])
    func turns(ways: [FairLockPrograms.Way]) {
        // Wrong: two are inside, one sleeps although the lock is free, or an edge is missing.
        let result = exhaust(ways, program: FairLockPrograms.turns(ways))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "three take turns",
        arguments: [
            [.waiting, .waiting, .waiting], [.waiting, .waitingInTime, .trying],
        ] as [[FairLockPrograms.Way]])
    func turnsOfThree(ways: [FairLockPrograms.Way]) {
        // Wrong: as above, with two in the list.
        let result = exhaustAroundLock(ways, program: FairLockPrograms.turns(ways))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
