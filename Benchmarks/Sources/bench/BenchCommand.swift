// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import BenchSupport
internal import Glibc

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Compares Millrace with its peers, contenders taking turns in one run.",
        subcommands: [RunCommand.self, ListCommand.self])
}

/// Runs the command; wrong usage ends with status 2, as everywhere in this repository.
@main
enum Program {
    static func main() {
        do {
            var command = try BenchCommand.parseAsRoot()
            try command.run()
        } catch {
            guard BenchCommand.exitCode(for: error) == .validationFailure else {
                BenchCommand.exit(withError: error)
            }
            Terminal.complain(BenchCommand.fullMessage(for: error))
            exit(2)
        }
    }
}
