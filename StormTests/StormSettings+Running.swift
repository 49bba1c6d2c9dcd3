// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import EventLoops
internal import LoopSimulation

extension StormSettings {
    /// Runs a workload in a world of this seed, and checks what holds for every one: it comes to
    /// its end, throws nothing, and leaves nothing open.
    func run(
        waitsMax: UInt64, _ ledger: Ledger,
        _ body: @escaping @Sendable (LoopGroup, any StormWorld) async throws -> Void
    ) throws -> StormResult {
        if case .kernel(let choice, let onHeal) = place {
            return try run(on: choice, ledger, onHeal: onHeal, body)
        }
        var simulation = Simulation(seed: seed)
        simulation.plan = plan
        simulation.traceLinesMax = traceLinesMax
        simulation.waitsMax = waitsMax
        simulation.options = loopOptions
        simulation.options.stopGraceNanoseconds = 10_000_000
        defer { ledger.events = nil }
        let outcome = try simulation.run { group, world in
            ledger.events = { world.timeline }
            try await body(group, world)
        }
        if case .failure(let error)? = outcome.result { ledger.complain("it threw \(error)") }
        ledger.expect(outcome.ending == .finished, "the run ended as \(outcome.ending)")
        if outcome.ending == .finished {
            ledger.expect(outcome.openCount == 0, "\(outcome.openCount) descriptors are open")
            ledger.expect(
                outcome.heldBufferCount == 0 && outcome.leasedBlockCount == 0,
                "\(outcome.heldBufferCount) receive buffers and \(outcome.leasedBlockCount) send"
                    + " blocks are out")
            let stray = outcome.statistics.strayCloses
            ledger.expect(stray == 0, "\(stray) closes of a number that nobody had")
            let lost = outcome.statistics.strayRequests
            ledger.expect(lost == 0, "\(lost) operations on a number that nobody had")
            let changed = outcome.statistics.changedSends
            ledger.expect(changed == 0, "\(changed) times bytes were changed that were to be sent")
        }
        return StormResult(
            complaints: ledger.complaints, traceHash: outcome.traceHash,
            traceCount: outcome.traceCount, time: outcome.time, statistics: outcome.statistics,
            timeline: ledger.timeline.isEmpty ? outcome.timeline : ledger.timeline)
    }
}
