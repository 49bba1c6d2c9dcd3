// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Testing

/// The backends that every test of this room runs on; a missing one fails.
let backends: [BackendChoice] = [.ioUring, .epoll]

/// Waits without blocking a thread of the pool until the condition holds; false after ten seconds.
func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = MonotonicInstant.now.advanced(byNanoseconds: 10_000_000_000)
    while !condition() {  // Ends at the deadline.
        if MonotonicInstant.now > deadline { return false }
        await Task.yield()
    }
    return true
}

/// A number that threads count.
final class Count: Sendable {
    private let word = Atomic<Int>(0)
    func add(_ amount: Int = 1) { word.add(amount, ordering: .acquiringAndReleasing) }
    var value: Int { word.load(ordering: .acquiring) }
}

struct Oops: Error, Equatable {
    let number: Int
}

/// An actor that lives on a loop.
actor Counter {
    private let executor: LoopExecutor
    private var value = 0
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.serial.asUnownedSerialExecutor()  // SAFETY: `executor` is kept alive here.
    }

    init(_ executor: LoopExecutor) { self.executor = executor }

    func add() -> Bool {
        value += 1
        return executor.loop.isCurrent
    }

    func addSlowly() async {
        let before = value
        await Task.yield()
        value = max(value, before) + 1
    }

    func total() -> Int { value }
}

@Suite("Tasks on loops", .serialized)
struct ExecutorTests {
    @Test("A task and its children stay on the loop's thread", arguments: backends)
    func staysOnLoop(_ choice: BackendChoice) throws {
        // If this failed, connections would be touched from two threads.
        let isOnLoop = try LoopGroup.run(choice: choice) { group in
            let loop = group.executors[0].loop
            var isOnLoop = loop.isCurrent
            await Task.yield()
            isOnLoop = isOnLoop && loop.isCurrent
            try await LoopTime.sleep(for: .microseconds(100))
            isOnLoop = isOnLoop && loop.isCurrent && EventLoop.current === loop
            async let child = loop.isCurrent
            let children = await withTaskGroup(of: Bool.self) { tasks in
                for _ in 0..<20 {
                    tasks.addTask {
                        await Task.yield()
                        return loop.isCurrent
                    }
                }
                return await tasks.reduce(true) { $0 && $1 }
            }
            let childIsOnLoop = await child
            return isOnLoop && children && childIsOnLoop
        }
        #expect(isOnLoop)
    }

