// SPDX-License-Identifier: MIT

internal import LoopSimulation

/// A workload that is run in a simulated world for many seeds.
struct Storm: Sendable {
    /// Its name on the command line.
    let name: String
    /// What happens in it, in a line.
    let summary: String
    /// Runs one seed.
    let run: @Sendable (StormSettings) throws -> StormResult
}

/// What one run is made of: all of it is drawn from the seed, but can be narrowed.
struct StormSettings: Sendable {
    var seed: UInt64
    var place = StormPlace.simulated
    /// Faults that do not happen, whatever the seed draws.
    var withoutFaults: Set<Fault> = []
    /// How much of the workload is done, in a thousand.
    var share = 1000
    /// How many of the last events are kept in words.
    var traceLinesMax = 0

    /// The faults of this run.
    var plan: FaultPlan {
        var plan = FaultPlan.drawn(seed: seed)
        for fault in withoutFaults { plan[fault] = 0 }
        return plan
    }
}

/// What came of one run.
struct StormResult: Sendable {
    /// What is wrong; empty if nothing is.
    var complaints: [String]
    var traceHash: UInt64
    var traceCount: UInt64
    var time: Duration
    var statistics: SimulationStatistics
    var timeline: [String]
}
