// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Notify", .timeLimit(.minutes(20)))
struct NotifyTests {
    /// Raw waiters that all hold the ticket of now.
    private func log(_ count: Int, for notify: borrowing Notify) -> WaitLog {
        WaitLog(count: count, key: notify.ticket.rawValue)
    }

    @Test("One notify is remembered, a second is not, and a notify of all is not")
    func remembersOne() {
        // If this failed, a notify without a waiter would be lost, or counted.
        let notify = Notify()
        #expect(notify.tryWait() == false)
        notify.notifyOne()
        notify.notifyOne()
        #expect(notify.tryWait() == true)
        #expect(notify.tryWait() == false)
        notify.notifyAll()
        #expect(notify.tryWait() == false)
        #expect(notify.blockingWait(until: .soon) == false)
        notify.notifyOne()
        notify.notifyAll()
        notify.checkInvariants()
        #expect(notify.blockingWait(until: .soon) == true)
        #expect(notify.blockingWait(until: MonotonicInstant(nanoseconds: 0)) == false)
        notify.checkInvariants()
    }

    @Test("A notify goes to the first in line and is not remembered then")
    func firstInLine() {
        // If this failed, one notify would let two go on, or the wrong one.
        let notify = Notify()
        let log = log(4, for: notify)
        for index in 0..<3 { #expect(log.enqueue(index, on: notify) == .queued) }
        notify.checkInvariants()
        notify.notifyOne()
        #expect(log.woken == [0])
        #expect(notify.tryWait() == false)
        notify.checkInvariants()
        #expect(log.withdraw(1, from: notify) == .removed)
        notify.checkInvariants()
        notify.notifyOne()
        notify.checkInvariants()
        #expect(log.woken == [0, 2])
        #expect(log.withdraw(2, from: notify) == .late)
        notify.notifyOne()
        #expect(log.enqueue(3, on: notify) == .granted)
        #expect(log.woken == [0, 2])
        #expect(notify.tryWait() == false)
    }

    @Test("A notify of all lets all go on who wait, and nobody who comes later")
    func allWhoWait() {
        // If this failed, somebody would be left behind, or a later wait would end for nothing.
        let notify = Notify()
        let early = log(4, for: notify)
        for index in 0..<3 { #expect(early.enqueue(index, on: notify) == .queued) }
        notify.notifyAll()
        notify.checkInvariants()
        #expect(early.woken == [0, 1, 2])
        #expect(early.enqueue(3, on: notify) == .granted, "its ticket is older than the notify")
        let late = log(1, for: notify)
        #expect(late.enqueue(0, on: notify) == .queued)
        notify.checkInvariants()
        #expect(late.withdraw(0, from: notify) == .removed)
        notify.checkInvariants()
        #expect(notify.tryWait() == false)
    }

    @Test("A ticket that is out of date ends the wait and takes nothing", arguments: [0, 3])
    func tickets(below: UInt64) {
        // If this failed, a condition that came true after the look would be slept through, also
        // where the count of calls wraps.
        let notify = Notify(callCount: (1 << 62) - below)
        for _ in 0..<5 {
            let ticket = notify.ticket
            #expect(notify.isOver(ticket) == false)
            notify.notifyOne()
            notify.notifyAll()
            #expect(notify.isOver(ticket) == true)
            #expect(notify.blockingWait(after: ticket, until: .farAway) == true)
            let log = WaitLog(count: 1, key: ticket.rawValue)
            #expect(log.enqueue(0, on: notify) == .granted)
            #expect(notify.tryWait() == true, "the remembered notify was taken")
            #expect(notify.blockingWait(after: notify.ticket, until: .soon) == false)
            // Who waits beside the wrap has the ticket of the word.
            let sleeper = self.log(1, for: notify)
            #expect(sleeper.enqueue(0, on: notify) == .queued)
            notify.checkInvariants()
            #expect(sleeper.withdraw(0, from: notify) == .removed)
            notify.checkInvariants()
        }
    }

    @Test("Who gives up leaves nothing behind", arguments: 0..<3)
    func withdrawEveryPosition(victim: Int) {
        // If this failed, a notify would be spent on one that has gone, or be lost.
        let notify = Notify()
        let log = log(4, for: notify)
        for index in 0..<3 { _ = log.enqueue(index, on: notify) }
        #expect(log.withdraw(victim, from: notify) == .removed)
        notify.checkInvariants()
        #expect(log.withdraw(3, from: notify) == .early)
        #expect(log.enqueue(3, on: notify) == .withdrawn)
        for _ in 0..<3 { notify.notifyOne() }
        #expect(log.woken == (0..<3).filter { $0 != victim })
        notify.checkInvariants()
        #expect(notify.tryWait() == true)
        #expect(notify.tryWait() == false)
    }

    @Test("The caller's memory holds one")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: Notify.storageByteCount) { storage in
            // SAFETY: the storage outlives it.
            let notify = unsafe Notify(storage: storage)
            let log = log(1, for: notify)
            #expect(log.enqueue(0, on: notify) == .queued)
            notify.checkInvariants()
            notify.notifyAll()
            #expect(log.woken == [0])
        }
    }

    @Test("Threads that take a ticket, look and wait miss no change")
    func ticketLookWait() {
        // If this failed, a reader would sleep although the step that it waits for is there.
        let notify = Shared(Notify())
        let step = Shared(Atomic<UInt64>(0))
        let misses = Shared(Atomic<Int>(0))
        let arrivals = Shared(CountingSemaphore(permitCount: 0))
        let stepCount: UInt64 = 300
        ThreadTeam.run(count: 3) { thread in
            for wanted in 1...stepCount {
                if thread == 0 {
                    step.value.store(wanted, ordering: .relaxed)
                    notify.value.notifyAll()
                    for _ in 0..<2 { _ = arrivals.value.blockingWait(until: .farAway) }
                    continue
                }
                while true {  // Ends: each round but the last is ended by a notify.
                    let ticket = notify.value.ticket
                    if step.value.load(ordering: .relaxed) >= wanted { break }
                    if !notify.value.blockingWait(after: ticket, until: .farAway) {
                        misses.value.add(1, ordering: .relaxed)
                        break
                    }
                }
                arrivals.value.signal()
            }
        }
        #expect(misses.value.load(ordering: .relaxed) == 0)
        notify.value.checkInvariants()
        arrivals.value.checkInvariants()
    }

    @Test("Tasks are notified one by one or all; a cancelled one leaves the notify to others")
    func tasks() async throws {
        // If this failed, a task would sleep on, or one that has gone would take a notify.
        let notify = Shared(Notify())
        let log = log(1, for: notify.value)
        let cancelled = Task { try await notify.value.wait() }
        cancelled.cancel()
        let result = await cancelled.result
        #expect(throws: CancellationError.self) { try result.get() }
        notify.value.checkInvariants()
        #expect(log.enqueue(0, on: notify.value) == .queued)
        notify.value.notifyOne()
        #expect(log.woken == [0])
        let count = Shared(Atomic<Int>(0))
        let ticket = notify.value.ticket
        let waiters = (0..<3).map { _ in
            Task {
                try await notify.value.wait(after: ticket)
                count.value.add(1, ordering: .relaxed)
            }
        }
        notify.value.notifyAll()
        for waiter in waiters { try await waiter.value }
        notify.value.checkInvariants()
        #expect(count.value.load(ordering: .relaxed) == 3)
        let last = Task { try await notify.value.wait() }
        notify.value.notifyOne()
        try await last.value
        #expect(notify.value.tryWait() == false)
        notify.value.checkInvariants()
    }
}
