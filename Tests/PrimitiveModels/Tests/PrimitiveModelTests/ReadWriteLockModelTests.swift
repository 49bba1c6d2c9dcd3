// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking
import Testing
import WaitPrimitives

/// Programs with the fair read-write lock.
enum ReadWriteLockPrograms {
    /// How a thread asks for the lock: to read or to write.
    enum Way {
        case reading
        case readingInTime
        case readingIfFree
        case writing
        case writingInTime
        case writingIfFree

        var isWriting: Bool {
            switch self {
            case .reading, .readingInTime, .readingIfFree: false
            case .writing, .writingInTime, .writingIfFree: true
            }
        }

        var mustPass: Bool { self == .reading || self == .writing }
    }

    /// Threads that each make their turns: no write is lost, each reader sees what the last writer
    /// did, and each writer what the readers before it did.
    static func turns(_ threads: [[Way]]) -> (Model) -> Void {
        { model in
            let cell = PlainCell(0)
            let marks = threads.map { _ in PlainCell(0) }
            let lock = FairReadWriteLock(0)
            let writes = Tally()
            for (number, ways) in threads.enumerated() {
                model.thread("\(ways) \(number)") {
                    for way in ways {
                        let isThrough = turn(way, lock) { value in
                            model.check(cell.load() == value)
                            marks[number].store(marks[number].load() + 1)
                        } write: { value in
                            model.check(cell.load() == value)
                            for mark in marks { mark.store(0) }
                            value += 1
                            cell.store(value)
                            writes.add(number)
                        }
                        if way.mustPass { model.check(isThrough) }
                    }
                }
            }
            model.finally {
                model.check(lock.readerCount == 0 && !lock.isWriting, "it is held at the end")
                model.check(lock.withWriteLockIfFree { _ in true } == true, "somebody waits")
                model.check(cell.load() == writes.values.count, "a turn is lost")
            }
        }
    }

    private static func turn(
        _ way: Way, _ lock: borrowing FairReadWriteLock<Int>, read: (Int) -> Void,
        write: (inout Int) -> Void
    ) -> Bool {
        let past = MonotonicInstant(nanoseconds: 1)
        switch way {
        case .reading:
            lock.withReadLock { read(copy $0) }
            return true
        case .readingInTime:
            return lock.withReadLock(until: past) { read(copy $0) } != nil
        case .readingIfFree:
            return lock.withReadLockIfFree { read(copy $0) } != nil
        case .writing:
            lock.withWriteLock(write)
            return true
        case .writingInTime:
            return lock.withWriteLock(until: past, write) != nil
        case .writingIfFree:
            return lock.withWriteLockIfFree(write) != nil
        }
    }

    /// Readers that must be inside together: each waits until the other has come in.
    static func together() -> (Model) -> Void {
        { model in
            let lock = FairReadWriteLock(0)
            let arrivals = (0...1).map { _ in Shared(AutoResetEvent()) }
            for number in 0...1 {
                model.thread("reader \(number)") {
                    lock.withReadLock { _ in
                        arrivals[1 - number].value.set()
                        let isMet = arrivals[number].value.blockingWait(until: .never)
                        model.check(isMet)
                    }
                }
            }
        }
    }

    /// One who writes and then reads, one who queues to write and gives up, and a reader who may
    /// have waited for that one: it has seen what was written.
    static func joining() -> (Model) -> Void {
        { model in
            let lock = FairReadWriteLock(0)
            let cell = PlainCell(0)
            let holder = RawWait(key: LockAccess.write.rawValue)
            let quitter = RawWait(key: LockAccess.write.rawValue)
            let admission = holder.enqueue(on: lock)
            model.check(admission == .granted)
            model.thread("writer") {
                cell.store(1)
                unsafe lock.withGrantedWriteLock { _ in }  // SAFETY: granted above.
                lock.withReadLockIfFree { _ in }
            }
            model.thread("quitter") {
                let isQueued = quitter.enqueue(on: lock) == .queued
                if isQueued, quitter.withdraw(from: lock) == .removed { return }
                // SAFETY: granted, at once or just before the withdrawal.
                unsafe lock.withGrantedWriteLock { _ in }
            }
            model.thread("reader") {
                lock.withReadLock { _ in model.check(cell.load() == 1) }
            }
        }
    }

