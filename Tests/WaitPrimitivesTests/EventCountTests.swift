// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Event count")
struct EventCountTests {
    @Test("A notify between prepare and commit is not lost", arguments: [0, UInt32.max])
    func notifyBeforeCommit(epoch: UInt32) {
        // If this failed, a consumer would sleep although its element has come.
        let events = EventCount(epoch: epoch)
        for publication in [EventCount.Publication.releasing, .sequentiallyConsistent] {
            let key = events.prepareWait()
            events.notifyOne(after: publication)
            let isNotified = events.blockingWait(key, until: MonotonicInstant(nanoseconds: 0))
            #expect(isNotified)
            #expect(events.waiterCount == 0)
            events.checkInvariants()
        }
    }

    @Test(
        "Raw waiters: refused sleep after a notify, woken by the next", arguments: [0, UInt32.max])
    func rawWaiters(epoch: UInt32) {
        // If this failed, a loop would sleep through a notify, or for ever once the epoch wraps.
        let events = EventCount(epoch: epoch)
        let sleeper = WaitLog(count: 1, key: events.prepareWait().takeRawValue())
        let late = WaitLog(count: 1, key: events.prepareWait().takeRawValue())
        #expect(sleeper.enqueue(0, on: events) == .queued)
        events.checkInvariants()
        events.notifyOne()
        #expect(sleeper.woken == [0])
        #expect(late.enqueue(0, on: events) == .granted)
        #expect(events.waiterCount == 0)
        events.checkInvariants()
    }

    @Test("Sleepers of two epochs stand in line, also where the epoch wraps", arguments: 0...3)
    func twoEpochs(below: UInt32) {
        // If this failed, a notify would take a sleeper of before for one that came later.
        let events = EventCount(epoch: .max - below)
        for _ in 0..<4 {
            let keys = (0..<3).map { _ in events.prepareWait().takeRawValue() }
            let early = WaitLog(keys: keys)
            for index in 0..<3 { #expect(early.enqueue(index, on: events) == .queued) }
            events.notifyOne()
            let late = WaitLog(count: 1, key: events.prepareWait().takeRawValue())
            #expect(late.enqueue(0, on: events) == .queued)
            events.checkInvariants()
            events.notify(max: 2)
            #expect(early.woken == [0, 1, 2])
            #expect(late.woken == [])
            events.checkInvariants()
            events.notifyOne()
            #expect(late.woken == [0])
            #expect(events.waiterCount == 0)
            events.checkInvariants()
        }
    }

    @Test("A notify before prepare does not count; a sleep without one ends at its deadline")
    func oldNotifiesDoNotCount() {
        // If this failed, an old notify would make waiters spin, or a deadline would be missed.
        let events = EventCount()
        events.notifyAll()
        let key = events.prepareWait()
        #expect(events.waiterCount == 1)
        let isNotified = events.blockingWait(key, until: .soon)
        #expect(!isNotified)
        #expect(events.waiterCount == 0)
        events.checkInvariants()
    }

    @Test("Sleepers are woken one by one in order, or all at once")
    func sleepersAreWokenInOrder() {
        // If this failed, a sleeper would starve or a broadcast would miss somebody.
        let events = EventCount()
        let key = events.prepareWait().takeRawValue()
        let log = WaitLog(count: 4, key: key)
        for _ in 0..<3 { _ = events.prepareWait().takeRawValue() }
        for index in 0..<4 { #expect(log.enqueue(index, on: events) == .queued) }
        events.notifyOne()
        #expect(log.woken == [0])
        #expect(events.waiterCount == 3)
        events.checkInvariants()
        events.notify(max: 2)
        #expect(log.woken == [0, 1, 2])
        #expect(events.waiterCount == 1)
        events.notifyAll(after: .sequentiallyConsistent)
        #expect(log.woken == [0, 1, 2, 3])
        #expect(events.waiterCount == 0)
        events.notify(max: 2)
        #expect(events.waiterCount == 0)
        events.checkInvariants()
    }

    @Test("Cancelled and withdrawn waiters are not counted any more", arguments: 0..<3)
    func cancelledWaitersAreForgotten(victim: Int) {
        // If this failed, each later notify would take the slow path, or wake a stranger.
        let events = EventCount()
        events.cancelWait(events.prepareWait())
        #expect(events.waiterCount == 0)
        let keys = (0..<3).map { _ in events.prepareWait().takeRawValue() }
        let log = WaitLog(count: 3, key: keys[0])
        for index in 0..<3 { _ = log.enqueue(index, on: events) }
        #expect(log.withdraw(victim, from: events) == .removed)
        #expect(events.waiterCount == 2)
        events.checkInvariants()
        events.notifyOne()
        events.notifyOne()
        #expect(log.woken == (0..<3).filter { $0 != victim })
        #expect(events.waiterCount == 0)
        events.checkInvariants()
    }

    @Test("A consumer that sleeps between elements gets every one of them", arguments: [1, 2])
    func noWakeUpIsLost(consumerCount: Int) {
        // If this failed, the store-buffering race between publish and sleep would be open.
        let events = Shared(EventCount())
        let isStrong = consumerCount == 2
        let stock = Shared(Stock())
        let total = 3_000
        ThreadTeam.run(count: consumerCount + 1) { thread in
            if thread == 0 {
                for _ in 0..<total {
                    stock.value.put()
                    events.value.notifyOne(after: isStrong ? .sequentiallyConsistent : .releasing)
                }
                stock.value.finish()
                events.value.notifyAll()
                return
            }
            while stock.value.take(events.value) {}
        }
        #expect(stock.value.takenCount == total)
        #expect(events.value.waiterCount == 0)
        events.value.checkInvariants()
    }

    @Test("The caller's memory holds an event count")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: EventCount.storageByteCount) { storage in
            // SAFETY: the storage outlives the event count.
            let events = unsafe EventCount(storage: storage)
            #expect(events.waiterCount == 0)
            events.checkInvariants()
            let key = events.prepareWait()
            events.notifyOne()
            let isNotified = events.blockingWait(key, until: .soon)
            #expect(isNotified)
        }
    }
}

/// A condition outside the event count: a number of elements.
private struct Stock: ~Copyable, Sendable {
    private let count = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)
    private let isFinished = Atomic<Bool>(false)

    var takenCount: Int { taken.load(ordering: .relaxed) }

    func put() { count.add(1, ordering: .sequentiallyConsistent) }

    func finish() { isFinished.store(true, ordering: .sequentiallyConsistent) }

    /// Takes one, sleeping until there is one; false at the end, or when a wake-up was lost.
    func take(_ events: borrowing EventCount) -> Bool {
        while true {
            if tryTake() { return true }
            let key = events.prepareWait()
            if tryTake() {
                events.cancelWait(key)
                return true
            }
            if isFinished.load(ordering: .sequentiallyConsistent) {
                events.cancelWait(key)
                return tryTake()
            }
            if !events.blockingWait(key, until: .farAway) { return false }
        }
    }

    private func tryTake() -> Bool {
        var seen = count.load(ordering: .sequentiallyConsistent)
        while seen > 0 {
            let (isTaken, current) = count.compareExchange(
                expected: seen, desired: seen - 1, ordering: .sequentiallyConsistent)
            if isTaken {
                taken.add(1, ordering: .relaxed)
                return true
            }
            seen = current
        }
        return false
    }
}
