// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Semaphore and auto-reset event")
struct PermitTests {
    @Test("Permits are counted exactly, up to the maximum")
    func permitsAreCounted() {
        // If this failed, more would pass than may, or a surplus signal would break the limit.
        let semaphore = CountingSemaphore(permitCount: 2, permitCountMax: 3)
        let taken = (0..<3).map { _ in semaphore.tryWait() }
        #expect(taken == [true, true, false])
        #expect(semaphore.signal(3) == true)
        #expect(semaphore.signal() == false)
        #expect(semaphore.signal(.max) == false)
        #expect(semaphore.permitCount == 3)
        semaphore.checkInvariants()
        let again = (0..<4).map { _ in semaphore.tryWait() }
        #expect(again == [true, true, true, false])
        semaphore.checkInvariants()
    }

    @Test("Waiters are served in their order, and nobody barges past them")
    func waitersAreServedInOrder() {
        // If this failed, a waiter could starve (the ancestor woke the newest first).
        let semaphore = CountingSemaphore(permitCount: 0, permitCountMax: 2)
        let log = WaitLog(count: 4)
        for index in 0..<4 { #expect(log.enqueue(index, on: semaphore) == .queued) }
        #expect(semaphore.signal() == true)
        #expect(log.woken == [0])
        let barged = semaphore.tryWait()
        #expect(!barged)
        semaphore.checkInvariants()
        #expect(semaphore.signal(2) == true)
        #expect(log.woken == [0, 1, 2])
        #expect(semaphore.signal(2) == true)
        #expect(log.woken == [0, 1, 2, 3])
        #expect(semaphore.permitCount == 1)
        semaphore.checkInvariants()
    }

    @Test("Withdrawing the only, first, middle or last waiter loses no permit", arguments: 1...4)
    func withdrawEveryPosition(size: Int) {
        // If this failed, a wake-up would be spent on somebody who has gone (the ancestor's bug).
        for victim in 0..<size {
            let semaphore = CountingSemaphore(permitCount: 0)
            let log = WaitLog(count: size + 1)
            for index in 0..<size { _ = log.enqueue(index, on: semaphore) }
            #expect(log.withdraw(victim, from: semaphore) == .removed)
            semaphore.checkInvariants()
            #expect(log.enqueue(size, on: semaphore) == .queued)
            semaphore.checkInvariants()
            #expect(semaphore.signal(size) == true)
            #expect(log.woken == (0...size).filter { $0 != victim })
            #expect(semaphore.permitCount == 0)
            semaphore.checkInvariants()
        }
    }

    @Test("After the last waiter has withdrawn, a permit is free for the next")
    func withdrawnQueueIsEmpty() {
        // If this failed, the mark "somebody waits" would stay and permits would vanish.
        let semaphore = CountingSemaphore(permitCount: 0)
        let log = WaitLog(count: 1)
        _ = log.enqueue(0, on: semaphore)
        _ = log.withdraw(0, from: semaphore)
        semaphore.checkInvariants()
        semaphore.signal()
        #expect(log.woken == [])
        let taken = semaphore.tryWait()
        #expect(taken)
    }

    @Test("A withdrawal that comes too late says so; one that comes early refuses the wait")
    func withdrawalTellsTheTruth() {
        // If this failed, a granted permit would be dropped, or a cancelled wait would hang.
        let semaphore = CountingSemaphore(permitCount: 0)
        let log = WaitLog(count: 2)
        _ = log.enqueue(0, on: semaphore)
        semaphore.signal()
        #expect(log.withdraw(0, from: semaphore) == .late)
        semaphore.signal()
        #expect(log.withdraw(1, from: semaphore) == .early)
        #expect(log.enqueue(1, on: semaphore) == .withdrawn)
        #expect(semaphore.permitCount == 1)
        semaphore.checkInvariants()
    }

    @Test("A set releases exactly one waiter, or is remembered once")
    func setIsRememberedOnce() {
        // If this failed, events would be lost or counted.
        let event = AutoResetEvent()
        event.set()
        event.set()
        #expect(event.isSet == true)
        event.checkInvariants()
        let passes = (0..<2).map { _ in event.tryWait() }
        #expect(passes == [true, false])
        let log = WaitLog(count: 2)
        for index in 0..<2 { #expect(log.enqueue(index, on: event) == .queued) }
        event.set()
        #expect(log.woken == [0])
        #expect(event.isSet == false)
        event.checkInvariants()
        event.set()
        event.set()
        #expect(log.woken == [0, 1])
        #expect(event.isSet == true)
        event.checkInvariants()
    }

    @Test("A waiter that gives up leaves the flag and the other waiters alone")
    func cancelKeepsTheSet() {
        // If this failed, a cancelled waiter would swallow the set.
        let event = AutoResetEvent()
        let log = WaitLog(count: 2)
        for index in 0..<2 { _ = log.enqueue(index, on: event) }
        #expect(log.withdraw(0, from: event) == .removed)
        event.checkInvariants()
        event.set()
        #expect(log.woken == [1])
        event.set()
        #expect(event.isSet == true)
    }

    @Test("A thread's wait ends at its deadline and leaves nothing behind")
    func deadlinesExpire() {
        // If this failed, timed waits would hang, or a later permit would go to a dead frame.
        let semaphore = CountingSemaphore(permitCount: 0)
        let event = AutoResetEvent()
        for deadline in [MonotonicInstant.soon, MonotonicInstant(nanoseconds: 0)] {
            let isPermitted = semaphore.blockingWait(until: deadline)
            #expect(!isPermitted)
            let isSet = event.blockingWait(until: deadline)
            #expect(!isSet)
            semaphore.checkInvariants()
            event.checkInvariants()
        }
        semaphore.signal()
        #expect(semaphore.permitCount == 1)
        event.set()
        let isSet = event.blockingWait(until: MonotonicInstant(nanoseconds: 0))
        #expect(isSet)
    }

    @Test("Both work in the caller's memory, whatever it held before")
    func callersStorage() {
        // If this failed, arenas and static memory could not hold them.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: CountingSemaphore.storageByteCount) { storage in
            // SAFETY: the storage outlives the semaphore.
            let semaphore = unsafe CountingSemaphore(storage: storage, permitCount: 1)
            let passes = (0..<2).map { _ in semaphore.tryWait() }
            #expect(passes == [true, false])
            semaphore.checkInvariants()
            let log = WaitLog(count: 1)
            _ = log.enqueue(0, on: semaphore)
            semaphore.signal()
            #expect(log.woken == [0])
        }
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: AutoResetEvent.storageByteCount) { storage in
            // SAFETY: the storage outlives the event.
            let event = unsafe AutoResetEvent(storage: storage)
            let isSetAtFirst = event.tryWait()
            #expect(!isSetAtFirst)
            event.checkInvariants()
            event.set()
            let isSet = event.tryWait()
            #expect(isSet)
        }
    }

