// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import EventLoops
internal import Glibc

/// Many tasks that wait in turn on one loop, and one that lets them go on, over and over: what the
/// loop's own turns cost is shared by all of them.
final class WaitMeasurement: @unchecked Sendable {
    // Threads: the loop's only.
    private static let taskCount = 500

    private let way: SuspendAsync.Way
    private let perTask: Int
    private var running = 0
    private var gates: [Suspension] = []
    private var parked: [@Sendable () -> Void] = []

    init(_ way: SuspendAsync.Way, rounds: Int) {
        self.way = way
        perTask = max(1, rounds / Self.taskCount)
    }

    /// How many waits there are in all.
    var performed: Int { perTask * Self.taskCount }

    /// The CPU time of the loop's thread.
    func run(on group: LoopGroup) async -> UInt64 {
        let executor = group.executors[0]
        let start = Self.threadNanoseconds
        await withDiscardingTaskGroup { tasks in
            for _ in 0..<Self.taskCount {
                tasks.addTask(executorPreference: executor) {
                    await self.waitAgainAndAgain(on: executor)
                }
            }
            await Task.yield()
            while running > 0 {  // Ends when every task has waited often enough.
                for gate in gates { gate.signal() }
                let resumptions = parked
                parked.removeAll(keepingCapacity: true)
                for resume in resumptions { resume() }
                await Task.yield()
            }
        }
        return Self.threadNanoseconds - start
    }

    private func waitAgainAndAgain(on executor: LoopExecutor) async {
        running += 1
        let gate = Suspension(executor)
        if way == .watched || way == .handler { gates.append(gate) }
        if way == .watched || way == .ready { _ = gate.watch() }
        for _ in 0..<perTask {
            switch way {
            case .watched, .handler: _ = await gate.waitForSignal()
            case .ready:
                gate.signal()
                _ = await gate.waitForSignal()
            case .yield: await Task.yield()
            case .checked:
                await withCheckedContinuation { continuation in
                    parked.append { continuation.resume() }
                }
            case .bare:
                // SAFETY: resumed once, by `run`.
                unsafe await withUnsafeContinuation { continuation in
                    parked.append { unsafe continuation.resume() }  // SAFETY: as above.
                }
            }
        }
        running -= 1
    }

    private static var threadNanoseconds: UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)  // SAFETY: filled in.
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
