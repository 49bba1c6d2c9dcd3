// SPDX-License-Identifier: MIT

/// Cuts Swift or C into tokens, well enough to tell code from comments and strings.
///
/// It knows nested comments, raw and multi-line strings, and strings inside interpolations. It does
/// not know regex literals, which this package does not use.
package struct Lexer {
    /// The language of a file.
    package enum Language: Sendable {
        case swift
        case c
    }

    private let bytes: [UInt8]
    private let language: Language
    private var position = 0
    private var line = 1
    private var lastTokenLine = 0
    private var tokens: [Token] = []

    private init(_ text: String, language: Language) {
        bytes = Array(text.utf8)
        self.language = language
    }

    /// The tokens of a text, in order.
    package static func tokens(of text: String, language: Language) -> [Token] {
        var lexer = Lexer(text, language: language)
        while lexer.position < lexer.bytes.count { lexer.step() }
        return lexer.tokens
    }

    /// Takes one token or one blank.
    private mutating func step() {
        let byte = bytes[position]
        if byte == Ascii.newline {
            line += 1
            position += 1
        } else if byte == Ascii.blank || byte == Ascii.tab || byte == Ascii.carriageReturn {
            position += 1
        } else if starts(with: "//") {
            takeLineComment()
        } else if starts(with: "/*") {
            takeBlockComment()
        } else if isStringStart() {
            take(.string) { $0.skipString() }
        } else if language == .c && byte == Ascii.apostrophe {
            take(.string) { $0.skipCharacterLiteral() }
        } else if Ascii.isDigit(byte) {
            take(.number) { $0.skipNumber() }
        } else if Ascii.isIdentifier(byte) {
            take(.identifier) { $0.skipWhile(Ascii.isIdentifier) }
        } else {
            take(.punctuation) { $0.position += 1 }
        }
    }

    private mutating func take(_ kind: Token.Kind, _ skip: (inout Lexer) -> Void) {
        let start = position
        let firstLine = line
        skip(&self)
        append(kind, text(from: start, to: position), firstLine: firstLine)
    }

    private mutating func append(_ kind: Token.Kind, _ text: String, firstLine: Int) {
        tokens.append(
            Token(
                kind: kind, text: text, line: firstLine, lastLine: line,
                isFirstOnLine: firstLine > lastTokenLine))
        lastTokenLine = line
    }

    private func text(from start: Int, to end: Int) -> String {
        String(decoding: bytes[start..<end], as: UTF8.self)
    }

    private func starts(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        return text.withUTF8Buffer { wanted in
            // SAFETY: both indices stay below `count`, which both buffers hold.
            (0..<count).allSatisfy { unsafe wanted[$0] == bytes[position + $0] }
        }
    }

    private func byte(at index: Int) -> UInt8 {
        index < bytes.count ? bytes[index] : 0
    }

    private mutating func skipWhile(_ condition: (UInt8) -> Bool) {
        while position < bytes.count, condition(bytes[position]) { position += 1 }
    }

    private mutating func skipNumber() {
        skipWhile { Ascii.isIdentifier($0) }
        if byte(at: position) == Ascii.dot, Ascii.isDigit(byte(at: position + 1)) {
            position += 1
            skipWhile { Ascii.isIdentifier($0) }
        }
    }
}

// Comments
extension Lexer {
    private mutating func takeLineComment() {
        skipWhile { $0 == Ascii.slash }
        let start = position
        skipWhile { $0 != Ascii.newline }
        append(.comment, trimmed(text(from: start, to: position)), firstLine: line)
    }

    private mutating func takeBlockComment() {
        position += 2
        var depth = 1
        var start = position
        while position < bytes.count, depth > 0 {  // Ends with the file at the latest.
            if language == .swift && starts(with: "/*") {
                depth += 1
                position += 2
            } else if starts(with: "*/") {
                depth -= 1
                position += 2
            } else if bytes[position] == Ascii.newline {
                append(.comment, trimmed(text(from: start, to: position)), firstLine: line)
                line += 1
                position += 1
                start = position
            } else {
                position += 1
            }
        }
        let end = max(start, depth == 0 ? position - 2 : position)
        append(.comment, trimmed(text(from: start, to: end)), firstLine: line)
    }
}

// Strings
extension Lexer {
    private func isStringStart() -> Bool {
        var index = position
        if language == .swift {
            while byte(at: index) == Ascii.hash { index += 1 }
        }
        return byte(at: index) == Ascii.quote
    }

    /// Moves behind a string literal, with its hash signs.
    private mutating func skipString() {
        var hashCount = 0
        while bytes[position] == Ascii.hash {
            hashCount += 1
            position += 1
        }
        let isMultiline = language == .swift && starts(with: "\"\"\"")
        let quoteCount = isMultiline ? 3 : 1
        position += quoteCount
        while position < bytes.count {  // Ends at the closing quotes or with the file.
            let byte = bytes[position]
            if byte == Ascii.backslash, hashes(at: position + 1, count: hashCount) {
                skipEscape(hashCount: hashCount)
            } else if byte == Ascii.quote, closes(quoteCount: quoteCount, hashCount: hashCount) {
                position += quoteCount + hashCount
                return
            } else if byte == Ascii.newline {
                if !isMultiline { return }
                line += 1
                position += 1
            } else {
                position += 1
            }
        }
    }

    private func hashes(at index: Int, count: Int) -> Bool {
        (0..<count).allSatisfy { byte(at: index + $0) == Ascii.hash }
    }

    private func closes(quoteCount: Int, hashCount: Int) -> Bool {
        (0..<quoteCount).allSatisfy { byte(at: position + $0) == Ascii.quote }
            && hashes(at: position + quoteCount, count: hashCount)
    }

    private mutating func skipEscape(hashCount: Int) {
        position += 1 + hashCount
        guard language == .swift, byte(at: position) == Ascii.openParenthesis else {
            if byte(at: position) == Ascii.newline { line += 1 }
            position += 1
            return
        }
        var depth = 0
        repeat {  // Ends at the interpolation's closing parenthesis or with the file.
            if isStringStart() {
                skipString()
                continue
            }
            let byte = self.byte(at: position)
            if byte == Ascii.openParenthesis { depth += 1 }
            if byte == Ascii.closeParenthesis { depth -= 1 }
            if byte == Ascii.newline { line += 1 }
            position += 1
        } while depth > 0 && position < bytes.count
    }

    private mutating func skipCharacterLiteral() {
        position += 1
        while position < bytes.count, bytes[position] != Ascii.apostrophe {
            if bytes[position] == Ascii.newline { return }
            position += bytes[position] == Ascii.backslash ? 2 : 1
        }
        position += 1
    }
}
