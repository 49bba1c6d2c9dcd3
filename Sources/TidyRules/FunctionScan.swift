// SPDX-License-Identifier: MIT

/// A function, initializer, subscript or computed property with its first and last line.
package struct FunctionSpan: Equatable, Sendable {
    /// Its name without parameters.
    package var name: String
    /// The line of `func`, `init`, `var` …
    package var firstLine: Int
    /// The line of the closing brace.
    package var lastLine: Int
    /// The index of the opening brace in the code tokens.
    package var openingBrace: Int

    /// How many lines it has, both ends included.
    package var lineCount: Int { lastLine - firstLine + 1 }
}

extension SourceFile {
    /// The functions of the file, also those inside others.
    package var functions: [FunctionSpan] {
        isSwift ? swiftFunctions : isC ? cFunctions : []
    }

    private var swiftFunctions: [FunctionSpan] {
        code.indices.compactMap { index in
            guard let name = declaredName(at: index) else { return nil }
            guard let brace = bodyBrace(after: index) else { return nil }
            return span(name: name, from: code[index].line, brace: brace)
        }
    }

    /// The name of the function-like declaration whose keyword stands at an index.
    private func declaredName(at index: Int) -> String? {
        guard code[index].kind == .identifier, index + 1 < code.count else { return nil }
        let isMember = index > 0 && code[index - 1].isWord(".")
        let next = code[index + 1]
        switch code[index].text {
        case "func", "var": return next.text
        case "deinit" where next.isWord("{"): return "deinit"
        case "init" where !isMember && ["(", "<", "?", "!"].contains(next.text): return "init"
        case "subscript" where !isMember && ["(", "<"].contains(next.text): return "subscript"
        default: return nil
        }
    }

    /// The index of the brace that opens the body, or nil for a requirement or a stored property.
    private func bodyBrace(after start: Int) -> Int? {
        var depth = 0
        let isProperty = code[start].text == "var"
        for index in (start + 1)..<code.count {
            let token = code[index]
            if depth == 0 && token.isWord("{") { return index }
            if depth == 0 && index > start + 1 {
                if token.isWord("}") { return nil }
                if isProperty && (token.isWord("=") || token.isWord(";")) { return nil }
                if token.isFirstOnLine {
                    let continues = ["{", ":", "-", "where", "throws", "async", ")", "&", "."]
                    if isProperty && !continues.contains(token.text) { return nil }
                    if SourceFile.beginsDeclaration(token) { return nil }
                }
            }
            if ["(", "["].contains(token.text) { depth += 1 }
            if [")", "]"].contains(token.text) { depth -= 1 }
            if depth < 0 { return nil }
        }
        return nil
    }

    private static func beginsDeclaration(_ token: Token) -> Bool {
        let words = [
            "func", "var", "let", "init", "deinit", "subscript", "case", "associatedtype",
            "typealias", "static", "public", "package", "internal", "private", "fileprivate",
            "mutating", "consuming", "borrowing", "struct", "class", "enum", "actor", "protocol",
            "extension", "@", "#",
        ]
        return words.contains(token.text)
    }

    private func span(name: String, from line: Int, brace: Int) -> FunctionSpan? {
        guard let end = closing(of: brace) else { return nil }
        return FunctionSpan(
            name: name, firstLine: line, lastLine: code[end].line, openingBrace: brace)
    }

    /// The index of the code token that closes the bracket at an index.
    package func closing(of index: Int) -> Int? {
        let pairs = ["{": "}", "(": ")", "[": "]"]
        let open = code[index].text
        guard let close = pairs[open] else { return nil }
        var depth = 0
        for position in index..<code.count where code[position].kind == .punctuation {
            if code[position].text == open { depth += 1 }
            if code[position].text == close { depth -= 1 }
            if depth == 0 { return position }
        }
        return nil
    }

    private var cFunctions: [FunctionSpan] {
        var result: [FunctionSpan] = []
        var index = 0
        var start = 0
        var directiveLine = 0
        while index < code.count {
            let token = code[index]
            if token.isWord("#") && token.isFirstOnLine {
                directiveLine = token.line
            } else if token.line == directiveLine {
                if lines[token.line - 1].hasSuffix("\\") { directiveLine += 1 }
                start = index + 1
            } else if token.isWord(";") || token.isWord("}") {
                start = index + 1
            } else if token.isWord("{"), let end = closing(of: index) {
                if index > 0, code[index - 1].isWord(")"), code[start].line != directiveLine {
                    let name = code[start..<index].last { $0.kind == .identifier }?.text ?? "?"
                    let called = cName(in: start..<index) ?? name
                    result += [span(name: called, from: code[start].line, brace: index)]
                        .compactMap { $0 }
                }
                index = end
                start = end + 1
            }
            index += 1
        }
        return result
    }

    /// The identifier before the first parenthesis of a C declaration.
    private func cName(in range: Range<Int>) -> String? {
        guard let open = code[range].firstIndex(where: { $0.isWord("(") }) else { return nil }
        return open > range.lowerBound ? code[open - 1].text : nil
    }
}
