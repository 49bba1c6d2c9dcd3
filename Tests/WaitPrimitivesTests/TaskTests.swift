// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import WaitPrimitives

@Suite("Waits of tasks", .timeLimit(.minutes(20)))
struct TaskTests {
    @Test("Suspended tasks are resumed in order by a thread that is not theirs")
    func tasksAreResumed() async throws {
        // If this failed, an async wait would hang or be resumed twice.
        let semaphore = Shared(CountingSemaphore(permitCount: 0))
        let order = Shared(Log())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<3 {
                group.addTask {
                    try await semaphore.value.wait()
                    order.value.append(index)
                    semaphore.value.signal()
                }
            }
            await ThreadTeam.run(count: 1) { _ in semaphore.value.signal() }
            try await group.waitForAll()
        }
        #expect(order.value.entries.sorted() == [0, 1, 2])
        #expect(semaphore.value.permitCount == 1)
        semaphore.value.checkInvariants()
    }

    @Test("Cancelling a task takes it out of the queue: the permit goes to the next")
    func cancelledTaskLeavesTheQueue() async throws {
        // If this failed, a wake-up would be spent on a cancelled task (the ancestor's worst bug).
        let event = Shared(AutoResetEvent())
        for victim in 0..<3 {
            let log = Shared(Log())
            let tasks = (0..<3).map { index in
                Task {
                    do throws(CancellationError) {
                        try await event.value.wait()
                        log.value.append(index)
                    } catch {
                        log.value.append(100 + index)
                    }
                }
            }
            // The queue is known to be complete only by what the event does; give them a moment.
            for _ in 0..<50 { await Task.yield() }
            tasks[victim].cancel()
            await tasks[victim].value
            #expect(log.value.entries == [100 + victim])
            event.value.checkInvariants()
            event.value.set()
            #expect(await eventually { log.value.entries.count == 2 })
            event.value.set()
            for task in tasks { await task.value }
            #expect(log.value.entries.dropFirst().sorted() == (0..<3).filter { $0 != victim })
            #expect(event.value.isSet == false)
            event.value.checkInvariants()
        }
    }

    @Test("A task that is cancelled before it waits does not wait, and takes nothing")
    func cancelledBefore() async {
        // If this failed, the handler that runs before the suspension would be lost.
        let group = Shared(WaitGroup())
        group.value.add(1)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await group.value.wait()
        }
        task.cancel()
        let result = await task.result
        #expect(throws: CancellationError.self) { try result.get() }
        group.value.checkInvariants()
        group.value.done()
        group.value.checkInvariants()
    }

    @Test("Cancellations that race with signals lose no permit")
    func cancellationRaces() async {
        // If this failed, a grant that meets a cancellation would be lost.
        let semaphore = Shared(CountingSemaphore(permitCount: 0))
        var generator = SplitMix64(seed: 5)
        var passCount = 0
        for _ in 0..<500 {
            let task = Task {
                do throws(CancellationError) {
                    try await semaphore.value.wait()
                    return true
                } catch {
                    return false
                }
            }
            let yieldCount = Int.random(in: 0..<4, using: &generator)
            for _ in 0..<yieldCount { await Task.yield() }
            task.cancel()
            semaphore.value.signal()
            if await task.value { passCount += 1 }
            // Either the task has the permit, or it is still there.
            while semaphore.value.tryWait() { passCount += 1 }
        }
        #expect(passCount == 500)
        semaphore.value.checkInvariants()
    }

    @Test("A oneshot's receiver gets the value, the end, or its own cancellation")
    func oneshotReceivers() async throws {
        // If this failed, a reply would be lost, or its waiter would hang.
        let ledger = LifetimeLedger()
        do {
            let reply = Shared(Oneshot<Tracked>())
            async let payload = reply.value.receive().payload
            await Task.yield()
            _ = reply.value.set(ledger.makeTracked(7))
            let received = try await payload
            #expect(received == 7)
            reply.value.checkInvariants()

            let closed = Shared(Oneshot<Tracked>())
            let receiver = Task { try await closed.value.receive().payload }
            await Task.yield()
            closed.value.close()
            let nothing = await receiver.result
            #expect(throws: OneshotError.closed) { try nothing.get() }
            closed.value.checkInvariants()

            let late = Shared(Oneshot<Tracked>())
            let task = Task { try await late.value.receive().payload }
            await Task.yield()
            task.cancel()
            let result = await task.result
            #expect(throws: OneshotError.cancelled) { try result.get() }
            late.value.checkInvariants()
            _ = late.value.set(ledger.makeTracked(8))
            late.value.checkInvariants()
            #expect(ledger.aliveCount == 1)
        }
        #expect(ledger.aliveCount == 0)
    }

    @Test("Tasks and threads wait for one group, and sleep on one event count")
    func tasksBesideThreads() async throws {
        // If this failed, one list could not serve both.
        let group = Shared(WaitGroup())
        let events = Shared(EventCount())
        group.value.add(2)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<4 {
                tasks.addTask { try await group.value.wait() }
                tasks.addTask { try await events.value.commitWait(events.value.prepareWait()) }
            }
            await ThreadTeam.run(count: 2) { thread in
                group.value.done()
                let isOver = group.value.blockingWait(until: .farAway)
                #expect(isOver)
            }
            #expect(await eventually { events.value.waiterCount == 4 })
            events.value.checkInvariants()
            events.value.notifyAll()
            try await tasks.waitForAll()
        }
        #expect(events.value.waiterCount == 0)
        events.value.checkInvariants()
        group.value.checkInvariants()
    }
}

/// Entries in the order of coming.
private struct Log: ~Copyable, @unchecked Sendable {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private let list = Entries()

    private final class Entries {
        var values: [Int] = []
    }

    private var lock: InternalLock {
        // SAFETY: the block is zeroed and lives as long as `self`.
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    var entries: [Int] { lock.withLock { list.values } }

    func append(_ entry: Int) { lock.withLock { list.values.append(entry) } }
}
