// SPDX-License-Identifier: MIT

internal import Foundation

/// A scenario's result as a drawing: a bar for each entrant, a whisker for its interval, and the
/// ratio beside it. It reads on light and on dark paper.
package struct Chart {
    private let result: ScenarioResult

    /// Where the bars begin: behind the longest name.
    private let left: Double
    private let width: Double

    private static let rowHeight = 30.0
    private static let barWidth = 380.0
    private static let top = 58.0
    /// What a character takes at most, about, and room for a value with its ratio.
    private static let characterWidth = 7.6
    private static let labelWidth = 240.0

    package init(_ result: ScenarioResult) {
        self.result = result
        let longest = result.rows.map(\.entrant.count).max() ?? 0
        left = max(120, Double(longest) * Self.characterWidth + 24)
        let title = Double(result.title.count) * Self.characterWidth + 24
        let others = result.rows.filter { Self.hasOwnReference($0, in: result) }
        let more = Double(others.compactMap(\.reference?.count).max() ?? 0) + 3
        let label = Self.labelWidth + (others.isEmpty ? 0 : more * Self.characterWidth)
        width = max(title, left + Self.barWidth + label)
    }

    /// Whether a row's ratio is not to what the heading says.
    private static func hasOwnReference(
        _ row: ScenarioResult.Row, in result: ScenarioResult
    ) -> Bool {
        row.ratio != nil && result.reference != nil && row.reference != result.reference
    }

    package var svg: String {
        let height = Self.top + Double(result.rows.count) * Self.rowHeight + 30
        let most =
            result.rows.filter(Self.hasValue).map { max($0.value.median, $0.value.high) }
            .max() ?? 0
        let scale = most > 0 ? Self.barWidth / most : 0
        let rows = result.rows.enumerated().map { draw($1, at: $0, scale: scale) }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.text(width)) \
            \(Self.text(height))" role="img" aria-label="\(Self.escaped(result.title))">
            <style>\(Self.style)</style>
            <rect class="paper" width="100%" height="100%"/>
            <text class="title" x="12" y="22">\(Self.escaped(result.title))</text>
            <text class="note" x="12" y="42">\(Self.escaped(subtitle))</text>
            \(rows.joined(separator: "\n"))
            </svg>

            """
    }

    private var subtitle: String {
        var reference = ""
        if result.hasRatios {
            reference = "; ratio to " + (result.reference ?? "the entrant's own baseline")
        }
        return "\(result.name), \(result.unit), less is better\(reference)"
    }

    /// Whether a row has any trial that counts; on few rounds all may be of another label.
    private static func hasValue(_ row: ScenarioResult.Row) -> Bool { row.value.median.isFinite }

    private func draw(_ row: ScenarioResult.Row, at index: Int, scale: Double) -> String {
        let y = Self.top + Double(index) * Self.rowHeight
        guard Self.hasValue(row) else { return drawNothing(row, at: y) }
        let middle = y + 11
        let length = max(1, row.value.median * scale)
        let low = left + row.value.low * scale
        let high = left + row.value.high * scale
        return """
            <text class="name" x="\(Self.text(left - 10))" y="\(Self.text(y + 15))">\
            \(Self.escaped(row.entrant))</text>
            <rect class="\(row.isPeer ? "peer" : "own")" x="\(Self.text(left))" \
            y="\(Self.text(y + 2))" width="\(Self.text(length))" height="18" rx="2"/>
            \(low < high ? whisker(low, high, at: middle) : "")
            <text class="value" x="\(Self.text(max(high, left + length) + 8))" \
            y="\(Self.text(y + 15))">\(Self.escaped(Report.number(row.value.median)))\
            <tspan class="note" dx="10">\(Self.escaped(ratio(of: row)))</tspan></text>
            """
    }

    /// A row without a bar.
    private func drawNothing(_ row: ScenarioResult.Row, at y: Double) -> String {
        """
        <text class="name" x="\(Self.text(left - 10))" y="\(Self.text(y + 15))">\
        \(Self.escaped(row.entrant))</text>
        <text class="note" x="\(Self.text(left + 8))" y="\(Self.text(y + 15))">\
        no trial counts</text>
        """
    }

    private func ratio(of row: ScenarioResult.Row) -> String {
        guard let ratio = row.ratio else {
            return result.hasRatios && row.entrant == result.reference ? "reference" : ""
        }
        let other = Self.hasOwnReference(row, in: result) ? row.reference.map { " to \($0)" } : nil
        return "× \(ratio)\(other ?? "")"
    }

    private func whisker(_ low: Double, _ high: Double, at middle: Double) -> String {
        """
        <path class="whisker" d="M\(Self.text(low)) \(Self.text(middle))H\(Self.text(high))\
        M\(Self.text(low)) \(Self.text(middle - 5))v10M\(Self.text(high)) \
        \(Self.text(middle - 5))v10"/>
        """
    }

    private static let style = """
        text{font:13px system-ui,sans-serif;fill:#1c2330}.title{font-weight:600}\
        .note{fill:#5b6575;font-size:12px}.name{text-anchor:end}.paper{fill:#fff}\
        .own{fill:#d9742b}.peer{fill:#7d93b2}.whisker{stroke:#1c2330;stroke-width:1.5;fill:none}\
        @media (prefers-color-scheme:dark){text{fill:#e6e9ef}.note{fill:#9aa5b5}\
        .paper{fill:#14181f}.whisker{stroke:#e6e9ef}.peer{fill:#5d7596}}
        """

    private static func text(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(
            of: "<", with: "&lt;"
        )
        .replacingOccurrences(of: "\"", with: "&quot;")
    }
}
