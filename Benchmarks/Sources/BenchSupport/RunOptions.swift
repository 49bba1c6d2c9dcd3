// SPDX-License-Identifier: MIT

/// What the command line says about a run.
package struct RunOptions: Sendable {
    /// Everything small: to see that it works, not to measure.
    package var isTiny = false
    /// How often the contenders take turns; nil leaves it to the bench.
    package var alternations: Int?
    /// How long one trial measures; nil leaves it to the bench.
    package var seconds: Double?
    /// Only scenarios whose full name contains this.
    package var filter: String?
    /// Only entrants with one of these names; empty takes all.
    package var entrants: [String] = []
    /// Whether instructions are counted too.
    package var countsInstructions = false
    /// Whether programs of others that are not built here take part.
    package var withPeers = false

    package init() {}

    /// The length of a trial.
    package func seconds(or fallback: Double) -> Double { isTiny ? 0.02 : seconds ?? fallback }
}
