// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Condition variable", .timeLimit(.minutes(20)))
struct ConditionVariableTests {
    @Test("A condition that holds needs no signal, and the lock comes back")
    func holdsAtOnce() {
        // If this failed, a wait would sleep for nothing, or keep the lock.
        let lock = FairLock([1])
        let condition = ConditionVariable()
        #expect(take(from: lock, on: condition) == 1)
        #expect(lock.isLocked == false)
        #expect(throws: CancellationError.self) {
            try lock.withLock(on: condition, when: { $0.isEmpty }, until: .soon) {
                _ throws(CancellationError) in throw CancellationError()
            }
        }
        #expect(lock.isLocked == false)
        #expect(condition.signal() == false)
        #expect(condition.broadcast() == 0)
    }

    @Test("A deadline passes: the body is not run, the lock is free, nobody is left in line")
    func deadlineExpires() {
        // If this failed, a wait with a limit would hang, run, or keep the lock.
        let lock = FairLock(0)
        let condition = ConditionVariable()
        for deadline in [MonotonicInstant.soon, MonotonicInstant(nanoseconds: 0)] {
            let answer = lock.withLock(on: condition, when: { $0 > 0 }, until: deadline) { _ in 1 }
            #expect(answer == nil)
            #expect(lock.isLocked == false)
            #expect(condition.signal() == false)
            lock.checkInvariants()
            condition.checkInvariants()
        }
        let past = MonotonicInstant(nanoseconds: 0)
        #expect(lock.withLock(on: condition, when: { $0 == 0 }, until: past) { _ in 1 } == 1)
        lock.withLockIfFree { _ in
            let answer = lock.withLock(on: condition, when: { $0 == 0 }, until: past) { _ in 1 }
            #expect(answer == nil)
        }
    }

    @Test("Signals go to the first in line and are not remembered; a broadcast goes to all")
    func order() {
        // If this failed, a signal would go to the wrong one, to two, or to who comes later.
        let condition = ConditionVariable()
        let log = WaitLog(count: 6)
        condition.signal()
        for index in 0..<5 { #expect(log.enqueue(index, on: condition) == .queued) }
        #expect(log.withdraw(1, from: condition) == .removed)
        condition.checkInvariants()
        #expect(condition.signal() == true)
        #expect(condition.signal() == true)
        #expect(log.woken == [0, 2])
        condition.checkInvariants()
        #expect(log.withdraw(2, from: condition) == .late)
        #expect(condition.broadcast() == 2)
        #expect(log.woken == [0, 2, 3, 4])
        #expect(log.withdraw(5, from: condition) == .early)
        #expect(log.enqueue(5, on: condition) == .withdrawn)
        condition.checkInvariants()
    }

    @Test("The caller's memory holds one")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: ConditionVariable.storageByteCount) { storage in
            // SAFETY: the storage outlives it.
            let condition = unsafe ConditionVariable(storage: storage)
            let log = WaitLog(count: 1)
            #expect(log.enqueue(0, on: condition) == .queued)
            #expect(condition.signal() == true)
            #expect(log.woken == [0])
        }
    }

    @Test("A bounded buffer of threads and tasks loses nothing, with and without the lock held")
    func boundedBuffer() async throws {
        // If this failed, a wake-up would be lost, or an element taken twice.
        let buffer = Shared(FairLock([Int]()))
        let notEmpty = Shared(ConditionVariable())
        let notFull = Shared(ConditionVariable())
        let producers = (0..<2).map { number in
            Task {
                for round in 0..<300 {
                    try await buffer.value.withLock(on: notFull.value, when: { $0.count < 2 }) {
                        $0.append(number * 300 + round)
                        if round % 2 == 0 { notEmpty.value.signal() }
                    }
                    if round % 2 == 1 { notEmpty.value.signal() }
                }
            }
        }
        let taken = Shared(FairLock([Int]()))
        await ThreadTeam.run(count: 2) { _ in
            for _ in 0..<300 {
                let element = buffer.value.withLock(
                    on: notEmpty.value, when: { !$0.isEmpty }, until: .farAway
                ) { elements in
                    notFull.value.signal()
                    return elements.removeFirst()
                }
                if let element { taken.value.withLock { $0.append(element) } }
            }
        }
        for producer in producers { try await producer.value }
        buffer.value.checkInvariants()
        notEmpty.value.checkInvariants()
        notFull.value.checkInvariants()
        #expect(taken.value.withLockIfFree { $0.sorted() } == Array(0..<600))
    }

    @Test("A cancelled task leaves the line; one that was signalled and cannot go on passes it on")
    func cancellation() async throws {
        // If this failed, a signal would die with a task that has gone.
        let lock = Shared(FairLock(0))
        let condition = Shared(ConditionVariable())
        let log = WaitLog(count: 2)
        let looks = Shared(Atomic<Int>(0))
        func waitingTask() -> Task<Void, any Error> {
            Task {
                try await lock.value.withLock(
                    on: condition.value,
                    when: { value in
                        looks.value.add(1, ordering: .relaxed)
                        return value > 0
                    }
                ) { $0 -= 1 }
            }
        }
        let gone = waitingTask()
        #expect(await eventually { looks.value.load(ordering: .relaxed) == 1 })
        gone.cancel()
        let result = await gone.result
        #expect(throws: CancellationError.self) { try result.get() }
        #expect(condition.value.signal() == false)
        #expect(lock.value.isLocked == false)
        condition.value.checkInvariants()
        lock.value.checkInvariants()

        let signalled = waitingTask()
        #expect(await eventually { looks.value.load(ordering: .relaxed) == 2 })
        // Whoever gets the lock after a look finds the task in line. Then it waits for the lock,
        // behind us, when it is cancelled: its signal goes to the next.
        #expect(await eventually { isSignalled(condition.value, and: lock.value, log) })
        #expect(log.enqueue(1, on: condition.value) == .queued)
        signalled.cancel()
        let second = await signalled.result
        #expect(throws: CancellationError.self) { try second.get() }
        #expect(log.woken == [0, 1])
        condition.value.checkInvariants()
        lock.value.checkInvariants()
        unsafe lock.value.withGrantedLock { _ in }  // SAFETY: granted in `isSignalled`.
        #expect(lock.value.isLocked == false)
    }

    /// Takes the lock by the log's first node and signals, if somebody waits for that.
    private func isSignalled(
        _ condition: borrowing ConditionVariable, and lock: borrowing FairLock<Int>, _ log: WaitLog
    ) -> Bool {
        let isTaken = lock.withLockIfFree { _ in
            // Queued behind this body, and granted at its end.
            log.enqueue(0, on: lock) == .queued && condition.signal()
        }
        if isTaken == true { return true }
        if isTaken == false { Issue.record("nobody waited") }
        return false
    }

    private func take(
        from lock: borrowing FairLock<[Int]>, on condition: borrowing ConditionVariable
    ) -> Int {
        lock.withLock(on: condition, when: { !$0.isEmpty }) { $0.removeFirst() }
    }
}
