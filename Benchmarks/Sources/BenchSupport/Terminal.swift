// SPDX-License-Identifier: MIT

internal import Foundation

/// Where the harness writes: results to standard output at once, the rest to standard error.
package enum Terminal {
    /// A line of results.
    package static func write(_ line: String) {
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }

    /// A line about what went wrong.
    package static func complain(_ line: String) {
        FileHandle.standardError.write(Data("\(line)\n".utf8))
    }

    /// What is going on now, in a line that the next one replaces; only for people.
    static func note(_ text: String) {
        guard isatty(2) == 1 else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
    }
}
