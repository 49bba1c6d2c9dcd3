// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Latch", .timeLimit(.minutes(20)))
struct LatchTests {
    @Test("All waiters pass when the count reaches zero, in order, and everybody after them")
    func opensOnce() {
        // If this failed, a waiter would go on too early, or be forgotten.
        let latch = Latch(count: 3)
        let log = WaitLog(count: 4)
        for index in 0..<3 { #expect(log.enqueue(index, on: latch) == .queued) }
        latch.countDown(2)
        #expect(log.woken == [])
        latch.checkInvariants()
        #expect(latch.isOpen == false)
        #expect(latch.count == 1)
        latch.countDown()
        #expect(log.woken == [0, 1, 2])
        #expect(latch.isOpen == true)
        latch.checkInvariants()
        #expect(log.enqueue(3, on: latch) == .granted)
        latch.countDown(0)
        #expect(latch.isOpen == true)
    }

    @Test("A latch of nothing is open")
    func emptyLatch() {
        // If this failed, waiting for no step would hang.
        let latch = Latch(count: 0)
        #expect(latch.isOpen == true)
        let isOver = latch.blockingWait(until: MonotonicInstant(nanoseconds: 0))
        #expect(isOver)
    }

    @Test("Withdrawing the only, first, middle or last waiter leaves the others", arguments: 1...4)
    func withdrawEveryPosition(size: Int) {
        // If this failed, cancelling one waiter would lose another, or the last step would hang.
        for victim in 0..<size {
            let latch = Latch(count: 1)
            let log = WaitLog(count: size)
            for index in 0..<size { _ = log.enqueue(index, on: latch) }
            #expect(log.withdraw(victim, from: latch) == .removed)
            latch.checkInvariants()
            latch.countDown()
            #expect(log.woken == (0..<size).filter { $0 != victim })
            #expect(latch.isOpen == true)
            latch.checkInvariants()
        }
    }

    @Test("Steps that nobody announced, or a negative count, trap")
    func misuseTraps() async {
        // If this failed, a double step would open a latch early, or an open one would close.
        await #expect(processExitsWith: .failure) {
            let latch = Latch(count: 1)
            latch.countDown(2)
        }
        await #expect(processExitsWith: .failure) {
            let latch = Latch(count: 1)
            latch.countDown()
            latch.countDown()
        }
        await #expect(processExitsWith: .failure) { _ = Latch(count: -1) }
        await #expect(processExitsWith: .failure) { Latch(count: 2).countDown(-1) }
    }

    @Test("The caller's memory holds a latch; who waited may use the memory again")
    func callersStorage() {
        // If this failed, the last step would touch memory that its waiter has given back.
        // SAFETY: the memory is given to one latch after the other.
        unsafe withStorage(byteCount: Latch.storageByteCount) { storage in
            let place = unsafe Place(storage)  // SAFETY: the storage outlives the rounds.
            let failures = Shared(CountingSemaphore(permitCount: 0))
            let next = Shared(AutoResetEvent())
            ThreadTeam.run(count: 2) { thread in
                for _ in 0..<500 {
                    if thread == 1 {
                        guard next.value.blockingWait(until: .farAway) else { return }
                        place.latch.value.countDown()
                        continue
                    }
                    place.renew()
                    next.value.set()
                    if !place.latch.value.blockingWait(until: .farAway) { failures.value.signal() }
                    place.fill()
                }
            }
            #expect(failures.value.permitCount == 0)
        }
    }

    @Test("Tasks and threads wait for one latch, with a deadline and cancellation")
    func tasksBesideThreads() async throws {
        // If this failed, a task would hang, or its cancellation would open or break the latch.
        let latch = Shared(Latch(count: 2))
        await ThreadTeam.run(count: 1) { _ in
            let isOver = !latch.value.blockingWait(until: .soon)
            #expect(isOver)
        }
        latch.value.checkInvariants()
        let cancelled = Task { try await latch.value.wait() }
        let tasks = (0..<3).map { _ in Task { try await latch.value.wait() } }
        for _ in 0..<50 { await Task.yield() }
        cancelled.cancel()
        let result = await cancelled.result
        #expect(throws: CancellationError.self) { try result.get() }
        latch.value.checkInvariants()
        await ThreadTeam.run(count: 2) { _ in
            latch.value.countDown()
            let isOpen = latch.value.blockingWait(until: .farAway)
            #expect(isOpen)
        }
        for task in tasks { try await task.value }
        latch.value.checkInvariants()
    }
}

/// Memory in which one latch lives after the other.
@safe
private final class Place: @unchecked Sendable {
    private let storage: UnsafeMutableRawBufferPointer
    private(set) var latch: Shared<Latch>

    @unsafe
    init(_ storage: UnsafeMutableRawBufferPointer) {
        unsafe self.storage = storage  // SAFETY: the caller keeps it.
        unsafe latch = Shared(Latch(storage: storage, count: 1))  // SAFETY: as above.
    }

    func renew() {
        unsafe latch = Shared(Latch(storage: storage, count: 1))  // SAFETY: the old one is over.
    }

    /// Writes garbage over the latch, which nobody may touch any more.
    func fill() {
        // SAFETY: in bounds; the wait has ended.
        let byteCount = unsafe storage.count
        // SAFETY: as above.
        for index in 0..<byteCount { unsafe storage[index] = 0xA5 }
    }
}
