// SPDX-License-Identifier: MIT

import BenchSupport
import Foundation
import Testing

@Suite struct ChartTests {
    private func result(_ trials: [(entrant: String, value: Double, label: CacheDistance)])
        -> ScenarioResult
    {
        var scenario = Scenario(
            name: "test/chart", title: "A & B", unit: "ns/thing",
            entrants: ["own", "<other>"].map { Entrant($0) { Measurement(1) } })
        scenario.isContended = true
        return ScenarioResult(
            scenario,
            trials: trials.enumerated().map { round, trial in
                Trial(
                    entrant: trial.entrant, round: round, distance: trial.label,
                    measurement: Measurement(trial.value))
            })
    }

    private func parses(_ svg: String) -> Bool {
        XMLScan(svg).isBalanced
    }

    @Test func barsAreAsLongAsTheirValues() {
        // A chart would show something else than the table.
        let svg = Chart(result([("own", 10, .near), ("<other>", 40, .near)])).svg
        #expect(svg.contains(#"width="95.0" height="18""#))
        #expect(svg.contains(#"width="380.0" height="18""#))
        #expect(svg.contains("A &amp; B"))
        #expect(svg.contains("&lt;other"))
        #expect(parses(svg))
    }

    @Test func aRowWithoutTrialsHasNoBar() {
        // A length would be no number, and the picture could not be read.
        let svg = Chart(result([("own", 10, .near), ("<other>", 40, .mixed)])).svg
        #expect(!svg.contains("nan"))
        #expect(svg.contains("no trial counts"))
        #expect(parses(svg))
    }
}

/// Whether the elements of a text are closed in the order in which they were opened.
private struct XMLScan {
    let isBalanced: Bool

    init(_ text: String) {
        var open: [Substring] = []
        var isGood = true
        for piece in text.split(separator: "<", omittingEmptySubsequences: true) {
            guard let end = piece.firstIndex(of: ">") else { continue }
            let tag = piece[..<end]
            let name = tag.drop { $0 == "/" }.prefix { $0.isLetter }
            if tag.hasPrefix("/") {
                isGood = isGood && open.popLast() == name
            } else if !tag.hasSuffix("/") {
                open.append(name)
            }
        }
        isBalanced = isGood && open.isEmpty
    }
}
