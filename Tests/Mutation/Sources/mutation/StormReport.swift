// SPDX-License-Identifier: MIT

internal import Foundation
internal import Mutating

/// What became of the mutants that storms look at, in tables.
struct StormReport {
    private let copy: Copy
    private let findings: [String: Finding]
    /// What the unit tests made of those that the storms missed, or that no storm looks at.
    private let tested: [String: Finding]
    private let reasons: [String: String]

    init() throws {
        copy = try Copy(.storms)
        findings = try Findings.current(.storms, copy)
        tested = try Findings.current(.tests, copy)
        reasons = try Explanation.all(.storms)
    }

    /// A row for each file, and two for all.
    var counts: String {
        var table = MarkdownTable(
            "File", "Made", "Do not compile", "Tried", "Found", "By tests", "Explained", "Open")
        let groups = Dictionary(grouping: copy.entries, by: \.target.file)
        for file in copy.entries.map(\.target.file).uniqued() {
            add(groups[file] ?? [], String(file.dropFirst("Sources/".count)), &table)
        }
        add(copy.entries.filter { $0.mutant.kind == .catalogue }, "**By hand**", &table)
        add(copy.entries.filter { $0.mutant.kind != .catalogue }, "**By rule**", &table)
        let found = findings.values.filter(\.isFound)
        let parts = Dictionary(grouping: found, by: \.verdict).mapValues(\.count)
        return table.text + """


            Of those found, \(grouped(parts[.failed] ?? 0)) failed a check, \
            \(grouped(parts[.crashed] ?? 0)) trapped or crashed, and \(grouped(parts[.hung] ?? 0))
            hung.
            """
    }

    private func add(_ entries: [Copy.Entry], _ name: String, _ table: inout MarkdownTable) {
        let refused = entries.count { copy.refused.contains($0.number) }
        let names = entries.map(\.mutant.name).filter { findings[$0] != nil || tested[$0] != nil }
        let found = names.count { findings[$0]?.isFound ?? false }
        let missed = names.filter { !(findings[$0]?.isFound ?? false) }
        let byTests = missed.count { isFoundByTests($0) }
        let explained = missed.count { !isFoundByTests($0) && reasons[$0] != nil }
        table.add(
            name, "\(entries.count)", "\(refused)", "\(names.count)", "\(found)", "\(byTests)",
            "\(explained)", "\(missed.count - byTests - explained)")
    }

    private func isFoundByTests(_ name: String) -> Bool { tested[name]?.isFound ?? false }

    /// The catalogue.
    var catalogue: String {
        var table = MarkdownTable("Fault", "What it means", "Storms")
        for entry in copy.entries where entry.mutant.kind == .catalogue {
            table.add(entry.mutant.name, entry.mutant.replacement, fate(entry))
        }
        return table.text
    }

    /// Those that no storm and no unit test finds.
    var missed: String {
        var table = MarkdownTable("Mutant", "Becomes", "Why nothing finds it")
        for entry in copy.compiled where entry.mutant.kind != .catalogue {
            let name = entry.mutant.name
            guard let finding = findings[name] ?? tested[name] else { continue }
            if finding.isFound || isFoundByTests(name) { continue }
            table.add(
                MarkdownTable.code(name), MarkdownTable.code(entry.mutant.replacement),
                reasons[name] ?? "**not explained**")
        }
        return table.text
    }

    private func fate(_ entry: Copy.Entry) -> String {
        let name = entry.mutant.name
        if copy.refused.contains(entry.number) { return "does not compile" }
        guard let finding = findings[name] else { return "not run" }
        if !finding.isFound, isFoundByTests(name) { return "missed; the unit tests find it" }
        if !finding.isFound { return reasons[name].map { "missed: \($0)" } ?? "**missed**" }
        let detail = finding.detail.replacing("|", with: "\\|").replacing("`", with: "'")
        return detail.isEmpty ? finding.verdict.rawValue : "\(finding.verdict.rawValue): \(detail)"
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, where it comes first.
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
