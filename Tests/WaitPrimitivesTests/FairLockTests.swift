// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Fair lock", .timeLimit(.minutes(20)))
struct FairLockTests {
    @Test("Bodies run one at a time, their results and errors come back, and the lock with them")
    func bodiesRun() {
        // If this failed, a body that throws would keep the lock, or a result would be lost.
        let lock = FairLock(1)
        let doubled = blocking(lock) { value in
            value += 1
            return value * 2
        }
        #expect(doubled == 4)
        #expect(throws: CancellationError.self) {
            try lock.withLockIfFree { _ throws(CancellationError) in throw CancellationError() }
        }
        #expect(lock.isLocked == false)
        let inner = lock.withLockIfFree { _ in
            lock.withLockIfFree { _ in true } ?? false
        }
        #expect(inner == false)
        #expect(lock.isLocked == false)
        lock.checkInvariants()
    }

    @Test("A deadline passes while another holds the lock, and the body is not run")
    func deadlineExpires() {
        // If this failed, a wait with a limit would hang, or run without the lock.
        let lock = FairLock(0)
        lock.withLockIfFree { _ in
            for deadline in [MonotonicInstant.soon, MonotonicInstant(nanoseconds: 0)] {
                let answer = lock.withLock(until: deadline) { _ in true }
                #expect(answer == nil)
                lock.checkInvariants()
            }
        }
        let answer = lock.withLock(until: MonotonicInstant(nanoseconds: 0)) { _ in true }
        #expect(answer == true)
    }

    @Test("The value is destroyed once, with the lock, also in the caller's memory")
    func lifetimes() {
        // If this failed, a guarded value would leak or die twice.
        let ledger = LifetimeLedger()
        do {
            let lock = FairLock(ledger.makeTracked(1))
            let old = lock.withLockIfFree { value in
                exchange(&value, for: ledger.makeTracked(2))
            }
            #expect(ledger.aliveCount == 1)
            #expect(old == 1)
        }
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: FairLock<Tracked>.storageByteCount) { storage in
            // SAFETY: the storage outlives the lock.
            let lock = unsafe FairLock(storage: storage, ledger.makeTracked(3))
            #expect(FairLock<Tracked>.storageByteCount == CacheLine.byteCount)
            #expect(lock.withLockIfFree { $0.payload } == 3)
        }
        #expect(ledger.aliveCount == 0)
    }

    @Test("Threads and tasks exclude each other, and no turn is lost")
    func tasksBesideThreads() async throws {
        // If this failed, two would be inside, or one would wait for ever.
        let lock = Shared(FairLock(0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<200 { try await lock.value.withLock { $0 += 1 } }
                }
            }
            await ThreadTeam.run(count: 2) { _ in
                for _ in 0..<200 { lock.value.withLock { $0 += 1 } }
            }
            try await group.waitForAll()
        }
        #expect(lock.value.withLockIfFree { $0 } == 1_200)
        #expect(lock.value.isLocked == false)
        lock.value.checkInvariants()
    }

    @Test("A cancelled task leaves the queue and does not run its body")
    func cancellation() async throws {
        // If this failed, the lock would be handed to a task that has gone.
        let lock = Shared(FairLock(0))
        let log = WaitLog(count: 2)
        #expect(log.enqueue(0, on: lock.value) == .granted)
        let task = Task { try await lock.value.withLock { $0 = -1 } }
        for _ in 0..<50 { await Task.yield() }
        task.cancel()
        let result = await task.result
        #expect(throws: CancellationError.self) { try result.get() }
        lock.value.checkInvariants()
        unsafe lock.value.withGrantedLock { $0 += 1 }  // SAFETY: granted above.
        #expect(lock.value.isLocked == false)
        #expect(lock.value.withLockIfFree { $0 } == 1)
        lock.value.checkInvariants()
    }

    @Test("Raw waiters are handed the lock in turn, and nobody barges")
    func rawWaiters() {
        // If this failed, a waiter could starve, or be passed over when one before it gives up.
        let lock = FairLock(0)
        let log = WaitLog(count: 4)
        #expect(log.enqueue(0, on: lock) == .granted)
        for index in 1..<4 { #expect(log.enqueue(index, on: lock) == .queued) }
        #expect(log.withdraw(2, from: lock) == .removed)
        lock.checkInvariants()
        for expected in [[1], [1, 3], [1, 3]] {
            #expect(lock.withLockIfFree { _ in true } == nil)
            unsafe lock.withGrantedLock { $0 += 1 }  // SAFETY: granted above, or by the last turn.
            #expect(log.woken == expected)
            lock.checkInvariants()
        }
        #expect(log.withdraw(3, from: lock) == .late)
        #expect(lock.withLockIfFree { $0 } == 3)
    }

    private func blocking<Result>(
        _ lock: borrowing FairLock<Int>, _ body: (inout Int) -> Result
    ) -> Result {
        lock.withLock(body)
    }
}

/// Puts another value in; answers the old one's number.
private func exchange(_ value: inout Tracked, for other: consuming Tracked) -> UInt64 {
    let old = value.payload
    value = other
    return old
}
