// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Fair read-write lock", .timeLimit(.minutes(20)))
struct FairReadWriteLockTests {
    /// Raw waiters, one for each letter: r reads, w writes.
    private func log(_ letters: String) -> WaitLog {
        WaitLog(keys: letters.map { ($0 == "w" ? LockAccess.write : .read).rawValue })
    }

    @Test("Readers are inside together, a writer alone, and results and errors come back")
    func accesses() {
        // If this failed, readers would exclude each other, or a writer would not.
        let lock = FairReadWriteLock(1)
        let sum = lock.withReadLockIfFree { outer in
            lock.withReadLockIfFree { inner in
                #expect(lock.readerCount == 2)
                lock.checkInvariants()
                #expect(lock.withWriteLockIfFree { _ in true } == nil)
                return outer + inner
            }
        }
        #expect(sum == 2)
        let isAlone = lock.withWriteLockIfFree { value in
            value += 1
            #expect(lock.isWriting == true)
            lock.checkInvariants()
            return lock.withReadLockIfFree { _ in true } == nil
                && lock.withWriteLockIfFree { _ in true } == nil
        }
        #expect(isAlone == true)
        #expect(throws: CancellationError.self) {
            try lock.withWriteLockIfFree { _ throws(CancellationError) in
                throw CancellationError()
            }
        }
        #expect(throws: CancellationError.self) {
            try lock.withReadLockIfFree { _ throws(CancellationError) in throw CancellationError() }
        }
        #expect(blocking(lock) == 4)
        #expect(lock.readerCount == 0)
        #expect(lock.isWriting == false)
        lock.checkInvariants()
    }

    @Test("A deadline passes while the other kind is inside, and the body is not run")
    func deadlineExpires() {
        // If this failed, a wait with a limit would hang, or run without the lock.
        let lock = FairReadWriteLock(0)
        for deadline in [MonotonicInstant.soon, MonotonicInstant(nanoseconds: 0)] {
            lock.withWriteLockIfFree { _ in
                #expect(lock.withReadLock(until: deadline) { _ in true } == nil)
                #expect(lock.withWriteLock(until: deadline) { _ in true } == nil)
            }
            lock.withReadLockIfFree { _ in
                #expect(lock.withWriteLock(until: deadline) { _ in true } == nil)
                #expect(lock.withReadLock(until: deadline) { _ in true } == true)
                lock.checkInvariants()
            }
            lock.checkInvariants()
        }
        let past = MonotonicInstant(nanoseconds: 0)
        #expect(lock.withWriteLock(until: past) { _ in true } == true)
        #expect(lock.readerCount == 0)
    }

    @Test("The value is destroyed once, with the lock, and lies on a line of its own")
    func lifetimes() {
        // If this failed, a guarded value would leak or die twice.
        let ledger = LifetimeLedger()
        do {
            let lock = FairReadWriteLock(ledger.makeTracked(1))
            lock.withWriteLockIfFree { $0 = ledger.makeTracked(2) }
            #expect(ledger.aliveCount == 1)
            #expect(lock.withReadLockIfFree { $0.payload } == 2)
        }
        let byteCount = FairReadWriteLock<Tracked>.storageByteCount
        #expect(byteCount == 2 * CacheLine.byteCount)
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: byteCount) { storage in
            // SAFETY: the storage outlives the lock.
            let lock = unsafe FairReadWriteLock(storage: storage, ledger.makeTracked(3))
            #expect(lock.withReadLockIfFree { $0.payload } == 3)
            let log = log("rw")
            #expect(log.enqueue(0, on: lock) == .granted)
            #expect(log.enqueue(1, on: lock) == .queued)
            unsafe lock.withGrantedReadLock { _ in }  // SAFETY: granted above.
            unsafe lock.withGrantedWriteLock { _ in }  // SAFETY: as above.
            #expect(log.woken == [1])
        }
        #expect(ledger.aliveCount == 0)
    }

    @Test("Phases take turns: all readers that wait, then one writer")
    func phaseFairness() {
        // If this failed, a reader would wait for two writers, or a writer for a late reader.
        let lock = FairReadWriteLock(0)
        let log = log("wwrrwr")
        #expect(log.enqueue(0, on: lock) == .granted)
        for index in 1..<6 {
            #expect(log.enqueue(index, on: lock) == .queued)
            lock.checkInvariants()
        }
        unsafe lock.withGrantedWriteLock { $0 += 1 }  // SAFETY: granted above.
        #expect(log.woken == [2, 3, 5])
        lock.checkInvariants()
        #expect(lock.withReadLockIfFree { _ in true } == nil, "a reader barged past a writer")
        for isLast in [false, false, true] {
            unsafe lock.withGrantedReadLock { _ in }  // SAFETY: granted above.
            #expect(log.woken == (isLast ? [2, 3, 5, 1] : [2, 3, 5]))
            lock.checkInvariants()
        }
        unsafe lock.withGrantedWriteLock { $0 += 1 }  // SAFETY: as above.
        #expect(log.woken == [2, 3, 5, 1, 4])
        lock.checkInvariants()
        #expect(lock.withReadLockIfFree { _ in true } == nil)
        unsafe lock.withGrantedWriteLock { $0 += 1 }  // SAFETY: as above.
        #expect(lock.withReadLockIfFree { copy $0 } == 3)
    }

    @Test("When the last writer in line gives up, the readers behind it join those that read")
    func readersJoin() {
        // If this failed, readers would wait for a writer that has gone.
        let lock = FairReadWriteLock(0)
        let log = log("rwwrr")
        #expect(log.enqueue(0, on: lock) == .granted)
        for index in 1..<5 { #expect(log.enqueue(index, on: lock) == .queued) }
        #expect(log.withdraw(1, from: lock) == .removed)
        #expect(log.woken == [])
        lock.checkInvariants()
        #expect(log.withdraw(2, from: lock) == .removed)
        #expect(log.woken == [3, 4])
        lock.checkInvariants()
        #expect(lock.readerCount == 3)
        #expect(lock.withReadLockIfFree { _ in true } == true)
        #expect(log.withdraw(3, from: lock) == .late)
        for _ in 0..<3 { unsafe lock.withGrantedReadLock { _ in } }  // SAFETY: granted above.
        #expect(lock.withWriteLockIfFree { _ in true } == true)
    }

    @Test("Who gives up while a writer is inside changes nothing for the others", arguments: 1..<4)
    func withdrawal(victim: Int) {
        // If this failed, a grant would go to one that has gone, or a newcomer would barge.
        let lock = FairReadWriteLock(0)
        let log = log("wrwrr")
        #expect(log.withdraw(4, from: lock) == .early)
        #expect(log.enqueue(4, on: lock) == .withdrawn)
        #expect(log.enqueue(0, on: lock) == .granted)
        for index in 1..<4 { #expect(log.enqueue(index, on: lock) == .queued) }
        #expect(log.withdraw(victim, from: lock) == .removed)
        #expect(log.woken == [])
        lock.checkInvariants()
        unsafe lock.withGrantedWriteLock { $0 += 1 }  // SAFETY: granted above.
        let readers = [1, 3].filter { $0 != victim }
        #expect(log.woken == readers)
        lock.checkInvariants()
        // SAFETY: granted above.
        for _ in readers { unsafe lock.withGrantedReadLock { _ in } }
        if victim != 2 {
            #expect(log.woken == readers + [2])
            unsafe lock.withGrantedWriteLock { $0 += 1 }  // SAFETY: as above.
        }
        #expect(lock.withWriteLockIfFree { _ in true } == true)
    }

    @Test("The last in line leaves a lock that is free for newcomers")
    func lastWaiterLeaves() {
        // If this failed, the lock would believe for ever that somebody waits.
        let lock = FairReadWriteLock(0)
        for letters in ["rw", "wr", "ww"] {
            let log = log(letters)
            #expect(log.enqueue(0, on: lock) == .granted)
            #expect(log.enqueue(1, on: lock) == .queued)
            #expect(log.withdraw(1, from: lock) == .removed)
            lock.checkInvariants()
            if letters == "rw" {
                #expect(lock.withReadLockIfFree { _ in true } == true)
                unsafe lock.withGrantedReadLock { _ in }  // SAFETY: granted above.
            } else {
                unsafe lock.withGrantedWriteLock { _ in }  // SAFETY: granted above.
            }
            #expect(lock.withWriteLockIfFree { _ in true } == true)
        }
    }

    @Test("A raw wait for anything but reading or writing traps")
    func misuseTraps() async {
        // If this failed, a wait without a meaning would be granted something.
        await #expect(processExitsWith: .failure) {
            let lock = FairReadWriteLock(0)
            _ = WaitLog(keys: [2]).enqueue(0, on: lock)
        }
    }

    @Test("Threads and tasks read pairs that are whole, and no write is lost")
    func tasksBesideThreads() async throws {
        // If this failed, a reader would be inside with a writer, or one would wait for ever.
        let lock = Shared(FairReadWriteLock((0, 0)))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<4 {
                group.addTask {
                    var isWhole = true
                    for round in 0..<200 {
                        if (round + number) % 4 == 0 {
                            try await lock.value.withWriteLock { $0 = ($0.0 + 1, $0.1 + 1) }
                        } else {
                            let isPair = try await lock.value.withReadLock { $0.0 == $0.1 }
                            isWhole = isWhole && isPair
                        }
                    }
                    return isWhole
                }
            }
            await ThreadTeam.run(count: 2) { _ in
                for round in 0..<200 {
                    if round % 4 == 0 {
                        lock.value.withWriteLock { $0 = ($0.0 + 1, $0.1 + 1) }
                    } else {
                        _ = lock.value.withReadLock { $0.0 }
                    }
                }
            }
            for try await isWhole in group { #expect(isWhole) }
        }
        #expect(lock.value.withReadLockIfFree { $0.0 } == 300)
        #expect(lock.value.withReadLockIfFree { $0.1 } == 300)
        lock.value.checkInvariants()
    }

    @Test("A cancelled task leaves the queue and lets readers behind it in")
    func cancellation() async throws {
        // If this failed, the lock would be handed to a task that has gone, or held up by it.
        let lock = Shared(FairReadWriteLock(0))
        let log = log("rr")
        #expect(log.enqueue(0, on: lock.value) == .granted)
        let writer = Task { try await lock.value.withWriteLock { $0 = -1 } }
        // A reader is refused as soon as the writer waits.
        #expect(await eventually { lock.value.withReadLockIfFree { _ in true } == nil })
        #expect(log.enqueue(1, on: lock.value) == .queued)
        lock.value.checkInvariants()
        writer.cancel()
        let result = await writer.result
        #expect(throws: CancellationError.self) { try result.get() }
        #expect(log.woken == [1])
        lock.value.checkInvariants()
        // SAFETY: granted above, twice.
        for _ in 0..<2 { unsafe lock.value.withGrantedReadLock { _ in } }
        #expect(lock.value.withWriteLockIfFree { copy $0 } == 0)
    }

    private func blocking(_ lock: borrowing FairReadWriteLock<Int>) -> Int {
        lock.withWriteLock { $0 += 2 }
        return lock.withReadLock { copy $0 }
    }
}
