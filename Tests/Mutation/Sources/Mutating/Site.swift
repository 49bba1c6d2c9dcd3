// SPDX-License-Identifier: MIT

/// What is put into a source for one mutant: pieces of text at places.
struct Site {
    /// A piece of text at an offset.
    struct Insertion {
        /// Where pieces at one offset go.
        enum Side {
            /// Behind what ends here.
            case end
            /// Before what begins here.
            case start
        }

        /// Bytes from the start of the file.
        var offset: Int
        var side: Side
        /// The bytes of the source that it embraces, from its other half to here.
        var length: Int
        /// Statements are embraced outside of expressions of the same length.
        var isStatement: Bool
        /// The text; `@` stands for the mutant's number.
        var text: String
    }

    var mutant: Mutant
    var insertions: [Insertion]
}

extension Site {
    /// Embraces a range of the source.
    static func embrace(
        _ range: Range<Int>, isStatement: Bool = false, _ prefix: String, _ suffix: String
    ) -> [Insertion] {
        [
            Insertion(
                offset: range.lowerBound, side: .start, length: range.count,
                isStatement: isStatement, text: prefix),
            Insertion(
                offset: range.upperBound, side: .end, length: range.count,
                isStatement: isStatement, text: suffix),
        ]
    }

    /// Puts text before a statement.
    static func before(_ range: Range<Int>, _ text: String) -> Insertion {
        Insertion(
            offset: range.lowerBound, side: .start, length: range.count, isStatement: true,
            text: text)
    }
}
