// SPDX-License-Identifier: MIT

internal import Foundation
internal import Mutating

/// Who is asked about a mutant.
enum Finder: String, CaseIterable, Codable {
    /// The models of the primitives.
    case models
    /// The stress scenarios as they are.
    case stress
    /// The stress scenarios under ThreadSanitizer.
    case tsan
    /// The storms of the simulated loop.
    case storms
    /// The unit tests of client, servers and loop.
    case tests

    /// What it looks at.
    var subject: Subject { self == .storms || self == .tests ? .storms : .primitives }

    /// Whether it has something that looks at a file.
    func looks(at target: Target) -> Bool {
        let names = self == .models || self == .tests ? target.tests : target.scenarios
        return !names.isEmpty
    }

    /// Where its tests are.
    var tests: String {
        switch self {
        case .models: "Tests/PrimitiveModels/Tests"
        case .stress, .tsan: "StressTests"
        case .storms: "StormTests"
        case .tests: "Tests"
        }
    }
}

/// What became of one mutant.
struct Finding: Codable {
    /// How it was found, or that it was not.
    enum Verdict: String, Codable {
        /// A test or scenario failed.
        case failed
        /// ThreadSanitizer reported a race.
        case race
        /// The process trapped or crashed.
        case crashed
        /// It did not end in the time it had.
        case hung
        /// Everything passed.
        case missed
        /// Nothing was run: no test has such a name.
        case untested
    }

    var name: String
    var verdict: Verdict
    var seconds: Double
    /// Who found it, and what was said.
    var detail: String
    /// Of which source and of which tests that is said; see `Fingerprints`.
    var prints: Fingerprints?

    var isFound: Bool { verdict != .missed && verdict != .untested }
}

/// What tells whether a finding is still true: the mutated file and the tests as they were.
struct Fingerprints: Codable, Equatable {
    /// Of the file that is mutated.
    var source: String
    /// Of all files of the finder's tests.
    var tests: String

    /// Those of now.
    init(_ target: Target, _ finder: Finder) throws {
        source = Self.print(of: [target.file])
        tests = try Self.tests(of: finder.tests)
    }

    /// Those of all targets, by file.
    static func ofTargets(_ finder: Finder) throws -> [String: Fingerprints] {
        var prints: [String: Fingerprints] = [:]
        for target in try Target.all(finder.subject) {
            prints[target.file] = try Fingerprints(target, finder)
        }
        return prints
    }

    /// Whether what was found then is found now: in the same source, and what nobody found then
    /// was looked for by the same tests.
    func confirms(_ finding: Finding) -> Bool {
        guard let then = finding.prints, then.source == source else { return false }
        return finding.isFound || then.tests == tests
    }

    private static func tests(of folder: String) throws -> String {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
        let sources = names.filter { $0.hasSuffix(".swift") }.sorted()
        return print(of: sources.map { "\(folder)/\($0)" })
    }

    /// FNV-1a over the bytes of files.
    private static func print(of paths: [String]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for path in paths {
            for byte in FileManager.default.contents(atPath: path) ?? Data() {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
            }
        }
        return String(hash, radix: 16)
    }
}

/// The findings of one finder, a line of JSON each, the newest of a name last.
struct Findings {
    private let path: String
    private(set) var byName: [String: Finding] = [:]

    init(_ finder: Finder) throws {
        let folder = "\(Copy.folder)/results"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        path = "\(folder)/\(finder.rawValue).jsonl"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") {
            let finding = try JSONDecoder().decode(Finding.self, from: Data(line.utf8))
            byName[finding.name] = finding
        }
    }

    /// Forgets what was found before.
    mutating func clear() throws {
        byName = [:]
        try Data().write(to: URL(fileURLWithPath: path))
    }

    /// Adds one, and writes it down at once.
    mutating func add(_ finding: Finding) throws {
        byName[finding.name] = finding
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = try encoder.encode(finding) + Data("\n".utf8)
        if !FileManager.default.fileExists(atPath: path) {
            try Data().write(to: URL(fileURLWithPath: path))
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: line)
        try file.close()
    }

    /// The findings that are about the sources as they are.
    static func current(_ finder: Finder, _ copy: Copy) throws -> [String: Finding] {
        let prints = try Fingerprints.ofTargets(finder)
        let files = Dictionary(
            uniqueKeysWithValues: copy.entries.map { ($0.mutant.name, $0.target.file) })
        return try Findings(finder).byName.filter { name, finding in
            guard let file = files[name], let now = prints[file] else { return false }
            return finding.prints?.source == now.source
        }
    }
}
