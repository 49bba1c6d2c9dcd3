// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Wait group")
struct WaitGroupTests {
    @Test("All waiters pass when the count reaches zero, in order, and not before")
    func waitersPassAtZero() {
        // If this failed, a waiter would go on while work is under way, or be forgotten.
        let group = WaitGroup()
        group.add(3)
        let log = WaitLog(count: 3)
        for index in 0..<3 { #expect(log.enqueue(index, on: group) == .queued) }
        group.done(2)
        #expect(log.woken == [])
        group.checkInvariants()
        group.done()
        #expect(log.woken == [0, 1, 2])
        #expect(group.count == 0)
        group.checkInvariants()
    }

    @Test("Nothing to wait for: the waiter passes at once")
    func emptyGroupPasses() {
        // If this failed, waiting for no work would hang.
        let group = WaitGroup()
        let log = WaitLog(count: 1)
        #expect(log.enqueue(0, on: group) == .granted)
        let isOver = group.blockingWait(until: MonotonicInstant(nanoseconds: 0))
        #expect(isOver)
    }

    @Test("It is used again after zero, and a new phase wakes its own waiters only")
    func phasesFollowEachOther() {
        // If this failed, the second batch of work could not be waited for.
        let group = WaitGroup()
        for phase in 1...5 {
            let log = WaitLog(count: 1)
            group.add(phase)
            #expect(log.enqueue(0, on: group) == .queued)
            for _ in 0..<phase {
                #expect(log.woken == [])
                group.checkInvariants()
                group.done()
            }
            group.checkInvariants()
            #expect(log.woken == [0])
        }
    }

    @Test("Withdrawing the only, first, middle or last waiter leaves the others", arguments: 1...4)
    func withdrawEveryPosition(size: Int) {
        // If this failed, cancelling one waiter would lose another, or the last `done` would hang.
        for victim in 0..<size {
            let group = WaitGroup()
            group.add(1)
            let log = WaitLog(count: size)
            for index in 0..<size { _ = log.enqueue(index, on: group) }
            #expect(log.withdraw(victim, from: group) == .removed)
            group.checkInvariants()
            group.done()
            #expect(log.woken == (0..<size).filter { $0 != victim })
            #expect(group.count == 0)
        }
    }

    @Test("A deadline passes while work is under way")
    func deadlineExpires() {
        // If this failed, a shutdown with a time limit would hang on one lost piece of work.
        let group = WaitGroup()
        group.add(1)
        let isOver = group.blockingWait(until: .soon)
        #expect(!isOver)
        group.checkInvariants()
        group.done()
        let isOverNow = group.blockingWait(until: .soon)
        #expect(isOverNow)
        group.checkInvariants()
    }

    @Test("More done than added traps")
    func negativeCountTraps() async {
        // If this failed, a double `done` would release waiters early without a word.
        await #expect(processExitsWith: .failure) {
            let group = WaitGroup()
            group.add(1)
            group.done()
            group.done()
        }
        await #expect(processExitsWith: .failure) {
            let group = WaitGroup()
            group.add(.max)
        }
    }

    @Test("The caller's memory holds a group")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: WaitGroup.storageByteCount) { storage in
            // SAFETY: the storage outlives the group.
            let group = unsafe WaitGroup(storage: storage)
            group.add(1)
            let isOver = group.blockingWait(until: MonotonicInstant(nanoseconds: 0))
            #expect(!isOver)
            group.checkInvariants()
            group.done()
            #expect(group.count == 0)
        }
    }

    @Test("Several threads wait for several workers, phase after phase, and see all their work")
    func threadsSeeTheWork() {
        // If this failed, `wait` would return without an acquire edge from each `done` (the
        // ancestor's bug), or hang when a phase ends as another begins.
        let group = Shared(WaitGroup())
        let starts = (0..<3).map { _ in Shared(CountingSemaphore(permitCount: 0)) }
        let observed = Shared(CountingSemaphore(permitCount: 0))
        let cells = (0..<2).map { _ in PlainCell() }
        let failures = Shared(CountingSemaphore(permitCount: 0))
        ThreadTeam.run(count: 4) { thread in
            for round in 1...500 as ClosedRange<UInt64> {
                if thread == 3 {
                    group.value.add(2)
                    for start in starts { start.value.signal() }
                } else if !starts[thread].value.blockingWait(until: .farAway) {
                    break
                }
                if thread < 2 {
                    cells[thread].value = round
                    group.value.done()
                    continue
                }
                let isOver = group.value.blockingWait(until: .farAway)
                if !isOver || !cells.allSatisfy({ $0.value == round }) { failures.value.signal() }
                if thread == 2 { observed.value.signal() }
                if thread == 3 && !observed.value.blockingWait(until: .farAway) { break }
            }
        }
        #expect(failures.value.permitCount == 0)
        #expect(observed.value.permitCount == 0)
        #expect(group.value.count == 0)
        group.value.checkInvariants()
        for start in starts { start.value.checkInvariants() }
    }
}
