// SPDX-License-Identifier: MIT

/// A scenario's trials, and what follows from them.
package struct ScenarioResult: Codable, Sendable {
    /// One row of the table.
    package struct Row: Codable, Sendable {
        package var entrant: String
        package var isPeer: Bool
        /// The values in the scenario's unit.
        package var value: Interval
        /// Value by value of the same round, divided by the reference's; nil without one.
        package var ratio: Interval?
        /// What the ratio is to.
        package var reference: String?
        /// Medians of what goes with the values.
        package var metrics: [String: Double]
    }

    package var name: String
    package var title: String
    package var unit: String
    /// The peer with the lowest median.
    package var reference: String?
    /// Among the trials of which label the comparison was made, for contended scenarios.
    package var comparedWithin: CacheDistance?
    package var isExact: Bool
    package var rows: [Row]
    package var trials: [Trial]
    /// Who has no row, because a trial took too long.
    package var leftOut: [String]?

    /// Whether anything is compared.
    package var hasRatios: Bool { rows.contains { $0.ratio != nil } }

    package init(_ scenario: Scenario, trials: [Trial], leftOut: Set<String> = []) {
        let entrants = scenario.entrants.filter { !leftOut.contains($0.name) }
        self.leftOut = leftOut.isEmpty ? nil : leftOut.sorted()
        name = scenario.name
        title = scenario.title
        unit = scenario.unit
        isExact = scenario.isExact
        self.trials = trials
        let within = scenario.isContended ? Self.commonLabel(trials) : nil
        comparedWithin = within
        let counted = trials.filter { within == nil || $0.distance == within }
        var values: [String: [Int: Double]] = [:]
        for trial in counted {
            values[trial.entrant, default: [:]][trial.round] = trial.measurement.value
        }
        let medians = values.mapValues { Statistics.median(Array($0.values)) }
        let best = entrants.filter { $0.isPeer && !scenario.comparesWithBaselinesOnly }
            .min { medians[$0.name, default: .infinity] < medians[$1.name, default: .infinity] }
        reference = best?.name
        rows = entrants.map { entrant in
            let own = values[entrant.name] ?? [:]
            let other = entrant.baseline ?? best?.name
            let isOwn = other == entrant.name && entrant.baseline == nil
            let ratios = other.map { Self.ratios(own, values[$0] ?? [:]) } ?? []
            return Row(
                entrant: entrant.name, isPeer: entrant.isPeer,
                value: Statistics.interval(Array(own.values)),
                ratio: ratios.isEmpty || isOwn ? nil : Statistics.interval(ratios),
                reference: other,
                metrics: Self.metrics(counted.filter { $0.entrant == entrant.name }))
        }
    }

    /// The label that most trials have, `mixed` aside.
    private static func commonLabel(_ trials: [Trial]) -> CacheDistance {
        let near = trials.count { $0.distance == .near }
        let far = trials.count { $0.distance == .far }
        return far > near ? .far : .near
    }

    /// Value over value, for the rounds in which both were measured.
    static func ratios(_ own: [Int: Double], _ other: [Int: Double]) -> [Double] {
        own.compactMap { round, value in
            guard let divisor = other[round], divisor > 0 else { return nil }
            return value / divisor
        }
    }

    private static func metrics(_ trials: [Trial]) -> [String: Double] {
        var values: [String: [Double]] = [:]
        for trial in trials {
            for (name, value) in trial.measurement.metrics {
                values[name, default: []].append(value)
            }
        }
        return values.mapValues { Statistics.median($0) }
    }
}
