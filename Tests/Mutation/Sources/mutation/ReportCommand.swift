// SPDX-License-Identifier: MIT

internal import ArgumentParser

/// `mutation report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Writes docs/verification.md from the results.")

    func run() throws {}
}
