// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import Foundation
internal import Mutating

/// `mutation report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Writes docs/verification.md from the results.",
        discussion: """
            With '--of storms', docs/verification-storms.md. Reads .build-mutation/results: \
            explorations.jsonl, checker.txt and run.txt of the models, and what 'mutation run' has \
            left. What is missing there is said to be missing.
            """)

    @Option(help: "The folder that is written to.")
    var folder = "docs"

    @Option(help: "Of what: \(Subject.allCases.map(\.rawValue).joined(separator: ", ")).")
    var of = Subject.primitives

    @Option(help: "How many seeds the storms had.")
    var seeds = 1000

    func run() throws {
        switch of {
        case .primitives: try writePrimitives()
        case .storms: try writeStorms()
        }
    }

    private func writeStorms() throws {
        let report = try StormReport()
        var text = try readText("\(Target.folder)/storms.in.txt")
        let parts = [
            "made": Self.made(), "seeds": grouped(seeds), "counts": report.counts,
            "catalogue": report.catalogue, "missed": report.missed,
        ]
        for (name, part) in parts { text = text.replacing("{{\(name)}}", with: part) }
        try write(text, "verification-storms.md")
    }

    private func writePrimitives() throws {
        let results = "\(Copy.folder)/results"
        let copy = try Copy(.primitives)
        let mutation = try MutationReport(copy)
        let models = try ModelReport(path: "\(results)/explorations.jsonl")
        let checker = CheckerReport(output: (try? readText("\(results)/checker.txt")) ?? "")
        let run = (try? readText("\(results)/run.txt")) ?? "?"
        var text = try readText("\(Target.folder)/verification.in.txt")
        let parts = [
            "made": Self.made(), "stressseconds": "\(RunCommand.stressSeconds)",
            "processors": "\(ProcessInfo.processInfo.processorCount)", "checker": checker.table,
            "models": models.tables, "graphs": checker.graphs,
            "run": run.trimmingCharacters(in: .newlines), "modelseconds": models.total,
            "samples": models.samples, "audit": models.audit, "mutation": mutation.counts,
            "catalogue": mutation.catalogue, "explained": mutation.explained,
        ]
        for (name, part) in parts { text = text.replacing("{{\(name)}}", with: part) }
        try write(text, "verification.md")
        try write(mutation.list, "verification-mutants.md")
    }

    private static func made() -> String {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withFullDate]
        let system = ProcessInfo.processInfo
        return "Made on \(formatter.string(from: Date())), \(system.processorCount) processors,"
            + " \(system.operatingSystemVersionString)."
    }

    private func write(_ text: String, _ name: String) throws {
        let path = "\(folder)/\(name)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        say("    wrote \(path)")
    }
}

/// A table in Markdown.
struct MarkdownTable {
    private var lines: [String]

    init(_ columns: String...) {
        lines = [
            "| " + columns.joined(separator: " | ") + " |",
            "|" + columns.map { _ in "---" }.joined(separator: "|") + "|",
        ]
    }

    mutating func add(_ cells: String...) {
        lines.append("| " + cells.joined(separator: " | ") + " |")
    }

    var text: String { lines.count > 2 ? lines.joined(separator: "\n") : "Nothing was run." }

    /// Source in a cell.
    static func code(_ text: String) -> String {
        "`" + text.replacing("|", with: "\\|").replacing("`", with: "'") + "`"
    }
}

/// A number with commas.
func grouped(_ number: Int) -> String {
    var digits = "\(number)"
    var end = digits.endIndex
    while let comma = digits.index(end, offsetBy: -3, limitedBy: digits.startIndex),
        comma > digits.startIndex
    {
        digits.insert(",", at: comma)
        end = comma
    }
    return digits
}

/// Seconds with a few digits.
func shortened(_ seconds: Double) -> String {
    String(format: seconds < 10 ? "%.2f s" : "%.0f s", seconds)
}
