// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import Testing

@Suite("Waiting on loops", .serialized)
struct WaitingTests {
    @Test("Sleeping: in order, never too short", arguments: backends)
    func sleeping(_ choice: BackendChoice) throws {
        // If this failed, time limits would strike early.
        let order = try LoopGroup.run(choice: choice) { _ in
            try await withThrowingTaskGroup(of: (Int, Bool).self) { tasks in
                let base = MonotonicInstant.now
                for number in [3, 1, 4, 0, 2] {
                    tasks.addTask {
                        let deadline = base.advanced(byNanoseconds: UInt64(number) * 8_000_000)
                        try await LoopTime.sleep(until: deadline)
                        return (number, MonotonicInstant.now >= deadline)
                    }
                }
                var order: [Int] = []
                for try await (number, isLate) in tasks { order.append(isLate ? number : -1) }
                return order
            }
        }
        #expect(order == [0, 1, 2, 3, 4])
    }

    @Test("A loop that waits for a timer sleeps until then", arguments: backends)
    func sleepsThrough(_ choice: BackendChoice) throws {
        // If this failed, a loop with nothing to do would wake a hundred times a second.
        let turns = try LoopGroup.run(choice: choice) { group in
            let loop = group.executors[0].loop
            let before = loop.statistics.turns
            try await LoopTime.sleep(for: .milliseconds(300))
            return loop.statistics.turns - before
        }
        #expect(turns < 10)
    }

    @Test("A cancelled sleep ends at once", arguments: backends)
    func cancelledSleep(_ choice: BackendChoice) throws {
        // If this failed, a cancelled task would sit its time out, or a timer would be left behind.
        let (codes, timers) = try LoopGroup.run(choice: choice) { group in
            let codes = await withTaskGroup(of: Int32.self) { tasks in
                for _ in 0..<20 {
                    tasks.addTask {
                        do throws(SystemError) {
                            try await LoopTime.sleep(for: .seconds(60))
                            return 0
                        } catch { return error.code }
                    }
                }
                await Task.yield()
                tasks.cancelAll()
                // One that is cancelled before it begins.
                tasks.addTask {
                    do throws(SystemError) {
                        try await LoopTime.sleep(for: .seconds(60))
                        return 0
                    } catch { return error.code }
                }
                return await tasks.reduce(into: Set<Int32>()) { $0.insert($1) }
            }
            return (codes, group.executors[0].loop.timerCount)
        }
        #expect(codes == [Int32(MILLRACE_ECANCELED)])
        #expect(timers == 0)
    }

