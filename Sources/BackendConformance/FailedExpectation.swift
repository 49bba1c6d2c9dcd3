// SPDX-License-Identifier: MIT

/// Something that a backend did and should not have done, or the other way round.
public struct FailedExpectation: Hashable, Sendable, CustomStringConvertible {
    /// The file of the suite: module and name, no path.
    public let file: String
    /// The line in it, which says what was done before.
    public let line: UInt
    /// What is wrong, with the value that was seen first.
    public let sentence: String
    /// How often the expectation of this line failed.
    public internal(set) var count = 1

    init(_ sentence: String, at place: SourcePlace) {
        file = place.file
        line = place.line
        self.sentence = sentence
    }

    /// "BackendConformance/Conformance+Bytes.swift:40: a receive … (3 times)"
    public var description: String {
        "\(file):\(line): \(sentence)" + (count > 1 ? " (\(count) times)" : "")
    }
}
