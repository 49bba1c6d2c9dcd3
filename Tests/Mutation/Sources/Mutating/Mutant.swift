// SPDX-License-Identifier: MIT

/// One fault that can be switched on in a rewritten source.
public struct Mutant: Sendable, Equatable {
    /// What kind of change it is.
    public enum Kind: String, Sendable, CaseIterable {
        /// The condition is never true.
        case never
        /// The condition is always true.
        case always
        /// One side of `&&` or `||` alone.
        case operand
        /// Another comparison: `<` for `<=`, `==` for `!=`.
        case comparison
        /// Another operator: `&-` for `&+`, `|` for `&`.
        case arithmetic
        /// `!` or `~` is left out.
        case complement
        /// A number that is one larger.
        case plusOne = "plus-one"
        /// A number, or the end of a range, that is one smaller.
        case minusOne = "minus-one"
        /// `true` for `false`.
        case flag
        /// A read-modify-write or compare-exchange becomes a load and a store.
        case torn
        /// A statement is left out.
        case drop
        /// Two statements change places.
        case swap
        /// Written by hand.
        case catalogue
    }

    /// Its name, which stays the same as long as its function does not change:
    /// `File.function kind text`, and `#2` for the second of that name.
    public var name: String
    /// What kind of change it is.
    public var kind: Kind
    /// The file, from the top of the package.
    public var file: String
    /// The line of the change, in the file as it is.
    public var line: Int
    /// What stands there.
    public var original: String
    /// What stands there when the mutant is on, or what it means.
    public var replacement: String

    /// A mutant.
    public init(
        name: String, kind: Kind, file: String, line: Int, original: String, replacement: String
    ) {
        self.name = name
        self.kind = kind
        self.file = file
        self.line = line
        self.original = original
        self.replacement = replacement
    }
}

extension Mutant {
    /// A piece of source on one line, cut to a length that can be read in a table.
    static func excerpt(_ text: String, characterMax: Int = 60) -> String {
        let lines = text.split(separator: "\n").map { line in
            line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
        }
        let words = lines.joined(separator: " ").split(whereSeparator: \.isWhitespace)
        let whole = words.joined(separator: " ")
        if whole.count <= characterMax { return whole }
        return whole.prefix(characterMax - 1) + "…"
    }
}
