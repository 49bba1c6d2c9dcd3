// SPDX-License-Identifier: MIT

/// Why something is not found: a line of `equivalent.txt` or its like is a name, ` -- `, and the
/// reason.
enum Explanation {
    /// The reasons by name.
    static func all(_ subject: Subject) throws -> [String: String] {
        try all(subject.explanations)
    }

    static func all(_ file: String) throws -> [String: String] {
        var reasons: [String: String] = [:]
        for line in try readText(file).split(separator: "\n") {
            if line.hasPrefix("#") { continue }
            guard let middle = line.ranges(of: " -- ").first else {
                throw ToolError("\(file): a line without a reason: \(line)")
            }
            reasons[String(line[..<middle.lowerBound])] = String(line[middle.upperBound...])
        }
        return reasons
    }
}
