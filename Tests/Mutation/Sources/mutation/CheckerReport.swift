// SPDX-License-Identifier: MIT

/// What the checker's own tests printed, in a table for each suite.
struct CheckerReport {
    let table: String
    /// The litmus tests whose graphs were counted.
    let graphs: String

    init(output: String) {
        var tables: [String] = []
        var suite = ""
        var table = MarkdownTable("Test", "Cases", "Time")
        var count = 0
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            guard parts.count >= 3, let end = parts.last else { continue }
            let name = parts[1..<(parts.count - 1)].joined(separator: "\"")
            if line.contains("Suite \"") {
                if count > 0 { tables.append("### \(suite)\n\n\(table.text)") }
                (suite, table, count) = (name, MarkdownTable("Test", "Cases", "Time"), 0)
            } else if line.contains("Test \""), end.contains(" passed after "),
                !suite.hasPrefix("Models of"), !suite.hasPrefix("Orderings of")
            {
                let words = end.split(separator: " ")
                let cases = words.firstIndex(of: "with").map { String(words[$0 + 1]) } ?? "1"
                let seconds = words.firstIndex(of: "after").flatMap { Double(words[$0 + 1]) }
                table.add(name, cases, shortened(seconds ?? 0))
                count += 1
            }
        }
        if count > 0 { tables.append("### \(suite)\n\n\(table.text)") }
        graphs = Self.graphs(output)
        self.table = tables.isEmpty ? "Nothing was run." : tables.joined(separator: "\n\n")
    }

    /// Lines `graphs: name|found here|published|who published it|executions`.
    private static func graphs(_ output: String) -> String {
        var table = MarkdownTable("Litmus test", "Graphs here", "Published", "By", "Executions")
        var lines: Set<String> = []
        for line in output.split(separator: "\n") {
            guard let start = line.ranges(of: "graphs: ").first?.upperBound else { continue }
            let fields = line[start...].split(separator: "|").map(String.init)
            guard fields.count == 5, lines.insert(fields[0]).inserted else { continue }
            let origin = fields[3] == "miri" ? "Miri's tests of GenMC" : "GenMC's tests"
            table.add("`\(fields[0])`", fields[1], fields[2], origin, fields[4])
        }
        return table.text
    }
}
