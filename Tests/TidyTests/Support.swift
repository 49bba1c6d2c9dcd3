// SPDX-License-Identifier: MIT

import TidyRules

let licence = "// SPDX-License-Identifier: MIT\n"

/// The findings of one rule in a project of one file.
func findings(
    _ rule: Rule, _ text: String, at path: String = "Sources/ConcurrentQueues/Ring.swift",
    targets: [ProjectTarget] = []
) -> [Finding] {
    findings(rule, in: [path: text], targets: targets)
}

/// The findings of one rule in a project of several files.
func findings(
    _ rule: Rule, in files: [String: String], targets: [ProjectTarget] = []
) -> [Finding] {
    let sources = files.sorted { $0.key < $1.key }.map { SourceFile(path: $0.key, text: $0.value) }
    return Project(files: sources, targets: targets).findings().filter { $0.rule == rule }
}

/// So many lines of the same text.
func lines(_ count: Int, of text: String = "    step()") -> String {
    String(repeating: text + "\n", count: count)
}
