// SPDX-License-Identifier: MIT

internal import Foundation

/// Instructions, counted by valgrind: they repeat where times do not.
package enum Callgrind {
    /// The wrapper that runs a program under callgrind with its counts in a file.
    package static func wrapper(file: String) throws(BenchError) -> [String] {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let path = folders.lazy.map { "\($0)/valgrind" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard let path else {
            throw BenchError(
                "valgrind is missing: apt-get install --no-install-recommends valgrind")
        }
        return [path, "-q", "--tool=callgrind", "--callgrind-out-file=\(file)"]
    }

    /// The instructions of a whole run.
    package static func instructions(file: String) throws(BenchError) -> UInt64 {
        let lines = (ProcFile.text(file) ?? "").split(separator: "\n")
        let sums = lines.compactMap { line -> UInt64? in
            guard line.hasPrefix("totals: ") || line.hasPrefix("summary: ") else { return nil }
            return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
        }
        guard let sum = sums.max() else { throw BenchError("callgrind wrote no totals") }
        return sum
    }

    /// Instructions for each unit, from two runs of different length: what both do besides cancels.
    package static func perUnit(
        counts: (Int, Int), _ run: (_ wrapper: [String], _ count: Int) throws -> Void
    ) throws -> Double {
        precondition(counts.0 != counts.1, "two runs of one length say nothing")
        let sums = try [counts.0, counts.1].map { count in
            try Directory.withTemporaryFile { file in
                try run(try wrapper(file: file), count)
                return Double(try instructions(file: file))
            }
        }
        return (sums[1] - sums[0]) / Double(counts.1 - counts.0)
    }
}
