// SPDX-License-Identifier: MIT

internal import Foundation

/// What the models' record says, in tables.
struct ModelReport {
    /// A line of the record: an exploration, or an ordering that was weakened.
    private struct Line: Decodable {
        var kind: String
        var suite: String
        var test: String
        var size: String?
        var strategy: String?
        var options: String?
        var executions: Int
        var redundant: Int?
        var exhausted: Bool
        var failure: String
        var seconds: Double?
        var site: String?
        var operation: String?
        var order: String?
        var weaker: String?
    }

    private let lines: [Line]
    private let reasons: [String: String]

    init(path: String) throws {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        lines = try text.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        reasons = try Explanation.all("\(Target.folder)/survivors.txt")
    }

    // MARK: - Explorations

    /// A table for each suite.
    var tables: String {
        let explorations = lines.filter { $0.kind == "exploration" }
        let suites = Dictionary(grouping: explorations, by: \.suite)
        if suites.isEmpty { return "Nothing was run." }
        return suites.keys.sorted().map { suite in
            var table = MarkdownTable("What holds", "Size", "Looked at", "Executions", "Time")
            var seconds = 0.0
            for line in suites[suite] ?? [] {
                seconds += line.seconds ?? 0
                let executions = grouped(line.executions)
                table.add(
                    line.test, line.size ?? "", extent(line), executions,
                    shortened(line.seconds ?? 0))
            }
            return "### \(title(suite))\n\n\(table.text)\n\nTogether \(shortened(seconds))."
        }.joined(separator: "\n\n")
    }

    /// How many explorations, executions and seconds all were together.
    var total: String {
        let explorations = lines.filter { $0.kind == "exploration" }
        let executions = explorations.reduce(0) { $0 + $1.executions }
        let exhausted = explorations.count { $0.exhausted && $0.failure.isEmpty }
        let seconds = explorations.reduce(0) { $0 + ($1.seconds ?? 0) }
        return "\(grouped(explorations.count)) explorations, \(grouped(exhausted)) of them"
            + " exhausted, with \(grouped(executions)) executions in \(shortened(seconds)) of one"
            + " thread"
    }

    /// How many executions the largest samples had.
    var samples: String {
        grouped(lines.filter { $0.strategy == "random" }.map(\.executions).max() ?? 0)
    }

    /// What a suite calls itself: `@Suite("Models of …")` in its file, which has its name. What an
    /// extension in a file of its own adds stands behind a colon.
    private func title(_ suite: String) -> String {
        let parts = suite.split(separator: "+")
        let name = parts.first.map(String.init) ?? suite
        let source = (try? readText("\(Self.folder)/\(name).swift")) ?? ""
        guard let head = source.firstRange(of: "@Suite(\"") else { return suite }
        var words = source[head.upperBound...].prefix { $0 != "\"" }
        if words.hasPrefix("Models of ") { words = words.dropFirst(10) }
        let rest = parts.dropFirst().map { ": \($0.lowercased())" }.joined()
        return words.prefix(1).uppercased() + words.dropFirst() + rest
    }
    private static let folder = "Tests/PrimitiveModels/Tests/PrimitiveModelTests"

    private func extent(_ line: Line) -> String {
        var words: [String] = []
        if !line.failure.isEmpty {
            words.append("fails, as it should: \(line.failure)")
        } else if line.exhausted {
            words.append("all")
        } else {
            words.append(line.strategy == "exhaustive" ? "as many as said" : line.strategy ?? "?")
        }
        if let options = line.options, !options.isEmpty { words.append(options) }
        return words.joined(separator: "; ")
    }

    // MARK: - Orderings

    /// The orderings, each once: killed if any model killed it.
    var audit: String {
        // The programs have orderings of their own, which are not what is asked about.
        let weakenings = lines.filter { line in
            let file = (line.site ?? "").split(separator: ":").first ?? ""
            return line.kind == "weakening" && !file.hasSuffix("Programs.swift")
                && !file.hasSuffix("Tests.swift")
        }
        let places = Dictionary(grouping: weakenings, by: place)
        var table = MarkdownTable("Place", "Operation", "Ordering", "Weakened to", "What happened")
        var killed = 0
        var open = 0
        for place in places.keys.sorted() {
            guard let all = places[place], let first = all.first else { continue }
            let killer = all.filter { !$0.failure.isEmpty }.min { $0.executions < $1.executions }
            var fate: String
            if let killer {
                killed += 1
                fate = "killed after \(grouped(killer.executions)): \(killer.failure)"
            } else {
                let most = all.map(\.executions).max() ?? 0
                let isExhausted = all.contains { $0.exhausted }
                fate = "survives \(grouped(most))\(isExhausted ? ", all there are" : "")"
                let reason = reasons[key(first)]
                fate += reason.map { ": \($0)" } ?? ": **not explained**"
                if reason == nil { open += 1 }
            }
            table.add(
                first.site ?? "", first.operation ?? "", first.order ?? "", first.weaker ?? "", fate
            )
        }
        let counts =
            "\(places.count) weakenings, \(killed) killed, \(places.count - killed) survive,"
            + " \(open) of them without a reason."
        return "\(counts)\n\n\(table.text)"
    }

    private func place(_ line: Line) -> String {
        // The line with its number in four digits, so that they are sorted.
        let parts = (line.site ?? "").split(separator: ":")
        let number = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let file = parts.first ?? ""
        return "\(file):\(String(format: "%04d", number)) \(line.operation ?? "")"
            + " \(line.order ?? "") \(line.weaker ?? "")"
    }

    /// What a reason in survivors.txt is filed under: the file, the operation and the orderings.
    private func key(_ line: Line) -> String {
        let file = (line.site ?? "").split(separator: ":").first ?? ""
        return "\(file) \(line.operation ?? ""): \(line.order ?? "") to \(line.weaker ?? "")"
    }
}
