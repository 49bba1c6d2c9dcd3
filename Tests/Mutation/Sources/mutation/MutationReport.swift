// SPDX-License-Identifier: MIT

internal import Foundation
internal import Mutating

/// What became of the mutants, in tables.
struct MutationReport {
    private let copy: Copy
    private let models: [String: Finding]
    private let stress: [String: Finding]
    private let tsan: [String: Finding]
    private let reasons: [String: String]

    init(_ copy: Copy) throws {
        self.copy = copy
        models = try Findings.current(.models, copy)
        stress = try Findings.current(.stress, copy)
        tsan = try Findings.current(.tsan, copy)
        reasons = try Explanation.all(.primitives)
    }

    // MARK: - Counts

    /// A row for each file, and one for all.
    var counts: String {
        var table = MarkdownTable(
            "File", "Made", "Do not compile", "Tried", "Killed by models", "Explained", "Open",
            "Found by stress", "Found by ThreadSanitizer")
        let groups = Dictionary(grouping: copy.entries, by: \.target.file)
        for target in (try? Target.all(.primitives)) ?? [] {
            add(groups[target.file] ?? [], String(target.file.dropFirst("Sources/".count)), &table)
        }
        add(copy.entries.filter { $0.mutant.kind == .catalogue }, "**By hand**", &table)
        add(copy.entries.filter { $0.mutant.kind != .catalogue }, "**By rule**", &table)
        let killed = copy.compiled.compactMap { models[$0.mutant.name] }.filter(\.isFound)
        let slowest = killed.filter { $0.verdict == .failed }.map(\.seconds).max() ?? 0
        let parts = Dictionary(grouping: killed, by: \.verdict).mapValues(\.count)
        let alone = copy.compiled.filter { entry in
            models[entry.mutant.name]?.isFound ?? false
                && stress[entry.mutant.name]?.isFound == false
                && tsan[entry.mutant.name]?.isFound == false
        }
        return table.text + """


            Of those that the models killed, \(grouped(parts[.failed] ?? 0)) failed a check, \
            \(grouped(parts[.crashed] ?? 0)) trapped or crashed, and \(grouped(parts[.hung] ?? 0))
            hung. The slowest check that failed took \(shortened(slowest)) of processor time. \
            \(grouped(alone.count)) were found by the models alone.
            """
    }

    private func add(_ entries: [Copy.Entry], _ name: String, _ table: inout MarkdownTable) {
        let refused = entries.count { copy.refused.contains($0.number) }
        let names = entries.map(\.mutant.name).filter { models[$0] != nil }
        let killed = names.count { models[$0]?.isFound ?? false }
        let explained = names.count { !(models[$0]?.isFound ?? false) && reasons[$0] != nil }
        table.add(
            name, "\(entries.count)", "\(refused)", "\(names.count)", "\(killed)", "\(explained)",
            "\(names.count - killed - explained)", share(names, stress), share(names, tsan))
    }

    /// How many of those that were tried were found.
    private func share(_ names: [String], _ findings: [String: Finding]) -> String {
        let tried = names.count { findings[$0] != nil }
        let found = names.count { findings[$0]?.isFound ?? false }
        return tried == names.count ? "\(found)" : "\(found) of \(tried)"
    }

    // MARK: - Lists

    /// The catalogue.
    var catalogue: String {
        var table = MarkdownTable("Fault", "What it means", "Models", "Stress", "ThreadSanitizer")
        for entry in copy.entries where entry.mutant.kind == .catalogue {
            let name = entry.mutant.name
            table.add(
                name, entry.mutant.replacement, fate(entry), told(stress[name]), told(tsan[name]))
        }
        return table.text
    }

    /// Those that the models miss.
    var explained: String {
        var table = MarkdownTable(
            "Mutant", "Becomes", "Why no model finds it", "Stress", "ThreadSanitizer")
        for entry in copy.compiled where entry.mutant.kind != .catalogue {
            let name = entry.mutant.name
            guard let finding = models[name], !finding.isFound else { continue }
            table.add(
                MarkdownTable.code(name), MarkdownTable.code(entry.mutant.replacement),
                reasons[name] ?? "**not explained**", told(stress[name]), told(tsan[name]))
        }
        return table.text
    }

    /// All mutants, file by file.
    var list: String {
        var text = """
            # Mutants

            Every fault that was tried, and who found it: see [verification.md](verification.md).
            Made by `./dev model --report`.

            """
        let groups = Dictionary(grouping: copy.entries, by: \.target.file)
        for target in (try? Target.all(.primitives)) ?? [] {
            var table = MarkdownTable("Mutant", "Becomes", "Models", "Stress", "ThreadSanitizer")
            for entry in groups[target.file] ?? [] {
                let name = entry.mutant.name
                if models[name] == nil, !copy.refused.contains(entry.number) { continue }
                table.add(
                    MarkdownTable.code(name), MarkdownTable.code(entry.mutant.replacement),
                    fate(entry), told(stress[name]), told(tsan[name]))
            }
            text += "\n## \(target.file.dropFirst("Sources/".count))\n\n\(table.text)\n"
        }
        return text
    }

    private func fate(_ entry: Copy.Entry) -> String {
        let name = entry.mutant.name
        if copy.refused.contains(entry.number) { return "does not compile" }
        guard let finding = models[name] else { return "not run" }
        if finding.isFound {
            let detail = finding.detail.replacing("|", with: "\\|").replacing("`", with: "'")
            return detail.isEmpty
                ? finding.verdict.rawValue : "\(finding.verdict.rawValue): \(detail)"
        }
        return reasons[name].map { "missed: \($0)" } ?? "**missed**"
    }

    private func told(_ finding: Finding?) -> String {
        guard let finding else { return "not run" }
        return finding.isFound ? finding.verdict.rawValue : "–"
    }
}
