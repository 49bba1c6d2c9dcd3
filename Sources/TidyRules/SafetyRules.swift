// SPDX-License-Identifier: MIT

/// Lines with `unsafe` and no reason: a comment with "SAFETY:" on the line itself or at most three
/// lines above, where a comment of several lines counts from its last.
package func safetyFindings(in file: SourceFile) -> [Finding] {
    var defended: Set<Int> = []
    for token in file.tokens where token.kind == .comment && token.text.contains("SAFETY:") {
        defended.formUnion(token.line...(token.line + 3))
    }
    for paragraph in file.paragraphs {
        guard let last = paragraph.last, paragraph.contains(where: { $0.text.contains("SAFETY:") })
        else { continue }
        defended.formUnion(last.line...(last.line + 3))
    }
    var result: [Finding] = []
    for (index, token) in file.code.enumerated() where token.isWord("unsafe") {
        let isAttribute = index > 0 && file.code[index - 1].isWord("@")
        if isAttribute || defended.contains(token.line) || result.last?.line == token.line {
            continue
        }
        result.append(
            Finding(
                .safety, file.path, line: token.line, symbol: "unsafe",
                "'unsafe' without a '// SAFETY:' line that says why it holds"))
    }
    return result
}

/// Tests that do not begin with a comment: what would be wrong if they failed.
package func testCommentFindings(in file: SourceFile) -> [Finding] {
    guard file.place == .test else { return [] }
    let code = file.code
    return file.functions.compactMap { function in
        let brace = code[function.openingBrace]
        guard isTest(function, in: file) else { return nil }
        let first = file.tokens.first { $0.line > brace.line }
        if first?.kind == .comment { return nil }
        return Finding(
            .testComment, file.path, line: function.firstLine, symbol: function.name,
            "the test's first line must be a comment that says what would be wrong if it failed")
    }
}

/// Whether `@Test` stands before the function and behind the declaration before it.
private func isTest(_ function: FunctionSpan, in file: SourceFile) -> Bool {
    let code = file.code
    var index = function.openingBrace
    while index > 0, !(code[index].isWord("func") && code[index].line == function.firstLine) {
        index -= 1
    }
    var depth = 0
    while index > 0 {  // Ends at the declaration before or at the top of the file.
        index -= 1
        if code[index].isWord(")") { depth += 1 }
        if code[index].isWord("(") { depth -= 1 }
        if depth > 0 { continue }
        if code[index].isWord("}") || code[index].isWord("{") { return false }
        if code[index].isWord("Test"), index > 0, code[index - 1].isWord("@") { return true }
    }
    return false
}