    /// A reader waits already for one who writes; another, who never waited, may come in beside it
    /// and has seen what was written.
    static func following() -> (Model) -> Void {
        { model in
            let lock = FairReadWriteLock(0)
            let cell = PlainCell(0)
            let holder = RawWait(key: LockAccess.write.rawValue)
            let waiting = RawWait(key: LockAccess.read.rawValue)
            let admission = holder.enqueue(on: lock)
            model.check(admission == .granted)
            let isQueued = waiting.enqueue(on: lock) == .queued
            model.check(isQueued)
            model.thread("writer") {
                cell.store(1)
                unsafe lock.withGrantedWriteLock { _ in }  // SAFETY: granted above.
            }
            model.thread("reader") {
                lock.withReadLockIfFree { _ in model.check(cell.load() == 1) }
            }
            model.finally {
                model.check(waiting.wakeCount == 1, "who waited was not woken")
                model.check(lock.readerCount == 1 && !lock.isWriting)
                unsafe lock.withGrantedReadLock { _ in }  // SAFETY: the wake was the grant.
            }
        }
    }

    /// A raw wait to write that another thread withdraws while a reader is inside, and a reader
    /// that waits behind it.
    static func withdrawal() -> (Model) -> Void {
        { model in
            let lock = FairReadWriteLock(0)
            let cell = PlainCell(0)
            lock.withWriteLock { _ in cell.store(1) }
            let writer = RawWait(key: LockAccess.write.rawValue)
            let outcome = OutcomeBox()
            let holder = RawWait()
            let admission = holder.enqueue(on: lock)
            model.check(admission == .granted)
            model.thread("writer") { outcome.value.admission = writer.enqueue(on: lock) }
            model.thread("canceller") {
                let withdrawal = writer.withdraw(from: lock)
                outcome.value.withdrawal = withdrawal
            }
            model.thread("readers") {
                unsafe lock.withGrantedReadLock { _ in }  // SAFETY: granted above.
                let isIn = lock.withReadLock(until: MonotonicInstant(nanoseconds: 1)) { _ in true }
                if isIn != nil { model.check(cell.load() == 1) }
            }
            model.finally {
                let isGranted = outcome.value.isGranted(wakes: writer.wakeCount)
                model.check(isGranted != nil, "\(outcome.value), woken \(writer.wakeCount) times")
                model.check(lock.isWriting == (isGranted == true))
            }
        }
    }
}

@Suite("Models of FairReadWriteLock")
struct ReadWriteLockModelTests {
    @Test(
        "it excludes, lets readers in together, hands over, and forgets nobody",
        arguments: [
            [[.writing], [.writing]], [[.writing], [.reading]], [[.reading], [.reading]],
            [[.writing], [.readingInTime]], [[.writingInTime], [.reading]],
            [[.writingIfFree], [.reading]], [[.writing], [.readingIfFree]],
            [[.writingInTime], [.writing]],
        ] as [[[ReadWriteLockPrograms.Way]]])
    func turns(threads: [[ReadWriteLockPrograms.Way]]) {
        // Wrong: a writer is inside with another, one sleeps although it could go in, or an edge is
        // missing.
        let result = exhaust(threads, program: ReadWriteLockPrograms.turns(threads))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "three take turns",
        arguments: [
            [[.writing], [.reading], [.reading]], [[.writing], [.writing], [.reading]],
            [[.writingInTime], [.readingInTime], [.writing]],
        ] as [[[ReadWriteLockPrograms.Way]]])
    func turnsOfThree(threads: [[ReadWriteLockPrograms.Way]]) {
        // Wrong: as above, with two in the lists; a reader waits for a writer that has gone.
        let result = exhaustAroundLock(threads, program: ReadWriteLockPrograms.turns(threads))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("three take four turns")
    func fourTurns() {
        // Wrong: as above, with a reader that was the writer.
        let threads: [[ReadWriteLockPrograms.Way]] = [
            [.writing, .reading], [.writingInTime], [.reading],
        ]
        let result = exhaustAroundLock(
            isLarge: true, program: ReadWriteLockPrograms.turns(threads))
        #expect(result.holds, "\(result)")
    }

    @Test("readers that join behind a writer that has gone see the last write")
    func joining() {
        // Wrong: they are let in by one who has seen nothing of it.
        let result = exhaustAroundLock(program: ReadWriteLockPrograms.joining())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a reader that comes in beside one who had waited sees the last write")
    func following() {
        // Wrong: it reads what the writer has left without having seen it.
        let result = exhaust(program: ReadWriteLockPrograms.following())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("two readers are inside together")
    func together() {
        // Wrong: readers exclude each other: deadlock.
        let result = exhaustAroundLock(program: ReadWriteLockPrograms.together())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a writer that is withdrawn says the truth and holds nobody up")
    func withdrawal() {
        // Wrong: the lock is given to one that has gone, or a reader sleeps behind it.
        let result = exhaustAroundLock(program: ReadWriteLockPrograms.withdrawal())
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }
}
