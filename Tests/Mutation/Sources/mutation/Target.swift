// SPDX-License-Identifier: MIT

internal import Foundation
internal import Mutating

/// A file that is mutated, and who looks at it.
struct Target {
    var file: String
    /// Regular expressions that name models, or unit tests.
    var tests: [String] = []
    /// Stress scenarios, or storms.
    var scenarios: [String] = []

    static let folder = "Tests/Mutation"

    /// The targets of a subject.
    static func all(_ subject: Subject) throws -> [Target] {
        let path = subject.targets
        var lists: [String: [String]] = [:]
        var targets: [Target] = []
        for line in try readText(path).split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 3 else { throw ToolError("\(path): what is '\(line)'?") }
            if fields[1] == "=" {
                lists[fields[0]] = names(fields[2], lists)
            } else {
                let (tests, scenarios) = (names(fields[1], lists), names(fields[2], lists))
                targets.append(Target(file: fields[0], tests: tests, scenarios: scenarios))
            }
        }
        return targets
    }

    /// The names between commas; a dash is none, and a dollar stands before the name of a list.
    private static func names(_ field: String, _ lists: [String: [String]]) -> [String] {
        if field == "-" { return [] }
        return field.split(separator: ",").map(String.init).flatMap { name in
            name.hasPrefix("$") ? lists[String(name.dropFirst())] ?? [name] : [name]
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
