// SPDX-License-Identifier: MIT

/// A line such as `result requests=12 bytes=768`.
package struct KeyValues: Sendable {
    package let word: String
    private var numbers: [String: UInt64] = [:]

    /// The line, or nil if it does not begin with the word.
    package init?(_ line: String, word: String) {
        let parts = line.split(separator: " ")
        guard parts.first == word[...] else { return nil }
        self.word = word
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1)
            if pair.count == 2, let number = UInt64(pair[1]) { numbers[String(pair[0])] = number }
        }
    }

    /// The number of that name; a line that lacks it is an error.
    package func number(_ name: String) throws(BenchError) -> UInt64 {
        guard let number = numbers[name] else {
            throw BenchError("the '\(word)' line has no \(name)")
        }
        return number
    }

    /// The number of that name, if there is one.
    package subscript(_ name: String) -> UInt64? { numbers[name] }
}
