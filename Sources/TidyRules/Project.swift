// SPDX-License-Identifier: MIT

/// All that the rules look at.
package struct Project: Sendable {
    /// The files that git knows or would add.
    package var files: [SourceFile]
    /// The package's targets; empty when they are not known, and then no rule about them fires.
    package var targets: [ProjectTarget]

    /// A project of files and targets.
    package init(files: [SourceFile], targets: [ProjectTarget] = []) {
        self.files = files
        self.targets = targets
    }

    /// The rooms that have sources, from the ground up.
    package var rooms: [Room] {
        Room.all.filter { room in files.contains { $0.room == room } }
    }

    /// All findings of all rules, before the allow-list.
    package func findings() -> [Finding] {
        var result: [Finding] = []
        for file in files {
            result += columnFindings(in: file)
            result += leftoverFindings(in: file)
            result += lengthFindings(in: file)
            result += licenceFindings(in: file)
            guard file.isSwift else { continue }
            result += safetyFindings(in: file)
            result += bannedCallFindings(in: file)
            result += typeNameFindings(in: file)
            result += testCommentFindings(in: file)
        }
        result += edgeFindings()
        result += linkFindings()
        result += readmeFindings()
        result += orphanFindings()
        result += importFindings()
        result += catalogueFindings()
        return result
    }
}
