// SPDX-License-Identifier: MIT

internal import HTTP1Codec

extension RequestURL {
    /// The URL that a reference means here: what `Location` holds (RFC 3986, section 5.2).
    ///
    /// - Throws: what is wrong with the URL that comes out.
    func resolving(_ reference: String) throws(HTTPURLError) -> RequestURL {
        let text = reference.prefix { $0 != "#" }
        if Self.hasScheme(text) { return try RequestURL(String(text)) }
        if text.hasPrefix("//") {
            return try RequestURL((origin.isSecure ? "https:" : "http:") + text)
        }
        return try RequestURL("\(origin)" + merged(text))
    }

    /// Path and query of a reference without an authority.
    private func merged(_ reference: Substring) -> String {
        let path = reference.prefix { $0 != "?" }
        let query = reference.dropFirst(path.count)
        let ownPath = target.prefix { $0 != "?" }
        if path.isEmpty { return query.isEmpty ? target : String(ownPath + query) }
        if path.hasPrefix("/") { return Self.removingDots(path) + query }
        let folder = ownPath.prefix(through: ownPath.lastIndex(of: "/") ?? ownPath.startIndex)
        return Self.removingDots(folder + path) + query
    }

    /// RFC 3986, section 3.1: a letter, then letters, digits, "+", "-", "." up to ":".
    private static func hasScheme(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isLetter(first) else { return false }
        for byte in text.utf8 {
            if byte == UInt8(ascii: ":") { return true }
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            guard
                isLetter(byte) || isDigit || byte == UInt8(ascii: "+")
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            else { return false }
        }
        return false
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
    }

    /// RFC 3986, section 5.2.4, for a path that begins with "/".
    static func removingDots(_ path: some StringProtocol) -> String {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        var kept: [Substring] = []
        for segment in segments {
            switch segment {
            case ".": continue
            case "..": _ = kept.popLast()
            default: kept.append(Substring(segment))
            }
        }
        // "/a/." and "/a/.." name a folder.
        if segments.last == "." || segments.last == ".." { kept.append("") }
        return "/" + kept.joined(separator: "/")
    }
}
