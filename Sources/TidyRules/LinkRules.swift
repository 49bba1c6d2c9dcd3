// SPDX-License-Identifier: MIT

// Links of documents: a relative one names a file or folder of the repository, and its anchor a
// heading there.

extension Project {
    /// Links that lead nowhere.
    package func linkFindings() -> [Finding] {
        let paths = Set(files.map(\.path))
        var folders: Set<String> = [""]
        for path in paths {
            var parts = path.split(separator: "/").dropLast()
            while !parts.isEmpty {  // One turn for each folder of the path.
                folders.insert(parts.joined(separator: "/"))
                parts = parts.dropLast()
            }
        }
        return files.filter(\.isDocument).flatMap { file in
            links(in: file).compactMap { target, line -> Finding? in
                guard let problem = problem(of: target, in: file, paths: paths, folders: folders)
                else { return nil }
                return Finding(.link, file.path, line: line, symbol: target, problem)
            }
        }
    }

    private func problem(
        of target: String, in file: SourceFile, paths: Set<String>, folders: Set<String>
    ) -> String? {
        if target.contains("://") || target.hasPrefix("mailto:") { return nil }
        let halves = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let relative = String(halves[0])
        let path = relative.isEmpty ? file.path : resolve(relative, from: file.folder)
        guard let path, paths.contains(path) || folders.contains(path) else {
            return "'\(target)' names no file of the repository"
        }
        guard halves.count == 2 else { return nil }
        guard let document = files.first(where: { $0.path == path }), document.isDocument else {
            return nil
        }
        if anchors(of: document).contains(String(halves[1])) { return nil }
        return "\(path) has no heading '#\(halves[1])'"
    }

    /// The path of a relative link, or nil if it leaves the repository.
    private func resolve(_ relative: String, from folder: String) -> String? {
        var parts = relative.hasPrefix("/") ? [] : folder.split(separator: "/")
        for part in relative.split(separator: "/") where part != "." {
            if part == ".." {
                if parts.popLast() == nil { return nil }
            } else {
                parts.append(part)
            }
        }
        return parts.joined(separator: "/")
    }

    /// The targets of `[text](target)` outside code, with their lines.
    private func links(in file: SourceFile) -> [(String, Int)] {
        var result: [(String, Int)] = []
        for (line, text) in prose(of: file) {
            for (index, part) in text.split(separator: "](").enumerated() where index > 0 {
                guard let end = part.firstIndex(of: ")") else { continue }
                let target = part[..<end].split(separator: " ").first ?? ""
                result.append((String(target), line))
            }
        }
        return result
    }

    /// The headings of a document as GitHub names them.
    private func anchors(of file: SourceFile) -> Set<String> {
        var result: Set<String> = []
        for (_, text) in prose(of: file, keepsCode: true) where text.hasPrefix("#") {
            var slug = ""
            for character in trimmed(text.drop { $0 == "#" }).lowercased() {
                if character == " " || character == "-" { slug += "-" }
                if character.isLetter || character.isNumber || character == "_" {
                    slug.append(character)
                }
            }
            result.insert(slug)
        }
        return result
    }

    /// The lines outside fenced and indented code; inline code is left out unless asked for.
    private func prose(of file: SourceFile, keepsCode: Bool = false) -> [(Int, String)] {
        var result: [(Int, String)] = []
        var isFenced = false
        for (index, line) in file.lines.enumerated() {
            if trimmed(line).hasPrefix("```") {
                isFenced.toggle()
            } else if !isFenced && !line.hasPrefix("    ") {
                let parts = line.split(separator: "`", omittingEmptySubsequences: false)
                let outside = parts.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
                result.append((index + 1, keepsCode ? line : outside.joined(separator: "_")))
            }
        }
        return result
    }
}
