// SPDX-License-Identifier: MIT

/// The rules by the names that messages and the allow-list use.
package enum Rule: String, CaseIterable, Sendable {
    case columns
    case functionLength = "function-length"
    case fileLength = "file-length"
    case edgeTag = "edge-tag"
    case safety
    case bannedCall = "banned-call"
    case leftover
    case link
    case readme
    case licence
    case orphan
    case typeName = "type-name"
    case imports
    case testComment = "test-comment"
    case catalogue
    case allowList = "allow-list"
}

/// One place that breaks one rule.
package struct Finding: Equatable, Sendable {
    /// The broken rule.
    package var rule: Rule
    /// The file, from the top of the repository.
    package var path: String
    /// The line, from one.
    package var line: Int
    /// What an exception in the allow-list names: a function, a word, a module; or "*".
    package var symbol: String
    /// What is wrong and what to do instead.
    package var message: String

    /// One broken rule.
    package init(
        _ rule: Rule, _ path: String, line: Int, symbol: String = "*", _ message: String
    ) {
        self.rule = rule
        self.path = path
        self.line = line
        self.symbol = symbol
        self.message = message
    }

    /// As compilers print it: `path:line: rule: message`.
    package var text: String { "\(path):\(line): \(rule.rawValue): \(message)" }
}
