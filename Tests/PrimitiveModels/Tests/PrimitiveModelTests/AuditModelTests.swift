// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

/// Each ordering of each primitive is weakened by one step, in several small programs. One that no
/// program misses is stronger than it must be, or the programs do not show why it is needed.
@Suite("Orderings of the primitives")
struct AuditModelTests {
    @Test("of the bounded queue")
    func queue() {
        // Wrong: an ordering can be weakened and nobody notices.
        let names = unneededOrderings(of: [
            QueuePrograms.traffic([2, 1], [2]), QueuePrograms.closing(), QueuePrograms.ending(),
            QueuePrograms.draining([2, 1], [2]), QueuePrograms.filling([2], pops: 2),
        ])
        #expect(names == [])
    }

    @Test("of the lock-free queue")
    func lockFreeQueue() {
        // Wrong: as above, but for E4, the one order of tickets and threshold. It is asked for by
        // the argument for any number of threads; each alone may be weaker in so small programs.
        let names = unneededOrderings(of: [
            LockFreeQueuePrograms.traffic([2], [2], capacity: 1),
            IndexRingPrograms.passed(), LockFreeQueuePrograms.closing(1),
            LockFreeQueuePrograms.ending(pushes: [1], consumers: 1, turns: 2),
        ])
        #expect(names.filter { !$0.contains("sequentiallyConsistent") } == [])
    }

