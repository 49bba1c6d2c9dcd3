// SPDX-License-Identifier: MIT

internal import Foundation

/// Folders: what is in them, and where the programs of this build are.
package enum Directory {
    /// The names in a folder.
    static func names(in path: String) throws(BenchError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw BenchError("cannot read \(path)")
        }
    }

    /// The folder of the running program: the contenders lie next to it.
    package static func ofPrograms() throws(BenchError) -> String {
        guard let path = ProcFile.link("/proc/self/exe"), let slash = path.lastIndex(of: "/") else {
            throw BenchError("/proc/self/exe leads nowhere")
        }
        return String(path[..<slash])
    }

    /// The path of a program of this build.
    package static func program(_ name: String) throws(BenchError) -> String {
        let path = try ofPrograms() + "/" + name
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw BenchError("\(name) has not been built: build the package, then run again")
        }
        return path
    }

    /// A new empty file for as long as the body runs.
    package static func withTemporaryFile<Value>(
        _ body: (String) throws -> Value
    ) throws -> Value {
        let name = "millrace-bench-\(ProcessInfo.processInfo.processIdentifier)-\(Clock.now)"
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
        guard FileManager.default.createFile(atPath: path, contents: nil) else {
            throw BenchError("cannot write \(path)")
        }
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    /// A new file with a text in it for as long as the body runs.
    package static func withTemporaryFile<Value>(
        holding text: String, _ body: (String) throws -> Value
    ) throws -> Value {
        try withTemporaryFile { path in
            try Data(text.utf8).write(to: URL(filePath: path))
            return try body(path)
        }
    }
}