    @Test("Threads that wait, time out and signal lose no permit and see what was written before")
    func threadsLoseNoPermit() {
        // If this failed, a grant that meets a deadline would be lost, and somebody would hang.
        let semaphore = Shared(CountingSemaphore(permitCount: 1))
        let cell = PlainCell()
        let sections = Atomic<Int>(0)
        ThreadTeam.run(count: 4) { thread in
            var generator = SplitMix64(seed: 7, stream: thread)
            for _ in 0..<2_000 {
                let patience = UInt64.random(in: 0..<20_000, using: &generator)
                let deadline = MonotonicInstant.now.advanced(byNanoseconds: patience)
                if semaphore.value.blockingWait(until: deadline) {
                    cell.value += 1
                    sections.add(1, ordering: .relaxed)
                    semaphore.value.signal()
                }
            }
        }
        #expect(cell.value == UInt64(sections.load(ordering: .relaxed)))
        #expect(semaphore.value.permitCount == 1)
        semaphore.value.checkInvariants()
    }

    @Test("Misuse traps: negative numbers and a node that is used twice")
    func misuseTraps() async {
        // If this failed, misuse would corrupt the waiter list instead of stopping.
        await #expect(processExitsWith: .failure) {
            _ = CountingSemaphore(permitCount: 2, permitCountMax: 1)
        }
        await #expect(processExitsWith: .failure) {
            let event = AutoResetEvent()
            let log = WaitLog(count: 1)
            _ = log.enqueue(0, on: event)
            _ = log.enqueue(0, on: event)
        }
    }
}
