// SPDX-License-Identifier: MIT

/// What a process that runs with the library MallocCount has allocated so far.
package struct AllocationCounts: Sendable {
    package let allocations: UInt64
    package let frees: UInt64
    package let reallocations: UInt64
    package let allocatedBytes: UInt64
    package let liveBytes: UInt64

    /// The variables that a process is started with to be counted.
    package static func environment(file: String) throws(BenchError) -> [String: String] {
        try PreloadedWords.environment(
            library: "MallocCount", variable: "BENCH_MALLOC_FILE", file: file)
    }

    /// Reads the counts of a running process.
    package init(file: String) throws(BenchError) {
        let words = try PreloadedWords.read(5, file: file)
        allocations = words[0]
        frees = words[1]
        reallocations = words[2]
        allocatedBytes = words[3]
        liveBytes = words[4]
    }

    /// Calls that hand memory out: what "allocations per request" counts.
    package var calls: UInt64 { allocations + reallocations }
}
