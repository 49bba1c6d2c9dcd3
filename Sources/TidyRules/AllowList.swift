// SPDX-License-Identifier: MIT

/// The exceptions of the rules: a file with one a line, each with its reason.
///
/// The list may only shrink: an entry that matches nothing is an error, and so is a ceiling (the
/// number in its first line) that is not the number of entries. Raising it is seen in the review.
///
///     ceiling 1
///     function-length Sources/Room/Type.swift name # one flat switch over the kernel's opcodes
package struct AllowList: Sendable {
    /// One exception.
    package struct Entry: Equatable, Sendable {
        /// The rule's name.
        package var rule: String
        /// The file that may break it.
        package var path: String
        /// The function, word or module, or "*" for any.
        package var symbol: String
        /// The line in the list.
        package var line: Int
    }

    /// Where the list lies.
    package static let path = ".tidy-allow"

    /// The exceptions in the order of the file.
    package private(set) var entries: [Entry] = []
    /// What is wrong with the list itself.
    package private(set) var findings: [Finding] = []

    /// Reads a list.
    package init(text: String) {
        var ceiling: Int?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let words = line.split(separator: "#", maxSplits: 1).first.map {
                $0.split(separator: " ").map(String.init)
            }
            guard let words, !words.isEmpty, !line.hasPrefix("#") else { continue }
            if words[0] == "ceiling", words.count == 2, ceiling == nil {
                ceiling = Int(words[1])
            } else {
                take(words, reason: reason(of: line), line: index + 1)
            }
        }
        if ceiling != entries.count {
            report(1, "the ceiling must be the number of entries: 'ceiling \(entries.count)'")
        }
    }

    private func reason(of line: Substring) -> String {
        line.firstIndex(of: "#").map { trimmed(line[line.index(after: $0)...]) } ?? ""
    }

    private mutating func take(_ words: [String], reason: String, line: Int) {
        guard words.count == 2 || words.count == 3, Rule(rawValue: words[0]) != nil else {
            report(line, "an entry is: rule path [symbol] # reason")
            return
        }
        if reason.isEmpty { report(line, "an exception needs a reason behind '#'") }
        let symbol = words.count == 3 ? words[2] : "*"
        entries.append(Entry(rule: words[0], path: words[1], symbol: symbol, line: line))
    }

    private mutating func report(_ line: Int, _ message: String) {
        findings.append(Finding(.allowList, AllowList.path, line: line, message))
    }

    /// The findings that no entry allows, and the entries that allow nothing.
    package func filter(_ all: [Finding]) -> [Finding] {
        let rest = all.filter { finding in !entries.contains { $0.allows(finding) } }
        let stale = entries.filter { entry in !all.contains { entry.allows($0) } }
        return findings
            + stale.map {
                Finding(
                    .allowList, AllowList.path, line: $0.line,
                    "nothing breaks '\($0.rule)' in \($0.path) any more: remove the entry")
            } + rest
    }
}

extension AllowList.Entry {
    func allows(_ finding: Finding) -> Bool {
        rule == finding.rule.rawValue && path == finding.path
            && (symbol == "*" || symbol == finding.symbol)
    }
}
