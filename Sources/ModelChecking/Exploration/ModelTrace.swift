// SPDX-License-Identifier: MIT

/// What the threads of an execution did, step by step, in the order in which it was done.
public struct ModelTrace: Sendable {
    /// One line of the trace.
    public struct Entry: Sendable {
        /// The thread: 0 sets up and tears down.
        public var thread: Int
        /// What it did, e.g. `load acquiring`.
        public var action: String
        /// Where: `#2` is the atomic that was used third; cells have an address within a block.
        public var place: String
        /// What was read or written, e.g. `0 → 1` or `0 (stale)`.
        public var value: String
        /// The place in the source.
        public var site: CodeSite
    }

    /// The steps.
    public var entries: [Entry]
}

extension ModelTrace: CustomStringConvertible {
    /// A table with one line for each step.
    public var description: String {
        let rows = entries.map { entry in
            [
                "T\(entry.thread)", entry.action, entry.place, entry.value,
                entry.site.line > 0 ? "\(entry.site)" : "",
            ]
        }
        let widths = (0..<5).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            var line = "  " + cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
