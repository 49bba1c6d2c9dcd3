// SPDX-License-Identifier: MIT

internal import Foundation

/// All that one command found out.
package struct RunResult: Codable, Sendable {
    package var environment: RunEnvironment
    package var isTiny: Bool
    package var scenarios: [ScenarioResult]

    /// Writes it as JSON.
    package func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            try encoder.encode(self).write(to: URL(fileURLWithPath: path))
        } catch {
            throw BenchError("cannot write \(path): \(error.localizedDescription)")
        }
    }

    /// Draws a chart for each scenario into a folder.
    package func writeCharts(to folder: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            for scenario in scenarios {
                let name = scenario.name.replacingOccurrences(of: "/", with: "-") + ".svg"
                try Chart(scenario).svg.write(
                    toFile: folder + "/" + name, atomically: true, encoding: .utf8)
            }
        } catch {
            throw BenchError("cannot write charts to \(folder): \(error.localizedDescription)")
        }
    }

    /// Reads what `write` wrote.
    package static func read(from path: String) throws -> RunResult {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode(
            RunResult.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
    }
}
