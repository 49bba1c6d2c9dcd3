// SPDX-License-Identifier: MIT

// What holds between files: rooms have a README, sources belong to a target, and imports point
// downwards to what is declared.

extension Project {
    /// Rooms without README.md, and READMEs that have become books.
    package func readmeFindings() -> [Finding] {
        var folders: [String] = []
        for file in files {
            let parts = file.path.split(separator: "/")
            guard parts.count > 2, parts[0] == "Sources" else { continue }
            let folder = "Sources/\(parts[1])"
            let isThinTool = parts[1] == "tidy"
            if !isThinTool, !folders.contains(folder) { folders.append(folder) }
        }
        return folders.flatMap { folder -> [Finding] in
            let path = "\(folder)/README.md"
            guard let readme = files.first(where: { $0.path == path }) else {
                return [Finding(.readme, path, line: 1, "the room has no README.md")]
            }
            if readme.lineCount <= Limit.readmeLines { return [] }
            return [
                Finding(
                    .readme, path, line: Limit.readmeLines + 1,
                    "\(readme.lineCount) lines, the limit is \(Limit.readmeLines)")
            ]
        }
    }

    /// Sources that no target compiles, and folders under `Sources` that no table knows.
    package func orphanFindings() -> [Finding] {
        if targets.isEmpty { return [] }
        let owned = Set(
            targets.flatMap { target in target.sources.map { "\(target.path)/\($0)" } })
        var result: [Finding] = []
        for file in files where file.isSwift || file.path.hasSuffix(".c") {
            if file.name == "Package.swift" || owned.contains(file.path) { continue }
            if Project.outsideTargets.contains(where: { file.path.hasPrefix($0) }) { continue }
            result.append(
                Finding(.orphan, file.path, line: 1, "no target of Package.swift compiles this"))
        }
        for target in targets where target.path.hasPrefix("Sources/") {
            if Room.named(target.name) != nil || Room.tools.contains(target.name) { continue }
            result.append(
                Finding(
                    .orphan, "Package.swift", line: 1, symbol: target.name,
                    "\(target.name) stands on no floor: add it to Sources/TidyRules/Room.swift"))
        }
        return result
    }

    /// Sources that other commands compile: programs and packages outside the package's targets.
    static var outsideTargets: [String] {
        [
            "Tests/ConstantTime/", "Tests/EmbeddedProgram/", "Tests/FiberContext/",
            "Tests/HTTP1Fuzz/", "Tests/ImportAlone/",
            "Tests/CallSites/", "Tests/Mutation/", "Tests/OutsideBackend/",
            "Tests/PrimitiveModels/", "Tests/Seam/",
            "Benchmarks/",
            "Examples/ModelCheckedLock/",
        ]
    }

    /// Imports that point up or sideways, or that the manifest does not declare.
    package func importFindings() -> [Finding] {
        var owners: [String: ProjectTarget] = [:]
        for target in targets {
            for source in target.sources { owners["\(target.path)/\(source)"] = target }
        }
        return files.filter(\.isSwift).flatMap { file in
            importedModules(in: file).compactMap { module, line in
                problem(importing: module, in: file, owner: owners[file.path]).map {
                    Finding(.imports, file.path, line: line, symbol: module, $0)
                }
            }
        }
    }

    private func problem(
        importing module: String, in file: SourceFile, owner: ProjectTarget?
    ) -> String? {
        let isOurs = Room.named(module) != nil || Room.tools.contains(module)
        if let room = file.room, isOurs {
            guard let other = Room.named(module) else { return "a room does not import a tool" }
            if !room.mayImport(other) {
                return "\(room.name) (\(room.place)) may not import \(module) (\(other.place))"
            }
        }
        guard let owner else { return nil }
        let given = ["Swift", "Synchronization", "Testing", "Glibc", "Foundation", "Dispatch"]
        if given.contains(module) || owner.dependencies.contains(module) { return nil }
        // A product may hold modules of other names: only ours are sure to be undeclared.
        if !isOurs && !owner.dependencies.allSatisfy(isTarget) { return nil }
        return "\(owner.name) does not declare a dependency on \(module) in Package.swift"
    }

    private func isTarget(_ name: String) -> Bool { targets.contains { $0.name == name } }

    private func importedModules(in file: SourceFile) -> [(String, Int)] {
        let code = file.code
        let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        return code.indices.dropLast().compactMap { index in
            guard code[index].isWord("import") else { return nil }
            var next = index + 1
            if kinds.contains(code[next].text), next + 1 < code.count { next += 1 }
            return (code[next].text, code[next].line)
        }
    }
}