    @Test("of the queue from one to one")
    func pipe() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            PipePrograms.traffic(3, 3, capacity: 1), PipePrograms.closing(2, capacity: 2),
            PipePrograms.batches([2, 2], [2, 2], capacity: 2),
            PipePrograms.abandoning(2, readers: 1),
        ])
        #expect(names == [])
    }

    @Test("of the relaxed queue, which has but a count of handles and its lanes' orderings")
    func relaxedQueue() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            RelaxedQueuePrograms.traffic([2, 1], [2]), RelaxedQueuePrograms.closing(),
            RelaxedQueuePrograms.ending(),
            // What only the lanes' other operations and a full lane need.
            QueuePrograms.traffic([2, 1], [2]), QueuePrograms.draining([2, 1], [2]),
        ])
        #expect(names == [])
    }

    @Test("of the unbounded queue from one to one")
    func unboundedPipe() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            UnboundedPipePrograms.traffic(5, 4, segmentCapacity: 1),
            UnboundedPipePrograms.batches([2, 2, 1], [2, 2], segmentCapacity: 1),
            UnboundedPipePrograms.closing(2, segmentCapacity: 2),
            UnboundedPipePrograms.abandoning(2),
        ])
        #expect(names == [])
    }

    @Test("of the inbox")
    func inbox() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            InboxPrograms.traffic([2], drains: 2, capacity: 2),
            InboxPrograms.traffic([1, 1], drains: 1, capacity: 2), InboxPrograms.closing([1]),
        ])
        #expect(names == [])
    }

    @Test("of the free list and the pool")
    func pool() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            PoolPrograms.freeList([2, 1], slots: 2), PoolPrograms.chains([2, 1], slots: 2),
            PoolPrograms.leases([2, 1], capacity: 1, magazineCount: 0),
            PoolPrograms.leases([1, 1], capacity: 1, magazineCount: 3),
            PoolPrograms.found(magazineCount: 3),
        ])
        #expect(names == [])
    }

    @Test("of the lock")
    func lock() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            LockPrograms.mutex([2, 1]), LockPrograms.mutex([1, 1, 1]),
        ])
        #expect(names == [])
    }

    @Test("of the event count")
    func eventCount() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            EventCountPrograms.flag(waiters: 1, isOrdered: false),
            EventCountPrograms.flag(waiters: 1, isOrdered: true), EventCountPrograms.deadline(),
            EventCountPrograms.edge(waiters: 1),
            EventCountPrograms.tokens([1], [1], isOrdered: true),
        ])
        #expect(names == [])
    }

    @Test("of the gate")
    func gate() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            GatePrograms.work([1, 1], waiters: 1), GatePrograms.deadlines(waiters: 1),
            GatePrograms.work([2], waiters: 1, ends: true), GatePrograms.announced(),
            MeetingPrograms.polledLatch(),
        ])
        #expect(names == [])
    }

    @Test("of the semaphore and the event")
    func semaphore() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            SemaphorePrograms.mutex([1, 1]), SemaphorePrograms.handOver([1], [1]),
            SemaphorePrograms.handOver([2], [2]), SemaphorePrograms.batch(),
            SemaphorePrograms.deadlines(waiters: 1, signals: 1), SemaphorePrograms.forgottenSet(),
            FairLockPrograms.turns([.waiting, .waitingInTime]),
        ])
        #expect(names == [])
    }

    @Test("of the read-write lock")
    func readWriteLock() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            ReadWriteLockPrograms.turns([[.writing], [.writing]]),
            ReadWriteLockPrograms.turns([[.writing], [.reading]]),
            ReadWriteLockPrograms.turns([[.writingInTime], [.reading]]),
            ReadWriteLockPrograms.turns([[.reading], [.reading], [.writing]]),
            ReadWriteLockPrograms.joining(), ReadWriteLockPrograms.following(),
        ])
        #expect(names == [])
    }

    @Test("of notify")
    func notify() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            NotifyPrograms.ones([1], [.waitingInTime]), NotifyPrograms.ones([1], [.trying]),
            NotifyPrograms.forgotten(), NotifyPrograms.ticketLookWait(waiters: 1),
            NotifyPrograms.keptEdge(), NotifyPrograms.twoCalls(),
        ])
        #expect(names == [])
    }

    @Test("of the condition variable, which has those of the lock and its list")
    func condition() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            ConditionPrograms.tokens(patient: 1, impatient: 0),
            ConditionPrograms.tokens(patient: 0, impatient: 1),
            // What only the lock's other operations need.
            SemaphorePrograms.handOver([1], [1]), SemaphorePrograms.batch(),
            SemaphorePrograms.deadlines(waiters: 1, signals: 1), SemaphorePrograms.forgottenSet(),
            FairLockPrograms.turns([.waiting, .waitingInTime]),
        ])
        #expect(names == [])
    }

    @Test("of the parking lot, which has those of its buckets' locks")
    func parkingLot() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            ParkingLotPrograms.flag(waiters: 1), ParkingLotPrograms.flag(waiters: 1, impatient: 1),
            LockPrograms.mutex([2, 1]), LockPrograms.mutex([1, 1, 1]),
        ])
        #expect(names == [])
    }

    @Test("of the manual-reset event, the latch and the barrier")
    func meetings() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            ManualEventPrograms.passing(setters: 1, waiters: 1), ManualEventPrograms.polling(),
            ManualEventPrograms.forgottenSet(),
            ManualEventPrograms.resetLookWait(2), ManualEventPrograms.deadlines(waiters: 1),
            MeetingPrograms.latch([1, 1]), MeetingPrograms.polledLatch(),
            MeetingPrograms.barrier(2, phases: 1),
        ])
        #expect(names == [])
    }

    @Test("of the oneshot")
    func oneshot() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            OneshotPrograms.exchange(setters: 1, [.trying]),
            OneshotPrograms.exchange(setters: 1, [.waiting]),
            OneshotPrograms.exchange(setters: 2, [.trying, .trying]), OneshotPrograms.closing(),
            OneshotPrograms.exchange(setters: 1, [.waitingInTime]),
        ])
        #expect(names == [])
    }

    @Test("of the breaker")
    func breaker() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            BreakerPrograms.edges(), BreakerPrograms.reclosing(),
            BreakerPrograms.probes(
                3, policy: BreakerPrograms.policy(failures: 1, successes: 1, probes: 1)),
        ])
        #expect(names == [])
    }

    @Test("of the event loop: posting, sleeping, stopping")
    func loop() {
        // Wrong: as above.
        let names = unneededOrderings(
            of: [
                LoopPrograms.stop(posts: 0, inboxCapacity: 2),
                LoopPrograms.posts([1], inboxCapacity: 2),
                LoopPrograms.posts([2], inboxCapacity: 1),
            ], in: "EventLoops/")
        #expect(names == [])
    }

    @Test("of the drain allocator")
    func drain() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            DrainPrograms.closing([1]), DrainPrograms.end([2], waiters: 1),
            DrainPrograms.end([1, 1], waiters: 1),
            DrainPrograms.limit([1, 1], byteCountMax: 16, closes: false),
            MeetingPrograms.polledLatch(),  // The gate's edge to those who only look.
        ])
        #expect(names == [])
    }
}
