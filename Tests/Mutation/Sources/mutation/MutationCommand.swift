// SPDX-License-Identifier: MIT

internal import ArgumentParser

/// Plants faults in the primitives and asks who finds them.
@main
struct MutationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutation",
        abstract: "Plants faults in copies of the primitives and asks who finds them.",
        discussion: """
            A fault is made by rule (a condition turned, a number off by one, a statement left \
            out) or taken from Tests/Mutation/catalogue.txt. One copy of the sources has them \
            all, and each is switched on by its number: the copy is compiled once. The copy, its \
            builds and the results lie in .build-mutation. Run it by ./dev mutation.
            """,
        subcommands: [ListCommand.self, RunCommand.self, ReportCommand.self])
}
