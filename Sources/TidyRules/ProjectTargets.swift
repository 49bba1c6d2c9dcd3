// SPDX-License-Identifier: MIT

/// A target of the package, as `swift package describe` prints it.
package struct ProjectTarget: Equatable, Sendable {
    /// The module's name.
    package var name = ""
    /// library, executable, test, system-target …
    package var type = ""
    /// The folder, from the top of the repository.
    package var path = ""
    /// The source files, from `path`.
    package var sources: [String] = []
    /// The targets and products that it declares as dependencies.
    package var dependencies: [String] = []

    /// A target of the given parts.
    package init(
        name: String = "", type: String = "library", path: String = "", sources: [String] = [],
        dependencies: [String] = []
    ) {
        self.name = name
        self.type = type
        self.path = path
        self.sources = sources
        self.dependencies = dependencies
    }

    /// Reads the text form of `swift package describe`.
    package static func parse(_ description: String) -> [ProjectTarget] {
        var targets: [ProjectTarget] = []
        var isInTargets = false
        var list = ""
        for line in description.split(separator: "\n") {
            let word = trimmed(line)
            let indentation = line.prefix { $0 == " " }.count
            if indentation == 0 {
                isInTargets = word == "Targets:"
            } else if isInTargets, indentation == 4 {
                list = word
                if word.hasPrefix("Name: ") { targets.append(ProjectTarget()) }
                if !targets.isEmpty { targets[targets.count - 1].take(field: word) }
            } else if isInTargets, !targets.isEmpty {
                targets[targets.count - 1].take(item: word, of: list)
            }
        }
        return targets
    }

    private mutating func take(field: String) {
        guard let colon = field.firstIndex(of: ":") else { return }
        let value = trimmed(field[field.index(after: colon)...])
        switch field[..<colon] {
        case "Name": name = value
        case "Type": type = value
        case "Path": path = value
        default: break
        }
    }

    private mutating func take(item: String, of list: String) {
        switch list {
        case "Sources:": sources.append(item)
        case "Target dependencies:", "Product dependencies:": dependencies.append(item)
        default: break
        }
    }
}
