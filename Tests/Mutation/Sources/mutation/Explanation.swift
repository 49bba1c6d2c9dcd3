// SPDX-License-Identifier: MIT

/// Why the models do not find a mutant: a line of `equivalent.txt` is a name, ` -- `, and the reason.
struct Explanation {
    /// The reasons by name.
    static func all() throws -> [String: String] {
        var reasons: [String: String] = [:]
        for line in try readText("\(Target.folder)/equivalent.txt").split(separator: "\n") {
            if line.hasPrefix("#") { continue }
            guard let middle = line.ranges(of: " -- ").first else {
                throw ToolError("equivalent.txt: a line without a reason: \(line)")
            }
            reasons[String(line[..<middle.lowerBound])] = String(line[middle.upperBound...])
        }
        return reasons
    }
}