    @Test("Values, errors and cancellation come out of the group", arguments: backends)
    func results(_ choice: BackendChoice) throws {
        // If this failed, a program would lose the reason why it ended.
        #expect(try LoopGroup.run(choice: choice) { _ in 42 } == 42)
        #expect(throws: Oops(number: 7)) {
            try LoopGroup.run(choice: choice) { _ in throw Oops(number: 7) }
        }
        #expect(throws: SystemError(.sleep, code: 110)) {
            try LoopGroup.run(choice: choice) { _ in
                try await LoopTime.withDeadline(after: .milliseconds(1)) {
                    try await LoopTime.sleep(for: .seconds(60))
                }
            }
        }
    }

    @Test("A group runs on backends that the program brings")
    func broughtBackends() throws {
        // If this failed, a backend of one's own could not carry tasks.
        var options = LoopOptions()
        options.operationsMax = 77
        var opened: [Int] = []
        let selection = try LoopGroup.run(
            loops: 3, options: options,
            backend: { options throws(SystemError) in
                opened.append(options.operationsMax)
                let epoll = try BackendChoice.epoll.open(options: options).backend
                return SelectedBackend(backend: epoll, reason: "brought along")
            }
        ) { group in
            try await LoopTime.sleep(for: .milliseconds(1))
            let areOnLoops = await withTaskGroup(of: Bool.self) { tasks in
                for executor in group.executors {
                    tasks.addTask(executorPreference: executor) { executor.loop.isCurrent }
                }
                return await tasks.reduce(true) { $0 && $1 }
            }
            return areOnLoops ? group.selection : "elsewhere"
        }
        #expect(selection == "brought along")
        #expect(opened == [77, 77, 77])
    }

    @Test("A backend that cannot be made is the group's error, and nothing runs")
    func refusedBackend() {
        // If this failed, a group would start with fewer loops than asked for, or leave threads.
        let refusal = SystemError(.openBackend, code: 24)
        var opened = 0
        #expect(throws: refusal) {
            try LoopGroup.run(
                loops: 3,
                backend: { options throws(SystemError) in
                    opened += 1
                    if opened == 2 { throw refusal }
                    return try BackendChoice.epoll.open(options: options)
                }
            ) { _ in Issue.record("the program ran") }
        }
        #expect(opened == 2)
    }

    @Test("Several loops run at the same time, each on its own thread", arguments: backends)
    func severalLoops(_ choice: BackendChoice) throws {
        // If this failed, work spread over loops would run on one of them.
        let isRight = try LoopGroup.run(loops: 3, choice: choice) { group in
            await withTaskGroup(of: Bool.self) { tasks in
                for number in 0..<300 {
                    let executor = group.executors[number % 3]
                    tasks.addTask(executorPreference: executor) {
                        await Task.yield()
                        return executor.loop.isCurrent && LoopExecutor.current === executor
                    }
                }
                return await tasks.reduce(true) { $0 && $1 }
            }
        }
        #expect(isRight)
        let spread = try LoopGroup.run(loops: 3, choice: choice) { group in
            Set((0..<6).map { _ in ObjectIdentifier(group.nextExecutor) }).count
        }
        #expect(spread == 3)
    }

    @Test("An actor on a loop: its jobs run there, one at a time", arguments: backends)
    func actors(_ choice: BackendChoice) throws {
        // If this failed, an actor's state would be torn between threads.
        let (isOnLoop, total) = try LoopGroup.run(loops: 2, choice: choice) { group in
            let counter = Counter(group.executors[1])
            let isOnLoop = await withTaskGroup(of: Bool.self) { tasks in
                for number in 0..<400 {
                    tasks.addTask(executorPreference: group.executors[number % 2]) {
                        await counter.addSlowly()
                        return await counter.add()
                    }
                    tasks.addTask(executorPreference: globalConcurrentExecutor) {
                        await counter.add()
                    }
                }
                return await tasks.reduce(true) { $0 && $1 }
            }
            return (isOnLoop, await counter.total())
        }
        #expect(isOnLoop)
        #expect(total >= 1200)
    }

    @Test("Jobs from other threads arrive, with a small inbox too", arguments: backends)
    func foreignJobs(_ choice: BackendChoice) throws {
        // If this failed, a task resumed by another thread would hang.
        var options = LoopOptions()
        options.inboxCapacity = 8
        let total = try LoopGroup.run(choice: choice, options: options) { group in
            await withTaskGroup(of: Int.self) { tasks in
                for number in 0..<500 {
                    tasks.addTask(executorPreference: globalConcurrentExecutor) {
                        await withTaskExecutorPreference(group.executors[0]) {
                            group.executors[0].loop.isCurrent ? number : -1_000_000
                        }
                    }
                }
                return await tasks.reduce(0, +)
            }
        }
        #expect(total == 500 * 499 / 2)
    }

    @Test("Ten thousand tasks on one loop", arguments: backends)
    func manyTasks(_ choice: BackendChoice) throws {
        // If this failed, a busy server would lose tasks.
        let total = try LoopGroup.run(choice: choice) { _ in
            await withTaskGroup(of: Int.self) { tasks in
                for number in 0..<10_000 {
                    tasks.addTask {
                        try? await LoopTime.sleep(for: .microseconds(number % 50))
                        await Task.yield()
                        return 1
                    }
                }
                return await tasks.reduce(0, +)
            }
        }
        #expect(total == 10_000)
    }

    @Test("Busy tasks do not starve the timers", arguments: backends)
    func fairness(_ choice: BackendChoice) throws {
        // If this failed, one busy task would stop all connections of its loop.
        let isDone = try LoopGroup.run(choice: choice) { _ in
            await withTaskGroup(of: Bool.self) { tasks in
                let isOver = Count()
                for _ in 0..<20 {
                    tasks.addTask {
                        // Ends with the sleep below.
                        while isOver.value == 0 { await Task.yield() }
                        return true
                    }
                }
                try? await LoopTime.sleep(for: .milliseconds(5))
                isOver.add()
                return await tasks.reduce(true) { $0 && $1 }
            }
        }
        #expect(isDone)
    }

    @Test("Tasks that outlive the group go on elsewhere", arguments: backends)
    func leftovers(_ choice: BackendChoice) async throws {
        // If this failed, a forgotten task would hang for ever, and who awaits it too.
        let ended = Count()
        let elsewhere = Count()
        // Time enough: all end on their loop, where alone they may close what they have.
        var options = LoopOptions()
        options.stopGraceNanoseconds = 60_000_000_000
        try await onThread { [options] in
            try LoopGroup.run(choice: choice, options: options) { group in
                for number in 0..<50 {
                    Task(executorPreference: group.executors[0]) {
                        if number % 2 == 0 {
                            do { try await LoopTime.sleep(for: .seconds(60)) } catch {}
                        }
                        for _ in 0..<2000 { await Task.yield() }
                        if !group.executors[0].loop.isCurrent { elsewhere.add() }
                        ended.add()
                    }
                }
            }
        }
        let isAllEnded = await eventually { ended.value == 50 }
        #expect(isAllEnded, "\(ended.value) of 50")
        #expect(elsewhere.value == 0)
    }

    @Test("Tasks that do not end keep no loop, and go on elsewhere", arguments: backends)
    func restless(_ choice: BackendChoice) async throws {
        // If this failed, one busy task would keep a program from its end; or who awaits a task
        // that was ready when its loop ended would wait for ever.
        let ended = Count()
        var options = LoopOptions()
        options.stopGraceNanoseconds = 1_000_000
        try await onThread { [options] in
            try LoopGroup.run(choice: choice, options: options) { group in
                let loop = group.executors[0].loop
                for _ in 0..<20 {
                    Task(executorPreference: group.executors[0]) {
                        // Ends when the loop has ended.
                        while loop.isCurrent { await Task.yield() }
                        ended.add()
                    }
                }
            }
        }
        let isAllEnded = await eventually { ended.value == 20 }
        #expect(isAllEnded, "\(ended.value) of 20")
    }
}

/// Runs blocking code without holding a thread of the pool.
func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    let pool = BlockingPool(threadsMax: 1, idleNanoseconds: 1_000_000)
    try await pool.run { Result { try body() } }.get()
}
