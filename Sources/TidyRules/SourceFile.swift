// SPDX-License-Identifier: MIT

/// A file of the repository with its lines and, for Swift and C, its tokens.
package struct SourceFile: Sendable {
    /// What a file is for; many rules hold only in some places.
    package enum Place: Equatable, Sendable {
        case room(Room)
        case tool
        case test
        case stress
        case example
        case other
    }

    /// The path from the top of the repository.
    package let path: String
    /// The lines without their newlines.
    package let lines: [String]
    /// The tokens with comments; empty for what is neither Swift nor C.
    package let tokens: [Token]
    /// The tokens without comments.
    package let code: [Token]
    /// What the file is for.
    package let place: Place

    /// A file with its text.
    package init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        place = SourceFile.place(of: path)
        if path.hasSuffix(".swift") {
            tokens = Lexer.tokens(of: text, language: .swift)
        } else if path.hasSuffix(".c") || path.hasSuffix(".h") {
            tokens = Lexer.tokens(of: text, language: .c)
        } else {
            tokens = []
        }
        code = tokens.filter { $0.kind != .comment }
    }

    private static func place(of path: String) -> Place {
        let parts = path.split(separator: "/")
        guard let top = parts.first, parts.count > 1 else { return .other }
        switch top {
        case "Sources":
            let name = String(parts[1])
            if let room = Room.named(name) { return .room(room) }
            return .tool
        case "Tests": return .test
        case "StressTests", "StormTests": return .stress
        case "Examples": return .example
        default: return .other
        }
    }
}

extension SourceFile {
    /// Whether this is Swift.
    package var isSwift: Bool { path.hasSuffix(".swift") }
    /// Whether this is C.
    package var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }
    /// Whether this is Markdown.
    package var isDocument: Bool { path.hasSuffix(".md") }
    /// The number of lines; a newline at the end does not begin another.
    package var lineCount: Int { lines.last == "" ? lines.count - 1 : lines.count }
    /// The room, if the file is in one.
    package var room: Room? {
        if case .room(let room) = place { return room }
        return nil
    }
    /// The folder, without a slash at the end; "" for the top.
    package var folder: String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
    /// The name without the folder.
    package var name: String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// The comments of a line, joined.
    package func comment(onLine line: Int) -> String {
        tokens.lazy.filter { $0.kind == .comment && $0.line == line }.map(\.text)
            .joined(separator: " ")
    }

    /// Groups of comment lines that follow one another with no code between or before them.
    package var paragraphs: [[Token]] {
        var result: [[Token]] = []
        for token in tokens where token.kind == .comment && token.isFirstOnLine {
            if let last = result.last?.last, last.line == token.line - 1, !token.text.isEmpty {
                result[result.count - 1].append(token)
            } else if !token.text.isEmpty {
                result.append([token])
            }
        }
        return result
    }
}
