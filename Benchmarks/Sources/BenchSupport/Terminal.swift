// SPDX-License-Identifier: MIT

internal import Foundation

/// Where the harness writes: results to standard output at once, the rest to standard error.
package enum Terminal {
    /// A line of results.
    package static func write(_ line: String) {
        put(line + "\n", to: .standardOutput)
    }

    /// A line about what went wrong.
    package static func complain(_ line: String) {
        put(line + "\n", to: .standardError)
    }

    /// What is going on now, in a line that the next one replaces; only for people.
    static func note(_ text: String) {
        guard isatty(2) == 1 else { return }
        put("\r\u{1B}[K\(text)", to: .standardError)
    }

    /// A reader that has gone, such as `head`, ends nothing: figures may go into a file too.
    private static func put(_ text: String, to file: FileHandle) {
        try? file.write(contentsOf: Data(text.utf8))
    }
}
