// SPDX-License-Identifier: MIT

// Columns, lengths, licence lines and left-over marks: what can be seen without knowing the code.

/// The limits of STYLE: columns of code, columns of documents, lines.
package enum Limit {
    /// Columns of code and of the comments in it.
    package static let codeColumns = 100
    /// Columns of documents and of shell scripts.
    package static let documentColumns = 120
    /// Lines of a function, from its keyword to its closing brace.
    package static let functionLines = 70
    /// Lines of a source file.
    package static let fileLines = 600
    /// Lines of a room's README.
    package static let readmeLines = 150
}

/// Lines that are too wide.
package func columnFindings(in file: SourceFile) -> [Finding] {
    let isCode = file.isSwift || file.isC
    let isShell = file.path == "dev" || file.path.hasSuffix(".sh")
    guard isCode || isShell || file.isDocument else { return [] }
    let limit = isCode ? Limit.codeColumns : Limit.documentColumns
    return file.lines.enumerated().compactMap { index, line in
        // A line of so many bytes has at most so many columns.
        guard line.utf8.count > limit, line.count > limit else { return nil }
        if file.isDocument && mayRunOver(line) { return nil }
        return Finding(
            .columns, file.path, line: index + 1, "\(line.count) columns, the limit is \(limit)")
    }
}

/// Tables, links and headings of a document cannot be wrapped.
private func mayRunOver(_ line: String) -> Bool {
    let text = trimmed(line)
    return text.hasPrefix("|") || text.hasPrefix("#") || text.contains("](")
        || text.contains("://")
}

/// Functions and files that are too long.
package func lengthFindings(in file: SourceFile) -> [Finding] {
    guard file.isSwift || file.isC else { return [] }
    var result: [Finding] = []
    if file.lineCount > Limit.fileLines {
        result.append(
            Finding(
                .fileLength, file.path, line: Limit.fileLines + 1,
                "\(file.lineCount) lines, the limit is \(Limit.fileLines): split it by"
                    + " responsibility, as Type+Drain.swift"))
    }
    for function in file.functions where function.lineCount > Limit.functionLines {
        result.append(
            Finding(
                .functionLength, file.path, line: function.firstLine, symbol: function.name,
                "'\(function.name)' has \(function.lineCount) lines, the limit is"
                    + " \(Limit.functionLines): keep the branching, move the work to helpers"))
    }
    return result
}

/// Sources without their licence in the first line (in the second for the manifest).
package func licenceFindings(in file: SourceFile) -> [Finding] {
    guard file.isSwift || file.isC else { return [] }
    let index = file.name == "Package.swift" ? 1 : 0
    let line = index < file.lines.count ? file.lines[index] : ""
    if line == "// SPDX-License-Identifier: MIT" { return [] }
    return [
        Finding(
            .licence, file.path, line: index + 1,
            "the line must be '// SPDX-License-Identifier: MIT'")
    ]
}

/// Marks of unfinished work.
package func leftoverFindings(in file: SourceFile) -> [Finding] {
    // Put together here, so that this file does not find itself.
    let marks = ["FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK"]
    var result: [Finding] = []
    for (index, line) in file.lines.enumerated() {
        for mark in marks where line.contains(mark) && words(of: line).contains(mark) {
            result.append(
                Finding(
                    .leftover, file.path, line: index + 1, symbol: mark,
                    "'\(mark)': do it now, or write an issue and say here what does not work"))
        }
    }
    return result
}

/// The identifiers of a line.
private func words(of line: String) -> [String] {
    line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
}
