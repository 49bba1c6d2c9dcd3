// SPDX-License-Identifier: MIT

/// The counts of a library that is loaded before a contender's own: 64-bit words in a file.
enum PreloadedWords {
    /// The variables that a process is started with to be counted.
    static func environment(
        library name: String, variable: String, file: String
    ) throws(BenchError) -> [String: String] {
        let library = try Directory.ofPrograms() + "/lib\(name).so"
        guard ProcFile.bytes(library, capacity: 4) != nil else {
            throw BenchError("lib\(name).so has not been built: build the package")
        }
        return ["LD_PRELOAD": library, variable: file]
    }

    /// Reads the counts of a running process.
    static func read(_ count: Int, file: String) throws(BenchError) -> [UInt64] {
        let bytes = ProcFile.bytes(file, capacity: count * 8) ?? []
        guard bytes.count == count * 8 else {
            throw BenchError("nothing was counted: the library was not preloaded")
        }
        return (0..<count).map { word in
            (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[word * 8 + $1]) << ($1 * 8) }
        }
    }
}
