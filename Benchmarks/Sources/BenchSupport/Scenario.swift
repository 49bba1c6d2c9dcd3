// SPDX-License-Identifier: MIT

/// One table of a bench: entrants that do the same work.
package struct Scenario {
    /// "echo/pingpong": the bench's name, and one of its own.
    package let name: String
    /// What is done, for a reader.
    package let title: String
    /// What the values are: "CPU ns per request".
    package let unit: String
    package private(set) var entrants: [Entrant]
    /// How often they take turns if the command line does not say.
    package var alternations = 15
    /// Whether each entrant runs once more before it counts.
    package var hasWarmUp = true
    /// Whether the distance of the CPUs decides: then only trials of one label are compared.
    package var isContended = false
    /// Whether no peer is a reference: an entrant is compared with its own baseline or not at all.
    package var comparesWithBaselinesOnly = false
    /// Whether a trial is one exact count, not a measurement: then there is one alternation.
    package var isExact = false
    /// Runs before the first trial.
    package var prepare: () throws -> Void = {}

    package init(name: String, title: String, unit: String, entrants: [Entrant]) {
        self.name = name
        self.title = title
        self.unit = unit
        self.entrants = entrants
    }

    /// The same with only those of its entrants that have one of these names; nil without any.
    package func keeping(_ names: [String]) -> Scenario? {
        var scenario = self
        scenario.entrants.removeAll { !names.contains($0.name) }
        return scenario.entrants.isEmpty ? nil : scenario
    }
}
