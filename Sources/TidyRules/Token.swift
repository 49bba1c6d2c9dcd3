// SPDX-License-Identifier: MIT

/// One word of a source file. Comments are tokens too, one for each of their lines.
package struct Token: Equatable, Sendable {
    /// What sort of word it is.
    package enum Kind: Equatable, Sendable {
        case identifier
        case number
        case punctuation
        case string
        case comment
    }

    /// What sort of word it is.
    package var kind: Kind
    /// The word itself; a comment without its marks and the blanks around it, a string whole.
    package var text: String
    /// The line of its first character, from one.
    package var line: Int
    /// The line of its last character.
    package var lastLine: Int
    /// Whether nothing but blanks stands before it on its line.
    package var isFirstOnLine: Bool
}

extension Token {
    /// Whether this is the given identifier or punctuation mark.
    package func isWord(_ word: String) -> Bool {
        (kind == .identifier || kind == .punctuation) && text == word
    }
}
