// SPDX-License-Identifier: MIT

internal import Foundation

/// Where and when figures were taken.
package struct RunEnvironment: Codable, Sendable {
    package var processor: String
    package var processorCount: Int
    package var kernel: String
    package var commit: String
    package var date: String
    package var command: String

    /// Reads it; what cannot be found out is called unknown. The commit comes from the variable
    /// BENCH_COMMIT, which `./dev bench` sets.
    package static func current() -> RunEnvironment {
        let info = ProcessInfo.processInfo
        let model = (ProcFile.text("/proc/cpuinfo") ?? "").split(separator: "\n")
            .first { $0.hasPrefix("model name") }?
            .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        let kernel = ProcFile.text("/proc/sys/kernel/osrelease")?
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let words = ["bench"] + CommandLine.arguments.dropFirst()
        return RunEnvironment(
            processor: model ?? "unknown", processorCount: info.activeProcessorCount,
            kernel: kernel ?? "unknown",
            commit: info.environment["BENCH_COMMIT"] ?? "unknown",
            date: ISO8601DateFormatter().string(from: Date()),
            command: words.joined(separator: " "))
    }
}
