// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Manual-reset event", .timeLimit(.minutes(20)))
struct ManualResetEventTests {
    @Test("A set lets all through, in order, and everybody until the reset")
    func setStays() {
        // If this failed, a set would be used up by one waiter, or a reset would not hold.
        let event = ManualResetEvent()
        let log = WaitLog(count: 5)
        for index in 0..<3 { #expect(log.enqueue(index, on: event) == .queued) }
        #expect(event.isSet == false)
        event.checkInvariants()
        event.set()
        #expect(log.woken == [0, 1, 2])
        event.checkInvariants()
        #expect(log.enqueue(3, on: event) == .granted)
        event.set()
        #expect(event.isSet == true)
        #expect(event.reset() == true)
        #expect(event.reset() == false)
        #expect(log.enqueue(4, on: event) == .queued)
        #expect(event.reset() == false)
        event.checkInvariants()
        event.set()
        #expect(log.woken == [0, 1, 2, 4])
        #expect(event.isSet == true)
    }

    @Test("Withdrawing the only, first, middle or last waiter leaves the others", arguments: 1...4)
    func withdrawEveryPosition(size: Int) {
        // If this failed, a waiter that gave up would be woken, or take another one with it.
        for victim in 0..<size {
            let event = ManualResetEvent()
            let log = WaitLog(count: size + 1)
            for index in 0..<size { _ = log.enqueue(index, on: event) }
            #expect(log.withdraw(victim, from: event) == .removed)
            #expect(event.isSet == false)
            event.checkInvariants()
            #expect(log.enqueue(size, on: event) == .queued)
            event.set()
            #expect(log.woken == (0...size).filter { $0 != victim })
            event.checkInvariants()
        }
    }

    @Test("A withdrawal that comes too late says so; one that comes early refuses the wait")
    func withdrawalTellsTheTruth() {
        // If this failed, a cancelled wait would hang, or its node be used after its end.
        let event = ManualResetEvent()
        let log = WaitLog(count: 2)
        _ = log.enqueue(0, on: event)
        event.set()
        event.reset()
        #expect(log.withdraw(0, from: event) == .late)
        #expect(log.withdraw(1, from: event) == .early)
        event.set()
        #expect(log.enqueue(1, on: event) == .withdrawn)
        event.checkInvariants()
    }

    @Test("A deadline passes while the flag is not set, and a set flag asks for none")
    func deadlineExpires() {
        // If this failed, a wait with a limit would hang, or a set flag would be missed.
        let event = ManualResetEvent(isSet: true)
        for deadline in [MonotonicInstant.soon, MonotonicInstant(nanoseconds: 0)] {
            event.set()
            let isThrough = event.blockingWait(until: deadline)
            #expect(isThrough)
            event.reset()
            let isThroughAgain = event.blockingWait(until: deadline)
            #expect(!isThroughAgain)
            event.checkInvariants()
        }
        event.set()
        #expect(event.isSet == true)
    }

    @Test("The caller's memory holds an event")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: ManualResetEvent.storageByteCount) { storage in
            // SAFETY: the storage outlives the event.
            let event = unsafe ManualResetEvent(storage: storage)
            #expect(event.isSet == false)
            let log = WaitLog(count: 1)
            #expect(log.enqueue(0, on: event) == .queued)
            event.set()
            #expect(log.woken == [0])
        }
    }

    @Test("Tasks pass at the set; one that is cancelled leaves the others")
    func tasks() async throws {
        // If this failed, a task would hang, or its cancellation would be ignored.
        let event = Shared(ManualResetEvent())
        let cancelled = Task { try await event.value.wait() }
        let tasks = (0..<3).map { _ in Task { try await event.value.wait() } }
        for _ in 0..<50 { await Task.yield() }
        cancelled.cancel()
        let result = await cancelled.result
        #expect(throws: CancellationError.self) { try result.get() }
        event.value.checkInvariants()
        await ThreadTeam.run(count: 1) { _ in event.value.set() }
        for task in tasks { try await task.value }
        try await event.value.wait()
        event.value.checkInvariants()
    }

    @Test("Reset, look, wait: no announced work is missed")
    func resetLookWait() {
        // If this failed, a set that meets a reset would be lost, and its work with it.
        let event = Shared(ManualResetEvent())
        let announced = PlainPair()
        let failures = Shared(CountingSemaphore(permitCount: 0))
        let count: UInt64 = 3_000
        ThreadTeam.run(count: 2) { thread in
            if thread == 0 {
                for number in 1...count {
                    announced.word.store(number, ordering: .relaxed)  // The set publishes it.
                    event.value.set()
                }
                return
            }
            while true {  // Ends when the last number is seen.
                event.value.reset()
                if announced.word.load(ordering: .relaxed) == count { return }
                if !event.value.blockingWait(until: .farAway) { return _ = failures.value.signal() }
            }
        }
        #expect(failures.value.permitCount == 0)
        event.value.checkInvariants()
    }
}

/// A word without an edge of its own.
private final class PlainPair: Sendable {
    let word = Atomic<UInt64>(0)
}
