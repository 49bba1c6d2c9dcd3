// SPDX-License-Identifier: MIT

/// How often a process that runs with the library CallCount has written so far.
package struct CallCounts: Sendable {
    /// To eventfds.
    package let eventWrites: UInt64
    /// From eventfds.
    package let eventReads: UInt64
    /// To anything else.
    package let otherWrites: UInt64

    /// The variables that a process is started with to be counted.
    package static func environment(file: String) throws(BenchError) -> [String: String] {
        try PreloadedWords.environment(
            library: "CallCount", variable: "BENCH_CALLS_FILE", file: file)
    }

    /// Reads the counts of a running process.
    package init(file: String) throws(BenchError) {
        let words = try PreloadedWords.read(3, file: file)
        eventWrites = words[0]
        eventReads = words[1]
        otherWrites = words[2]
    }
}
