// SPDX-License-Identifier: MIT

internal import Foundation
internal import Mutating

/// A file that is mutated, and who looks at it.
struct Target {
    var file: String
    /// Regular expressions that name models.
    var models: [String] = []
    /// Stress scenarios, or storms.
    var scenarios: [String] = []

    static let folder = "Tests/Mutation"

    /// The targets of a subject.
    static func all(_ subject: Subject) throws -> [Target] {
        let path = subject.targets
        return try readText(path).split(separator: "\n").compactMap { line in
            if line.hasPrefix("#") { return nil }
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == (subject == .primitives ? 3 : 2), let last = fields.last else {
                throw ToolError("\(path): what is '\(line)'?")
            }
            var target = Target(file: fields[0])
            if fields.count > 2 { target.models = fields[1].split(separator: ",").map(String.init) }
            target.scenarios = last.split(separator: ",").map(String.init)
            return target
        }
    }

    /// The faults written by hand.
    static func catalogue(_ subject: Subject) throws -> [CatalogueEntry] {
        let entries = try CatalogueEntry.entries(of: readText(subject.catalogue))
        let files = Set(try all(subject).map(\.file))
        for entry in entries where !files.contains(entry.file) {
            throw ToolError("\(entry.name): \(subject.targets) does not name \(entry.file)")
        }
        return entries
    }

    /// What makes its mutants.
    func mutator(_ catalogue: [CatalogueEntry]) throws -> Mutator {
        try Mutator(file: file, source: readText(file), catalogue: catalogue)
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
