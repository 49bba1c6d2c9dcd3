// SPDX-License-Identifier: MIT

internal import Foundation
internal import Mutating

/// A file that is mutated, and who looks at it.
struct Target {
    var file: String
    var models: [String]
    var scenarios: [String]

    static let folder = "Tests/Mutation"

    /// The targets of `targets.txt`.
    static func all() throws -> [Target] {
        try readText("\(folder)/targets.txt").split(separator: "\n").compactMap { line in
            if line.hasPrefix("#") { return nil }
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 3 else { throw ToolError("targets.txt: what is '\(line)'?") }
            return Target(
                file: fields[0], models: fields[1].split(separator: ",").map(String.init),
                scenarios: fields[2].split(separator: ",").map(String.init))
        }
    }

    /// The faults written by hand.
    static func catalogue() throws -> [CatalogueEntry] {
        let entries = try CatalogueEntry.entries(of: readText("\(folder)/catalogue.txt"))
        let files = Set(try all().map(\.file))
        for entry in entries where !files.contains(entry.file) {
            throw ToolError("\(entry.name): targets.txt does not name \(entry.file)")
        }
        return entries
    }

    /// What makes its mutants.
    func mutator() throws -> Mutator {
        try Mutator(file: file, source: readText(file), catalogue: Self.catalogue())
    }
}

/// Something that the user can mend.
struct ToolError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// The text of a file.
func readText(_ path: String) throws -> String {
    do {
        return try String(contentsOfFile: path, encoding: .utf8)
    } catch {
        throw ToolError("cannot read \(path): is this the top of the package?")
    }
}

/// Prints a line, at once.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
