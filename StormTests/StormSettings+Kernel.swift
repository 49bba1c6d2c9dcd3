// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import BackendConformance
internal import EventLoops
internal import LoopSimulation

extension StormSettings {
    /// Runs a workload on a loop of the kernel's.
    func run(
        on choice: BackendChoice, _ ledger: Ledger, onHeal: @escaping @Sendable () -> Void,
        _ body: @escaping @Sendable (LoopGroup, any StormWorld) async throws -> Void
    ) throws -> StormResult {
        let world = KernelWorld(seed: seed, onHeal: onHeal)
        var watched: WatchedBackend?
        let outcome = Result {
            try LoopGroup.run(options: loopOptions) { options throws(SystemError) in
                let selected = try choice.open(options: options)
                let backend = WatchedBackend(selected.backend)
                watched = backend
                backend.onStep = { world.onStep?() }
                return SelectedBackend(backend: backend, reason: selected.reason)
            } _: { group in
                try await withThrowingDiscardingTaskGroup { tasks in
                    tasks.addTask(executorPreference: group.executors[0]) {
                        await world.serve(on: group.executors[0])
                    }
                    defer { world.end() }
                    try await body(group, world)
                }
            }
        }
        if case .failure(let error) = outcome { ledger.complain("it threw \(error)") }
        for failure in world.failures { ledger.complain(failure) }
        var statistics = SimulationStatistics()
        statistics.completions = watched?.completionCount ?? 0
        return StormResult(
            complaints: ledger.complaints, traceHash: 0, traceCount: 0, time: .zero,
            statistics: statistics, timeline: [])
    }

    /// In some runs streams have to wait for buffers.
    var loopOptions: LoopOptions {
        var options = LoopOptions()
        if seed % 4 == 0 { options.receiveBufferCount = 4 }
        return options
    }
}
