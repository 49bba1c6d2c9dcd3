// SPDX-License-Identifier: MIT

/// Lets entrants take turns: A B C, B C A, C A B, … so that what changes over time, and what comes
/// from following another, hits all alike.
package struct Alternation {
    package let scenario: Scenario
    package let rounds: Int
    package let processors: Processors
    /// Told of each trial before it begins.
    package var progress: (String) -> Void = { _ in }

    package init(_ scenario: Scenario, rounds: Int, on processors: Processors) {
        self.scenario = scenario
        self.rounds = rounds
        self.processors = processors
    }

    /// The order of the entrants in one round.
    package static func order(of count: Int, inRound round: Int) -> [Int] {
        (0..<count).map { ($0 + round) % count }
    }

    /// Runs all trials.
    package func run() throws -> ScenarioResult {
        try scenario.prepare()
        let entrants = scenario.entrants
        var leftOut: Set<String> = []
        if scenario.hasWarmUp {
            for entrant in entrants {
                progress("\(scenario.name): warming up \(entrant.name)")
                _ = try measure(entrant, orLeaveOut: &leftOut)
            }
        }
        var trials: [Trial] = []
        for round in 0..<rounds {
            for index in Self.order(of: entrants.count, inRound: round) {
                let entrant = entrants[index]
                progress("\(scenario.name): \(entrant.name), \(round + 1) of \(rounds)")
                if leftOut.contains(entrant.name) { continue }
                let before = processors.distance()
                guard let measurement = try measure(entrant, orLeaveOut: &leftOut) else { continue }
                let distance = before.merged(with: processors.distance())
                guard measurement.value.isFinite else {
                    throw BenchError("\(scenario.name): \(entrant.name) measured nothing")
                }
                trials.append(
                    Trial(
                        entrant: entrant.name, round: round, distance: distance,
                        measurement: measurement))
            }
        }
        return ScenarioResult(scenario, trials: trials, leftOut: leftOut)
    }

    /// A trial; nil if it took too long and the entrant takes no further part.
    private func measure(
        _ entrant: Entrant, orLeaveOut leftOut: inout Set<String>
    ) throws -> Measurement? {
        do {
            return try entrant.run()
        } catch let error as BenchError where error.isTimeout && entrant.mayBeLeftOut {
            leftOut.insert(entrant.name)
            return nil
        }
    }
}
