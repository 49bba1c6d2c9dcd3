// SPDX-License-Identifier: MIT

/// A line of the suite.
struct SourcePlace: Hashable, Sendable {
    let file: String
    let line: UInt

    init(_ file: StaticString, _ line: UInt) {
        self.file = "\(file)"
        self.line = line
    }
}
