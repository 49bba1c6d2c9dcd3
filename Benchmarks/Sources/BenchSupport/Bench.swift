// SPDX-License-Identifier: MIT

/// A family of scenarios. How to add one: README.md.
package protocol Bench: Sendable {
    /// One word, for the command line.
    var name: String { get }
    /// What is compared, in a sentence.
    var summary: String { get }
    /// The scenarios, in the order in which they run.
    func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario]
}
