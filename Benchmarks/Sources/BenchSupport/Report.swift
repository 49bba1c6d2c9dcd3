// SPDX-License-Identifier: MIT

internal import Foundation

/// A scenario's result as a table for people.
package struct Report {
    private let result: ScenarioResult

    package init(_ result: ScenarioResult) {
        self.result = result
    }

    package var text: String {
        var lines = ["\(result.name): \(result.title)"]
        lines += Self.table([heading] + result.rows.map(cells))
        lines += notes.map { "  \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private var heading: [String] {
        var cells = ["entrant", result.unit]
        if hasRatios { cells += ["ratio"] }
        return cells + Self.columns.filter(isThere).map(\.title) + others
    }

    private func cells(_ row: ScenarioResult.Row) -> [String] {
        var cells = [row.entrant, Self.number(row.value.median)]
        if hasRatios {
            let isReference = row.reference == row.entrant
            cells += [row.ratio?.description ?? (isReference ? "1 (reference)" : "–")]
        }
        for column in Self.columns where isThere(column) {
            cells += [row.metrics[column.name].map(column.format) ?? "–"]
        }
        return cells + others.map { row.metrics[$0].map(Self.number) ?? "–" }
    }

    private var hasRatios: Bool { result.hasRatios }

    private var notes: [String] {
        var notes: [String] = []
        if let reference = result.reference, hasRatios {
            notes += ["ratio: to \(reference), the best peer, round by round; less is better"]
            for row in result.rows where row.reference != reference {
                notes += ["ratio of \(row.entrant): to \(row.reference ?? "nothing")"]
            }
        } else if hasRatios {
            notes += ["ratio: to the entrant's own baseline, round by round; less is better"]
        }
        for name in result.leftOut ?? [] { notes += ["\(name): left out, a trial took too long"] }
        if result.isExact { return notes }
        let confidences = result.rows.compactMap { $0.ratio?.confidence }
        if let least = confidences.min() {
            notes += [
                "interval: holds the median ratio with \(Int(least * 100)) % confidence"
                    + (least < 0.95 ? " only: more alternations narrow it" : "")
            ]
        }
        let labels = Dictionary(grouping: result.trials, by: \.distance.rawValue)
        let counts = labels.keys.sorted().map { "\(labels[$0]?.count ?? 0) \($0)" }
        notes += ["\(result.trials.count) trials; CPUs: " + counts.joined(separator: ", ")]
        if let label = result.comparedWithin {
            notes += ["compared: \(label.rawValue) trials only"]
        }
        return notes
    }

    // MARK: Columns

    private struct Column: Sendable {
        let name: String
        let title: String
        let format: @Sendable (Double) -> String
    }

    private static let columns = [
        Column(name: "requests_per_second", title: "requests/s", format: number),
        Column(name: "messages_per_second", title: "messages/s", format: number),
        Column(name: "cpu_share", title: "CPU share", format: percent),
        Column(name: "user_share", title: "user", format: percent),
        Column(name: "p50_ns", title: "p50 µs", format: microseconds),
        Column(name: "p90_ns", title: "p90 µs", format: microseconds),
        Column(name: "p99_ns", title: "p99 µs", format: microseconds),
        Column(name: "p999_ns", title: "p99.9 µs", format: microseconds),
        Column(name: "max_ns", title: "max µs", format: microseconds),
    ]

    private func isThere(_ column: Column) -> Bool {
        result.rows.contains { $0.metrics[column.name] != nil }
    }

    /// What no column is known for goes by its own name.
    private var others: [String] {
        let names = Set(result.rows.flatMap { $0.metrics.keys })
        return names.subtracting(Self.columns.map(\.name) + ["requests"]).sorted()
    }

    /// A number with as many digits as it deserves.
    @Sendable static func number(_ value: Double) -> String {
        let size = abs(value)
        if size >= 100 { return grouped(value) }
        return String(format: size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f", value)
    }

    private static func grouped(_ value: Double) -> String {
        let digits = String(format: "%.0f", abs(value))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + text
    }

    @Sendable private static func percent(_ value: Double) -> String {
        String(format: "%.0f %%", value * 100)
    }

    @Sendable private static func microseconds(_ value: Double) -> String { number(value / 1000) }

    /// Rows with their cells under one another; the first column to the left, numbers to the right.
    static func table(_ rows: [[String]]) -> [String] {
        guard let first = rows.first else { return [] }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 ? row[column] + padding : padding + row[column]
            }
            return "  " + cells.joined(separator: "  ")
        }
    }
}
