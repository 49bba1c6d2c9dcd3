// SPDX-License-Identifier: MIT

internal import Foundation

/// What is mutated, and where that is written down.
enum Subject: String, CaseIterable, Codable {
    /// The primitives: models and stress scenarios look at them.
    case primitives
    /// Client, servers and loop: storms look at them.
    case storms

    private static let folder = "Tests/Mutation"
    private var prefix: String { self == .primitives ? "" : "storm-" }

    /// The files, and who looks at them.
    var targets: String { "\(Self.folder)/\(prefix)targets.txt" }
    /// The faults written by hand.
    var catalogue: String { "\(Self.folder)/\(prefix)catalogue.txt" }
    /// Why some are not found.
    var explanations: String { "\(Self.folder)/\(prefix)equivalent.txt" }
    /// The copy of the package; each subject has one, so that going from one to the other builds
    /// nothing anew.
    var tree: String { "\(Copy.folder)/\(prefix)tree" }
    /// The names of those that do not compile.
    var refused: String { "\(Copy.folder)/\(prefix)refused.txt" }
    /// Who is asked.
    var finders: [Finder] { Finder.allCases.filter { $0.subject == self } }
}
