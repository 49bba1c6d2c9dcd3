// SPDX-License-Identifier: MIT

/// Runs benches as the command line says.
package struct BenchRunner {
    private let benches: [any Bench]
    private let options: RunOptions
    private let processors: Processors

    package init(_ benches: [any Bench], _ options: RunOptions) throws(BenchError) {
        self.benches = benches
        self.options = options
        processors = try Processors.chosen()
    }

    /// The scenarios that the filter leaves. None is an error that lists what there is.
    package func scenarios() throws(BenchError) -> [Scenario] {
        let all = benches.flatMap { $0.scenarios(options, on: processors) }
        guard let filter = options.filter else { return try keepingEntrants(of: all) }
        let chosen = all.filter { $0.name.contains(filter) }
        guard !chosen.isEmpty else {
            throw BenchError(
                "no bench is called '\(filter)'; there are: "
                    + all.map(\.name).joined(separator: ", "))
        }
        return try keepingEntrants(of: chosen)
    }

    /// Leaves out the entrants that were not asked for. A name that nobody has is an error.
    private func keepingEntrants(of scenarios: [Scenario]) throws(BenchError) -> [Scenario] {
        guard !options.entrants.isEmpty else { return scenarios }
        let known = Set(scenarios.flatMap { $0.entrants.map(\.name) })
        if let stranger = options.entrants.first(where: { !known.contains($0) }) {
            throw BenchError(
                "no entrant is called '\(stranger)'; there are: "
                    + known.sorted().joined(separator: ", "))
        }
        return scenarios.compactMap { $0.keeping(options.entrants) }
    }

    /// What a run that has not begun has found out.
    package func emptyResult() -> RunResult {
        RunResult(environment: .current(), isTiny: options.isTiny, scenarios: [])
    }

    /// Runs the scenarios and prints each table when it is complete; `keep` gets what there is so
    /// far, so that a run which is ended leaves what it has found out.
    package func run(
        _ scenarios: [Scenario], keep: (RunResult) throws -> Void = { _ in }
    ) throws -> RunResult {
        var result = emptyResult()
        var progress = RunProgress(scenarios.map { ($0, rounds($0)) }, now: Clock.now)
        Terminal.write(heading(result.environment, progress))
        for scenario in scenarios {
            var alternation = Alternation(scenario, rounds: rounds(scenario), on: processors)
            alternation.progress = { text in
                progress.beginTrial()
                Terminal.note("\(text); \(progress.text(now: Clock.now))")
            }
            let finished = try alternation.run()
            result.scenarios.append(finished)
            Terminal.note("")
            Terminal.write(Report(finished).text)
            try keep(result)
        }
        return result
    }

    private func rounds(_ scenario: Scenario) -> Int {
        if options.isTiny || scenario.isExact { return 1 }
        return options.alternations ?? scenario.alternations
    }

    private func heading(_ environment: RunEnvironment, _ progress: RunProgress) -> String {
        var text = "\(environment.processor), \(environment.processorCount) CPUs, "
        text += "Linux \(environment.kernel), commit \(environment.commit)\n"
        text += "contender on CPU \(processors.contender), load on CPU \(processors.load)"
        if processors.isShared { text += ": one CPU for both, so the figures say little" }
        text += "\n\(progress.announcement(now: Clock.now))"
        if options.isTiny { text += "\ntiny: to see that it works; the figures say nothing" }
        return text + "\n"
    }
}