    @Test("A deadline cancels the body; a body in time wins", arguments: backends)
    func deadlines(_ choice: BackendChoice) throws {
        // If this failed, what was given up would go on in the background.
        let isOver = Count()
        try LoopGroup.run(choice: choice) { group in
            let value = try await LoopTime.withDeadline(after: .seconds(60)) { 5 }
            #expect(value == 5)
            await #expect(throws: SystemError(.sleep, code: Int32(MILLRACE_ETIMEDOUT))) {
                try await LoopTime.withDeadline(after: .milliseconds(2)) {
                    defer { isOver.add() }
                    try await LoopTime.sleep(for: .seconds(60))
                }
            }
            #expect(isOver.value == 1, "the body has ended when withDeadline returns")
            await #expect(throws: Oops(number: 1)) {
                try await LoopTime.withDeadline(after: .seconds(60)) { throw Oops(number: 1) }
            }
            #expect(group.executors[0].loop.timerCount == 0)
        }
    }

    @Test("A cancelled caller gets what the body made of it", arguments: backends)
    func cancelledDeadline(_ choice: BackendChoice) throws {
        // If this failed, a body that still succeeds would be reported as cancelled.
        let value = try LoopGroup.run(choice: choice) { _ in
            await withTaskGroup(of: Int.self) { tasks in
                tasks.addTask {
                    let value = try? await LoopTime.withDeadline(after: .seconds(60)) {
                        do { try await LoopTime.sleep(for: .seconds(60)) } catch {}
                        for _ in 0..<10 { await Task.yield() }
                        return 9
                    }
                    return value ?? -1
                }
                await Task.yield()
                tasks.cancelAll()
                return await tasks.next() ?? -2
            }
        }
        #expect(value == 9)
    }

    @Test("Cancelling a task cancels the kernel's operation first", arguments: backends)
    func cancelledOperation(_ choice: BackendChoice) throws {
        // If this failed, the kernel would write into memory that the task has given back.
        let outcome = try LoopGroup.run(choice: choice) { group in
            let pipe = Pipe()
            let executor = group.executors[0]
            let outcome = await withTaskGroup(of: [Int].self) { tasks in
                for round in 0..<30 {
                    tasks.addTask {
                        let suspension = Suspension(executor)
                        // SAFETY: the request names no memory.
                        let result = unsafe await suspension.perform(
                            .poll(descriptor: pipe.reader, events: 1))
                        return [Int(result), round]
                    }
                }
                await Task.yield()
                let before = executor.loop.operationCount
                tasks.cancelAll()
                var results = Set<Int>()
                for await result in tasks { results.insert(result[0]) }
                return [before, executor.loop.operationCount] + results.sorted()
            }
            pipe.close()
            return outcome
        }
        #expect(outcome == [30, 0, -MILLRACE_ECANCELED])
    }

    @Test("A deadline on an operation", arguments: backends)
    func operationDeadline(_ choice: BackendChoice) throws {
        // If this failed, a silent peer would hold a task for ever.
        let outcome = try LoopGroup.run(choice: choice) { group in
            let pipe = Pipe()
            defer { pipe.close() }
            let executor = group.executors[0]
            let suspension = Suspension(executor)
            var outcome: [Int32] = []
            for round in 0..<5 {
                let deadline = MonotonicInstant.now.advanced(byNanoseconds: 2_000_000)
                // SAFETY: the request names no memory.
                let result = unsafe await suspension.perform(
                    .poll(descriptor: pipe.reader, events: 1), until: deadline)
                outcome.append(result)
                #expect(MonotonicInstant.now >= deadline || round == 4)
                #expect(executor.loop.operationCount == 0 && executor.loop.timerCount == 0)
                if round == 3 { pipe.write() }
            }
            return outcome
        }
        let late = -Int32(MILLRACE_ETIMEDOUT)
        #expect(outcome.dropLast() == [late, late, late, late])
        #expect(outcome.last ?? 0 > 0)
    }

    @Test("Cancellation from another thread against completion", arguments: backends)
    func cancellationRace(_ choice: BackendChoice) throws {
        // If this failed, a late cancellation would hit the next wait in the same place.
        let rounds = 400
        let bad = try LoopGroup.run(loops: 2, choice: choice) { group in
            let pipe = Pipe()
            defer { pipe.close() }
            let suspension = Suspension(group.executors[0])
            var bad = 0
            for _ in 0..<rounds {
                let task = Task(executorPreference: group.executors[0]) {
                    // SAFETY: the request names no memory.
                    unsafe await suspension.perform(.poll(descriptor: pipe.reader, events: 1))
                }
                let canceller = Task(executorPreference: group.executors[1]) { task.cancel() }
                pipe.write()
                let result = await task.value
                if result != -Int32(MILLRACE_ECANCELED) && result <= 0 { bad += 1 }
                pipe.drain()
                // The next wait must not be hit by the cancellation of this one.
                let deadline = MonotonicInstant.now.advanced(byNanoseconds: 100_000)
                let next = await suspension.sleep(until: deadline)
                if next != 0 { bad += 1 }
                await canceller.value
            }
            return bad
        }
        #expect(bad == 0)
    }

    @Test("At the limits a wait is refused, not forgotten", arguments: backends)
    func limits(_ choice: BackendChoice) throws {
        // If this failed, a task would hang when a table is full.
        var options = LoopOptions()
        options.operationsMax = 2
        options.timersMax = 2
        let (operations, sleeps) = try LoopGroup.run(choice: choice, options: options) { group in
            let pipe = Pipe()
            defer { pipe.close() }
            let executor = group.executors[0]
            let operations = await withTaskGroup(of: Int32.self) { tasks in
                for _ in 0..<3 {
                    tasks.addTask {
                        // SAFETY: the request names no memory.
                        unsafe await Suspension(executor).perform(
                            .poll(descriptor: pipe.reader, events: 1))
                    }
                }
                let first = await tasks.next() ?? 0
                tasks.cancelAll()
                return first
            }
            let sleeps = await withTaskGroup(of: Int32.self) { tasks in
                for _ in 0..<3 {
                    tasks.addTask {
                        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 60_000_000_000)
                        return await Suspension(executor).sleep(until: deadline)
                    }
                }
                let first = await tasks.next() ?? 0
                tasks.cancelAll()
                return first
            }
            return (operations, sleeps)
        }
        #expect(operations == -Int32(MILLRACE_ENOBUFS))
        #expect(sleeps == -Int32(MILLRACE_ENOBUFS))
    }

    @Test("The blocking pool: bounded, complete, gone when idle")
    func blockingPool() async {
        // If this failed, blocking calls would take all threads, get lost, or keep theirs for ever.
        let pool = BlockingPool(threadsMax: 3, idleNanoseconds: 20_000_000)
        let running = Count()
        let most = Count()
        let total = await withTaskGroup(of: Int.self) { tasks in
            for number in 0..<200 {
                tasks.addTask {
                    await pool.run {
                        running.add()
                        if running.value > 3 { most.add() }
                        for _ in 0..<1000 { millrace_spin_hint() }
                        running.add(-1)
                        return number
                    }
                }
            }
            return await tasks.reduce(0, +)
        }
        #expect(total == 200 * 199 / 2)
        #expect(most.value == 0, "more threads than allowed")
        #expect(pool.currentThreadCount <= 3)
        let isIdle = await eventually { pool.currentThreadCount == 0 }
        #expect(isIdle)
        #expect(await pool.run { 5 } == 5, "the pool begins again")
    }
}

/// A pipe for tasks on one loop.
struct Pipe: Sendable {
    let reader: Int32
    let writer: Int32

    init() {
        var ends: [Int32] = [0, 0]
        let status = unsafe millrace_pipe_open(&ends)  // SAFETY: room for two.
        precondition(status == 0)
        reader = ends[0]
        writer = ends[1]
    }

    func write() {
        var byte: UInt8 = 1
        _ = unsafe millrace_write(writer, &byte, 1)  // SAFETY: one byte.
    }

    func drain() {
        var bytes = [UInt8](repeating: 0, count: 64)
        _ = unsafe millrace_read(reader, &bytes, 64)  // SAFETY: as many.
    }

    func close() {
        _ = millrace_close(reader)
        _ = millrace_close(writer)
    }
}
