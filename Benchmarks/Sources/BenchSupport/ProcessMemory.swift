// SPDX-License-Identifier: MIT

internal import CBenchSupport

/// What a process holds: memory that is in RAM, and descriptors.
package struct ProcessMemory: Sendable {
    /// All of it, files that it maps included: /proc/PID/statm.
    package let residentBytes: UInt64
    /// What is its own: RssAnon of /proc/PID/status.
    package let anonymousBytes: UInt64
    package let descriptorCount: Int

    /// Reads it.
    package static func of(_ id: Int32) throws(BenchError) -> ProcessMemory {
        let pages = (ProcFile.text("/proc/\(id)/statm") ?? "").split(separator: " ")
        let status = (ProcFile.text("/proc/\(id)/status") ?? "").split(separator: "\n")
        let line = status.first { $0.hasPrefix("RssAnon:") }
        let words = line?.split { $0 == " " || $0 == "\t" } ?? []
        guard pages.count > 1, let resident = UInt64(pages[1]), words.count == 3,
            let kilobytes = UInt64(words[1])
        else { throw BenchError("process \(id) has ended, or /proc is not what proc(5) says") }
        return ProcessMemory(
            residentBytes: resident * pageByteCount, anonymousBytes: kilobytes * 1024,
            descriptorCount: try Directory.names(in: "/proc/\(id)/fd").count)
    }

    /// The same for a process and those that it has started. Pages that they share count for each.
    package static func ofTree(_ id: Int32) throws(BenchError) -> ProcessMemory {
        var sum = ProcessMemory(residentBytes: 0, anonymousBytes: 0, descriptorCount: 0)
        for member in ProcessTree.ids(from: id) {
            let own = try of(member)
            sum = ProcessMemory(
                residentBytes: sum.residentBytes + own.residentBytes,
                anonymousBytes: sum.anonymousBytes + own.anonymousBytes,
                descriptorCount: sum.descriptorCount + own.descriptorCount)
        }
        return sum
    }

    /// How much more memory of its own it is than at another time; nothing if it is less.
    package func grown(since other: ProcessMemory) -> UInt64 {
        anonymousBytes > other.anonymousBytes ? anonymousBytes - other.anonymousBytes : 0
    }

    /// How many sockets a process and those that it has started have open.
    package static func socketCount(of id: Int32) throws(BenchError) -> Int {
        var count = 0
        for member in ProcessTree.ids(from: id) { count += try ownSocketCount(of: member) }
        return count
    }

    private static func ownSocketCount(of id: Int32) throws(BenchError) -> Int {
        try Directory.names(in: "/proc/\(id)/fd").count { name in
            ProcFile.link("/proc/\(id)/fd/\(name)")?.hasPrefix("socket:") == true
        }
    }

    private static var pageByteCount: UInt64 { UInt64(bench_page_byte_count()) }
}
