// SPDX-License-Identifier: MIT

/// What became of each ordering of a program when it was weakened.
public struct ModelAudit: Sendable {
    /// One ordering, one step weaker.
    public struct Weakening: Sendable {
        /// Where it is.
        public var site: CodeSite
        /// Which operation, e.g. `store` or `compareExchange, failure`.
        public var operation: String
        /// What the source says.
        public var order: MemoryOrder
        /// What was tried instead.
        public var weakerOrder: MemoryOrder
        /// What the exploration with the weaker one found.
        public var exploration: Exploration

        /// Whether the weaker ordering made the program fail, as it should.
        public var isKilled: Bool { !exploration.holds }
    }

    /// The exploration of the program as it is; nothing was weakened if it fails.
    public var baseline: Exploration
    /// The weakenings in the order in which their places were met.
    public var weakenings: [Weakening]

    /// Those that the program survived: its orderings are stronger than this program needs them, or
    /// the program does not show why they are needed.
    public var survivors: [Weakening] { weakenings.filter { !$0.isKilled } }
}

extension ModelAudit: CustomStringConvertible {
    /// A line for each weakening.
    public var description: String {
        guard baseline.holds else { return "not audited: \(baseline)" }
        return weakenings.map { weakening in
            let exploration = weakening.exploration
            let count = exploration.executionCount
            let fate =
                exploration.failure.map { "killed after \(count): \($0.kind)" }
                ?? "survived \(count) executions"
                + (exploration.isExhaustive ? ", all there are" : "")
            return "\(weakening.site) \(weakening.operation): \(weakening.order) →"
                + " \(weakening.weakerOrder) \(fate)"
        }.joined(separator: "\n")
    }
}

/// Weakens each ordering of the program under test by one step, one at a time, and explores it: a
/// test of the test as much as of the program.
///
/// Orderings in what sets up and tears down are left out: no other thread is there to miss them.
public func audit(
    _ strategy: ExplorationStrategy = .randomThenExhaustive(seed: 1, iterations: 200),
    options: ModelOptions = ModelOptions(), program body: (Model) -> Void
) -> ModelAudit {
    let noting = Execution(options: options)
    noting.state.audit.mode = .note
    var result = ModelAudit(
        baseline: explore(strategy, with: noting, body), weakenings: [])
    guard result.baseline.holds else { return result }
    for (place, site) in noting.state.audit.places {
        for order in place.weakerOrders {
            let execution = Execution(options: options)
            execution.state.audit.mode = .weaken(place, to: order)
            result.weakenings.append(
                ModelAudit.Weakening(
                    site: site, operation: place.name, order: place.order, weakerOrder: order,
                    exploration: explore(strategy, with: execution, body)))
        }
    }
    return result
}
