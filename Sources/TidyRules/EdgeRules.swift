// SPDX-License-Identifier: MIT

// Synchronization edges: each non-relaxed ordering in `Sources` carries the number of an edge that
// its file declares.

extension Project {
    /// Orderings without a tag, tags without a declaration, and the strongest ordering without
    /// its reason.
    package func edgeFindings() -> [Finding] {
        files.filter { $0.isSwift && $0.path.hasPrefix("Sources/") }.flatMap { file in
            let orderings = strongOrderings(in: file)
            if orderings.isEmpty { return [Finding]() }
            let declared = declaredEdges(of: file)
            return orderings.flatMap { findings(of: $0, in: file, declared: declared) }
        }
    }

    private func findings(
        of ordering: Ordering, in file: SourceFile, declared: [String]
    ) -> [Finding] {
        var result: [Finding] = []
        func report(_ message: String) {
            result.append(
                Finding(.edgeTag, file.path, line: ordering.line, symbol: ordering.name, message))
        }
        if ordering.tags.isEmpty {
            report(".\(ordering.name) has no edge: write its number ('// E1') on this line")
        }
        for tag in ordering.tags where !declared.contains(tag) {
            report("\(tag) is not in the file's 'Edges:' comment, nor in one it refers to")
        }
        if ordering.name == "sequentiallyConsistent", !isDefended(ordering, in: file) {
            report(
                ".sequentiallyConsistent needs a comment paragraph that names it or its edge and"
                    + " says why acquire and release are not enough")
        }
        return result
    }

    /// The edges that a file declares, or that the files named by "Edges: see X.swift" declare.
    private func declaredEdges(of file: SourceFile) -> [String] {
        var result: [String] = []
        for paragraph in edgeParagraphs(of: file) {
            let text = paragraph.map(\.text).joined(separator: " ")
            result += edgeTags(in: text)
            for other in files where other.folder == file.folder && other.path != file.path {
                guard text.contains("see \(other.name)") else { continue }
                for paragraph in edgeParagraphs(of: other) {
                    result += edgeTags(in: paragraph.map(\.text).joined(separator: " "))
                }
            }
        }
        return result
    }

    /// From the comment line that begins with "Edges" to the end of its block of comments, blank
    /// comment lines included.
    private func edgeParagraphs(of file: SourceFile) -> [[Token]] {
        var result: [[Token]] = []
        var isOpen = false
        for token in file.tokens where token.kind == .comment && token.isFirstOnLine {
            let follows = result.last?.last.map { $0.line == token.line - 1 } ?? false
            if token.text.hasPrefix("Edges") {
                result.append([token])
                isOpen = true
            } else if isOpen && follows {
                result[result.count - 1].append(token)
            } else {
                isOpen = false
            }
        }
        return result
    }

    /// Whether a paragraph of at least two lines names the strongest ordering, and either stands
    /// just above or names the operation's edge.
    private func isDefended(_ ordering: Ordering, in file: SourceFile) -> Bool {
        file.paragraphs.contains { paragraph in
            guard paragraph.count >= 2, let last = paragraph.last else { return false }
            let text = paragraph.map(\.text).joined(separator: " ")
            let names = ["equentially consistent", "equentiallyConsistent", "seq_cst"]
            guard names.contains(where: text.contains) else { return false }
            let isNear = last.line < ordering.line && last.line >= ordering.line - 10
            return isNear || edgeTags(in: text).contains { ordering.tags.contains($0) }
        }
    }
}

/// A non-relaxed ordering in the code, with the edge tags of its statement.
private struct Ordering {
    var name: String
    var line: Int
    var tags: [String]
}

/// The words E1, E2 … of a text.
func edgeTags(in text: String) -> [String] {
    text.split { !($0.isLetter || $0.isNumber) }.map(String.init).filter { word in
        word.first == "E" && word.count > 1 && word.dropFirst().allSatisfy(\.isNumber)
    }
}

private func strongOrderings(in file: SourceFile) -> [Ordering] {
    let names = ["acquiring", "releasing", "acquiringAndReleasing", "sequentiallyConsistent"]
    let code = file.code
    return code.indices.compactMap { index in
        // The argument of a label that ends in "ordering": `ordering: .acquiring`.
        guard index >= 3, names.contains(code[index].text), code[index - 1].isWord("."),
            code[index - 2].isWord(":"), code[index - 3].text.hasSuffix("rdering")
        else { return nil }
        let line = code[index].line
        var tags = leadingTags(file.comment(onLine: line))
        if tags.isEmpty, let end = callEnd(after: index, in: file) {
            tags = leadingTags(file.comment(onLine: code[end].line))
        }
        return Ordering(name: code[index].text, line: line, tags: tags)
    }
}

/// The tags of a comment that begins with one.
private func leadingTags(_ comment: String) -> [String] {
    let tags = edgeTags(in: comment)
    guard let first = tags.first, comment.hasPrefix(first) else { return [] }
    return tags
}

/// The index of the parenthesis that closes the call around a token.
private func callEnd(after index: Int, in file: SourceFile) -> Int? {
    var depth = 1
    for position in index..<file.code.count {
        if file.code[position].isWord("(") { depth += 1 }
        if file.code[position].isWord(")") { depth -= 1 }
        if depth == 0 { return position }
    }
    return nil
}
