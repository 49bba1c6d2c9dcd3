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
        let library = try Directory.ofPrograms() + "/libMallocCount.so"
        guard ProcFile.bytes(library, capacity: 4) != nil else {
            throw BenchError("libMallocCount.so has not been built: build the package")
        }
        return ["LD_PRELOAD": library, "BENCH_MALLOC_FILE": file]
    }

    /// Reads the counts of a running process.
    package init(file: String) throws(BenchError) {
        let bytes = ProcFile.bytes(file, capacity: 40) ?? []
        guard bytes.count == 40 else {
            throw BenchError("nothing was counted: the library was not preloaded")
        }
        let words = (0..<5).map { word in
            (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[word * 8 + $1]) << ($1 * 8) }
        }
        allocations = words[0]
        frees = words[1]
        reallocations = words[2]
        allocatedBytes = words[3]
        liveBytes = words[4]
    }

    /// Calls that hand memory out: what "allocations per request" counts.
    package var calls: UInt64 { allocations + reallocations }
}
