// SPDX-License-Identifier: MIT

/// How much of a run is done, and how long the rest may take.
package struct RunProgress {
    /// How many trials there are, those for warming up too.
    package let trialCount: Int
    package let scenarioCount: Int
    private let start: UInt64
    private var begun = 0

    /// What a trial takes before one was seen: a guess, in nanoseconds.
    private static let guess: UInt64 = 250_000_000

    /// - Parameters:
    ///   - scenarios: each with how often its entrants take turns.
    ///   - now: when the run begins, by `Clock`.
    package init(_ scenarios: [(scenario: Scenario, rounds: Int)], now: UInt64) {
        trialCount = scenarios.reduce(0) { count, each in
            count + each.scenario.entrants.count
                * (each.rounds + (each.scenario.hasWarmUp ? 1 : 0))
        }
        scenarioCount = scenarios.count
        start = now
    }

    /// Notes that a trial begins.
    package mutating func beginTrial() { begun += 1 }

    /// How long the rest takes if its trials take as long as those before, in nanoseconds.
    package func rest(now: UInt64) -> UInt64 {
        let done = max(0, begun - 1)
        let each = done > 0 ? (now - start) / UInt64(done) : Self.guess
        return each * UInt64(max(0, trialCount - done))
    }

    /// For the heading: "32 scenarios, 1920 trials: about 8 minutes".
    package func announcement(now: UInt64) -> String {
        "\(scenarioCount) scenarios, \(trialCount) trials: "
            + Self.text(rest(now: now))
    }

    /// For each trial: "14 of 96 trials, about 3 minutes".
    package func text(now: UInt64) -> String {
        "\(begun) of \(trialCount) trials, \(Self.text(rest(now: now)))"
    }

    private static func text(_ nanoseconds: UInt64) -> String {
        let seconds = (nanoseconds + 500_000_000) / 1_000_000_000
        if seconds < 90 { return "about \(seconds) s" }
        return "about \((seconds + 30) / 60) minutes"
    }
}
