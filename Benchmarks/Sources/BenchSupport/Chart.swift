// SPDX-License-Identifier: MIT

internal import Foundation

/// A scenario's result as a drawing: a bar for each entrant, a whisker for its interval, and the
/// ratio beside it. It reads on light and on dark paper.
package struct Chart {
    private let result: ScenarioResult

    private static let rowHeight = 30.0
    private static let left = 190.0
    private static let barWidth = 380.0
    private static let width = 800.0
    private static let top = 58.0

    package init(_ result: ScenarioResult) {
        self.result = result
    }

    package var svg: String {
        let height = Self.top + Double(result.rows.count) * Self.rowHeight + 30
        let most = result.rows.map { max($0.value.median, $0.value.high) }.max() ?? 0
        let scale = most > 0 ? Self.barWidth / most : 0
        let rows = result.rows.enumerated().map { draw($1, at: $0, scale: scale) }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.text(Self.width)) \
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
        let reference = result.reference.map { "; ratio to \($0)" } ?? ""
        return "\(result.name), \(result.unit), less is better\(reference)"
    }

    private func draw(_ row: ScenarioResult.Row, at index: Int, scale: Double) -> String {
        let y = Self.top + Double(index) * Self.rowHeight
        let middle = y + 11
        let length = max(1, row.value.median * scale)
        let low = Self.left + row.value.low * scale
        let high = Self.left + row.value.high * scale
        let ratio = row.ratio?.description ?? (row.reference == row.entrant ? "reference" : "")
        let label = "\(Report.number(row.value.median))   \(ratio)"
        return """
            <text class="name" x="\(Self.text(Self.left - 10))" y="\(Self.text(y + 15))">\
            \(Self.escaped(row.entrant))</text>
            <rect class="\(row.isPeer ? "peer" : "own")" x="\(Self.text(Self.left))" \
            y="\(Self.text(y + 2))" width="\(Self.text(length))" height="18" rx="2"/>
            <path class="whisker" d="M\(Self.text(low)) \(Self.text(middle))H\(Self.text(high))\
            M\(Self.text(low)) \(Self.text(middle - 5))v10M\(Self.text(high)) \
            \(Self.text(middle - 5))v10"/>
            <text class="value" x="\(Self.text(max(high, Self.left + length) + 8))" \
            y="\(Self.text(y + 15))">\(Self.escaped(label))</text>
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
