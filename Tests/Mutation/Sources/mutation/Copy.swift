// SPDX-License-Identifier: MIT

internal import Foundation
internal import Mutating

/// The copy of the package in which the mutants are.
struct Copy {
    static let folder = ".build-mutation"

    /// A mutant with its number, and the target that it is in.
    struct Entry {
        var number: Int
        var mutant: Mutant
        var target: Target
    }

    /// What is mutated in it.
    let subject: Subject
    /// All mutants; numbers begin with one.
    let entries: [Entry]
    private let mutators: [(target: Target, mutator: Mutator)]
    /// The numbers of those that do not compile beside the original.
    private(set) var refused: Set<Int> = []
    private var schemata: [String: Schema] = [:]

    init(_ subject: Subject) throws {
        self.subject = subject
        let catalogue = try Target.catalogue(subject)
        mutators = try Target.all(subject).map { ($0, try $0.mutator(catalogue)) }
        var entries: [Entry] = []
        for (target, mutator) in mutators {
            for mutant in mutator.mutants {
                entries.append(Entry(number: entries.count + 1, mutant: mutant, target: target))
            }
        }
        self.entries = entries
        let names = Dictionary(grouping: entries, by: \.mutant.name).filter { $1.count > 1 }
        if let name = names.keys.first { throw ToolError("two mutants are called '\(name)'") }
        refused = Set(numbers(of: (try? readText(subject.refused)) ?? ""))
    }

    private var tree: String { subject.tree }

    private func numbers(of text: String) -> [Int] {
        let names = Set(text.split(separator: "\n").map(String.init))
        return entries.filter { names.contains($0.mutant.name) }.map(\.number)
    }

    /// The mutants that compile.
    var compiled: [Entry] {
        entries.filter {
            !refused.contains($0.number) && kept?.contains($0.mutant.name) ?? true
        }
    }
    private var kept: Set<String>?

    /// Leaves all others out, so that few make a short build.
    mutating func keepOnly(_ names: [String]) throws {
        for name in names where !entries.contains(where: { $0.mutant.name == name }) {
            throw ToolError("there is no mutant '\(name)'")
        }
        kept = Set(names)
    }

    // MARK: - Writing

    /// Writes the copy. Files that are as they were are not touched, so that builds stay short.
    mutating func write() throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: tree, withIntermediateDirectories: true)
        for part in ["Sources", "StormTests", "StressTests", "Tests/PrimitiveModels", "Examples"] {
            try mirror(part)
        }
        try linkTests()
        try put(lenient(readText("Package.swift")), "Package.swift")
        let models = "Tests/PrimitiveModels/Package.swift"
        // The checker's own tests are not asked: they are linked into that package from elsewhere.
        let own = try lenient(readText(models)).split(separator: "\n")
            .filter { !$0.contains("\"ModelCheckingTests\"") }.joined(separator: "\n")
        try put(own, models)
        try put(Self.header, "Sources/CLinuxShims/include/millrace_mutant.h")
        try put(Self.source, "Sources/CLinuxShims/mutant.c")
        let map = "Sources/CLinuxShims/include/module.modulemap"
        let names = try readText(map)
        guard let brace = names.firstIndex(of: "{") else { throw ToolError("what is \(map)?") }
        let after = names.index(after: brace)
        try put(names[..<after] + "\n    header \"millrace_mutant.h\"" + names[after...], map)
        try put(Self.support, "Sources/AtomicSupport/Mutant.swift")
        try writeSchemata()
    }

    /// Writes the sources that have mutants, without those that were refused.
    private mutating func writeSchemata() throws {
        let numbers = Dictionary(uniqueKeysWithValues: compiled.map { ($0.mutant.name, $0.number) })
        for (target, mutator) in mutators {
            let schema = mutator.schema { numbers[$0.name] }
            schemata[target.file] = schema
            try put(try Self.withSwitch(schema.text), target.file)
        }
    }

    /// The switch is in `AtomicSupport`, which not every file imports; publicly, because code that
    /// is `@inlinable` uses it too. The line below the licence is empty, so that no other line gets
    /// another number.
    private static func withSwitch(_ text: String) throws -> String {
        if text.contains("import AtomicSupport") { return text }
        guard let gap = text.firstRange(of: "\n\n") else { throw ToolError("a file of one part") }
        return text.replacingCharacters(in: gap, with: "\npublic import AtomicSupport\n")
    }

    /// The manifest names the tests, which are not built here.
    private func linkTests() throws {
        let manager = FileManager.default
        for name in try manager.contentsOfDirectory(atPath: "Tests")
        where name != "PrimitiveModels" {
            let link = "\(tree)/Tests/\(name)"
            if (try? manager.destinationOfSymbolicLink(atPath: link)) != nil { continue }
            try? manager.removeItem(atPath: link)
            try manager.createSymbolicLink(
                atPath: link, withDestinationPath: "../../../Tests/\(name)")
        }
    }

    /// Copies a folder, but not what is written anew here.
    private func mirror(_ part: String) throws {
        let manager = FileManager.default
        let written = Set(mutators.map(\.target.file)).union([
            "Tests/PrimitiveModels/Package.swift", "Sources/CLinuxShims/include/module.modulemap",
        ])
        let added: Set<String> = [
            "Sources/CLinuxShims/include/millrace_mutant.h", "Sources/CLinuxShims/mutant.c",
            "Sources/AtomicSupport/Mutant.swift",
        ]
        let paths = try files(in: part, below: ".")
        for path in paths where !written.contains(path) {
            try put(Data(contentsOf: URL(fileURLWithPath: path)), path)
        }
        // What has gone there goes here.
        for path in try files(in: part, below: tree)
        where !paths.contains(path) && !added.contains(path) {
            try manager.removeItem(atPath: "\(tree)/\(path)")
        }
    }

    /// The files of a part of the package or of its copy.
    private func files(in part: String, below top: String) throws -> Set<String> {
        let manager = FileManager.default
        guard manager.fileExists(atPath: "\(top)/\(part)") else { return [] }
        let names = try manager.subpathsOfDirectory(atPath: "\(top)/\(part)")
        let files = try names.filter { name in
            let attributes = try manager.attributesOfItem(atPath: "\(top)/\(part)/\(name)")
            return attributes[.type] as? FileAttributeType == .typeRegular
        }
        return Set(files.map { "\(part)/\($0)" })
    }

    private func put(_ text: some StringProtocol, _ path: String) throws {
        try put(Data(text.utf8), path)
    }

    private func put(_ data: Data, _ path: String) throws {
        let url = URL(fileURLWithPath: "\(tree)/\(path)")
        if (try? Data(contentsOf: url)) == data { return }
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
    }

    /// Mutants have code that cannot be reached, and values that nobody reads: no warning is an
    /// error, and `unsafe` is not asked for.
    private func lenient(_ manifest: String) -> String {
        manifest.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.contains(".strictMemorySafety()") && !$0.contains(".treatAllWarnings") }
            .joined(separator: "\n")
    }

    private static let header = """
        #pragma once
        #include <stdbool.h>
        extern int millrace_mutant_number;
        static inline bool millrace_is_mutant(int number) {
            return millrace_mutant_number == number;
        }

        """

    private static let source = """
        #include "millrace_mutant.h"
        #include <stdlib.h>
        int millrace_mutant_number;
        __attribute__((constructor)) static void read_number(void) {
            const char *text = getenv("MILLRACE_MUTANT");
            millrace_mutant_number = text ? atoi(text) : 0;
        }

        """

    private static let support = tornUpdates
}

