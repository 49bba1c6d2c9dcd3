// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Cyclic barrier", .timeLimit(.minutes(20)))
struct CyclicBarrierTests {
    @Test("All of a phase pass with its last arrival, which leads, and the next phase begins")
    func phasesFollowEachOther() {
        // If this failed, a phase would end early, or have no leader.
        let barrier = CyclicBarrier(memberCount: 3)
        for _ in 0..<3 {
            let log = WaitLog(count: 3)
            #expect(log.enqueue(0, on: barrier) == .queued)
            #expect(log.enqueue(1, on: barrier) == .queued)
            #expect(barrier.arrivalCount == 2)
            #expect(log.woken == [])
            barrier.checkInvariants()
            #expect(log.enqueue(2, on: barrier) == .granted)
            #expect(log.woken == [0, 1])
            #expect(barrier.arrivalCount == 0)
            barrier.checkInvariants()
        }
    }

    @Test("A barrier of one never waits")
    func single() {
        // If this failed, a team of one would hang.
        let barrier = CyclicBarrier(memberCount: 1)
        for _ in 0..<3 { #expect(barrier.blockingWait(until: .soon) == .leader) }
    }

    @Test("Who gives up has not arrived: the others wait for somebody else", arguments: 0..<3)
    func withdrawEveryPosition(victim: Int) {
        // If this failed, a phase would be complete without one of its members, or never again.
        let barrier = CyclicBarrier(memberCount: 4)
        let log = WaitLog(count: 5)
        for index in 0..<3 { _ = log.enqueue(index, on: barrier) }
        #expect(log.withdraw(victim, from: barrier) == .removed)
        #expect(barrier.arrivalCount == 2)
        barrier.checkInvariants()
        #expect(log.enqueue(3, on: barrier) == .queued)
        #expect(log.woken == [])
        #expect(log.enqueue(4, on: barrier) == .granted)
        #expect(log.woken == (0..<4).filter { $0 != victim })
        barrier.checkInvariants()
    }

    @Test("A withdrawal that comes too late says so; one that comes early does not arrive")
    func withdrawalTellsTheTruth() {
        // If this failed, an arrival would be taken back from a phase that is over.
        let barrier = CyclicBarrier(memberCount: 2)
        let log = WaitLog(count: 3)
        _ = log.enqueue(0, on: barrier)
        #expect(log.enqueue(1, on: barrier) == .granted)
        #expect(log.withdraw(0, from: barrier) == .late)
        #expect(log.withdraw(2, from: barrier) == .early)
        #expect(log.enqueue(2, on: barrier) == .withdrawn)
        #expect(barrier.arrivalCount == 0)
        barrier.checkInvariants()
    }

    @Test("A deadline takes the arrival back")
    func deadlineExpires() {
        // If this failed, a thread that has gone would count as one that is there.
        let barrier = CyclicBarrier(memberCount: 2)
        #expect(barrier.blockingWait(until: .soon) == nil)
        #expect(barrier.blockingWait(until: MonotonicInstant(nanoseconds: 0)) == nil)
        #expect(barrier.arrivalCount == 0)
        barrier.checkInvariants()
    }

    @Test("A barrier of nobody traps")
    func misuseTraps() async {
        // If this failed, the first arrival would wait for ever.
        await #expect(processExitsWith: .failure) { _ = CyclicBarrier(memberCount: 0) }
    }

    @Test("The caller's memory holds a barrier")
    func callersStorage() {
        // If this failed, arenas could not hold one.
        // SAFETY: the memory is given to the one thing that is made in it.
        unsafe withStorage(byteCount: CyclicBarrier.storageByteCount) { storage in
            // SAFETY: the storage outlives the barrier.
            let barrier = unsafe CyclicBarrier(storage: storage, memberCount: 2)
            let log = WaitLog(count: 2)
            #expect(log.enqueue(0, on: barrier) == .queued)
            #expect(log.enqueue(1, on: barrier) == .granted)
            #expect(log.woken == [0])
        }
    }

    @Test("Threads go through phases together, see each other's work, and one leads each phase")
    func threadsMeet() {
        // If this failed, somebody would run ahead, or an edge or a leader would be missing.
        let barrier = Shared(CyclicBarrier(memberCount: 3))
        let cells = (0..<3).map { _ in PlainCell() }
        let failures = Shared(CountingSemaphore(permitCount: 0))
        let leaders = Shared(CountingSemaphore(permitCount: 0))
        ThreadTeam.run(count: 3) { thread in
            for round in 1...500 as ClosedRange<UInt64> {
                cells[thread].value = round
                let role = barrier.value.blockingWait(until: .farAway)
                if role == .leader { leaders.value.signal() }
                let isTogether = cells.allSatisfy { $0.value == round }
                if role == nil || !isTogether { failures.value.signal() }
                // Nobody writes the next round while another still reads this one.
                if barrier.value.blockingWait(until: .farAway) == nil { return }
            }
        }
        #expect(failures.value.permitCount == 0)
        #expect(leaders.value.permitCount == 500)
        #expect(barrier.value.arrivalCount == 0)
        barrier.value.checkInvariants()
    }

    @Test("Tasks meet; one that is cancelled has not arrived")
    func tasksMeet() async throws {
        // If this failed, a cancelled task would complete a phase, or nobody would lead it.
        let barrier = Shared(CyclicBarrier(memberCount: 3))
        let cancelled = Task { try await barrier.value.wait() }
        #expect(await eventually { barrier.value.arrivalCount == 1 })
        cancelled.cancel()
        let result = await cancelled.result
        #expect(throws: CancellationError.self) { try result.get() }
        #expect(barrier.value.arrivalCount == 0)
        barrier.value.checkInvariants()
        let tasks = (0..<3).map { _ in Task { try await barrier.value.wait() } }
        var roles: [CyclicBarrier.Role] = []
        for task in tasks { roles.append(try await task.value) }
        #expect(roles.filter { $0 == .leader }.count == 1)
        #expect(roles.filter { $0 == .follower }.count == 2)
        barrier.value.checkInvariants()
    }
}
