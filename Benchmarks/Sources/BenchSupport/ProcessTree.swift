// SPDX-License-Identifier: MIT

/// A process and those that it has started: a contender may be several.
enum ProcessTree {
    /// How many generations are looked at.
    private static let depthMax = 4

    /// Their ids, the process's own first.
    static func ids(from id: Int32) -> [Int32] {
        var all: [Int32] = []
        var generation = [id]
        for _ in 0..<depthMax where !generation.isEmpty {
            all += generation
            generation = generation.flatMap(children)
        }
        return all
    }

    /// The children of all threads: /proc/PID/task/*/children.
    private static func children(of id: Int32) -> [Int32] {
        let threads = (try? Directory.names(in: "/proc/\(id)/task")) ?? []
        return threads.flatMap { thread in
            (ProcFile.text("/proc/\(id)/task/\(thread)/children") ?? "")
                .split { $0 == " " || $0 == "\n" }.compactMap { Int32($0) }
        }
    }
}