extension Copy {
    // MARK: - Building

    /// The compiler complains about a few at a time.
    private var buildMax: Int { 300 }

    /// Builds the copy; what the compiler refuses is taken out, until it is content.
    mutating func build(_ arguments: [String], log: String) throws {
        for _ in 0..<buildMax {
            let program = Program(
                path: "/usr/bin/env",
                arguments: [
                    "nice", "swift", "build", "-Xswiftc", "-diagnostic-style", "-Xswiftc", "llvm",
                ] + arguments,
                secondsMax: 1_800)
            let outcome = try program.run()
            try outcome.output.write(
                toFile: "\(Self.folder)/\(log)", atomically: true, encoding: .utf8)
            if outcome.status == 0 { return }
            let culprits = culprits(of: outcome.output)
            if culprits.isEmpty {
                throw ToolError("the copy does not build: see \(Self.folder)/\(log)")
            }
            say("    \(culprits.count) mutants do not compile and are left out")
            refused.formUnion(culprits)
            let names = entries.filter { refused.contains($0.number) }.map(\.mutant.name)
            try names.joined(separator: "\n").write(
                toFile: subject.refused, atomically: true, encoding: .utf8)
            try writeSchemata()
        }
        throw ToolError(
            "the copy does not build after \(buildMax) attempts: see \(Self.folder)/\(log)")
    }

    /// The mutants that the compiler complains about: where an error is, or, for one that is about
    /// a variable, what its notes point at; of those the swaps, which use things twice. Where none
    /// of these has a mutant, it is a way out that stands between the two uses and can be left out.
    private func culprits(of output: String) -> Set<Int> {
        var found: Set<Int> = []
        var isExplained = true
        var noted: Set<Int> = []
        var above: Set<Int> = []
        var notes: [Substring] = []
        func finish() {
            if isExplained { return }
            if noted.isEmpty {
                let exits = exits(between: notes)
                return found.formUnion(exits.isEmpty ? above : exits)
            }
            let swaps = noted.filter { entries[$0 - 1].mutant.kind == .swap }
            found.formUnion(swaps.isEmpty ? noted : swaps)
        }
        for line in output.split(separator: "\n") {
            if line.contains(": error: ") {
                finish()
                (noted, notes) = ([], [])
                let culprits = mutants(at: line)
                isExplained = !culprits.isEmpty
                found.formUnion(culprits)
                above = mutants(at: line, isAbove: true)
            } else if line.contains(": note: ") {
                noted.formUnion(mutants(at: line))
                notes.append(line)
            }
        }
        finish()
        return found
    }

    /// The mutants without a way out between the first note of an error and the last.
    private func exits(between notes: [Substring]) -> Set<Int> {
        let places = notes.compactMap(place)
        let lines = places.map(\.line)
        guard let first = lines.min(), let last = lines.max() else { return [] }
        return places[0].schema.mutants(in: first...last).filter { number in
            let mutant = entries[number - 1].mutant
            return mutant.kind == .drop
                && ["return", "throw", "break", "continue"].contains {
                    mutant.original.hasPrefix($0)
                }
        }
    }

    /// The mutants at the place of a line `path:line:column: …`.
    private func mutants(at line: Substring, isAbove: Bool = false) -> Set<Int> {
        guard let (schema, number, column) = place(line) else { return [] }
        if isAbove { return schema.mutants(above: number) }
        return schema.mutant(line: number, column: column).map { [$0] } ?? []
    }

    /// Where `path:line:column: …` is.
    private func place(_ text: Substring) -> (schema: Schema, line: Int, column: Int)? {
        let fields = text.split(separator: ":", maxSplits: 3)
        guard fields.count == 4, let line = Int(fields[1]), let column = Int(fields[2]) else {
            return nil
        }
        let schema = schemata.first { fields[0].hasSuffix("tree/\($0.key)") }?.value
        return schema.map { ($0, line, column) }
    }
}
