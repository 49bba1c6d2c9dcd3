// SPDX-License-Identifier: MIT

import HTTP1Codec

/// A chunked body judged slowly and plainly.
enum NaiveChunks {
    /// Its payload; nil if it is wrong, too long or incomplete.
    static func decode(_ bytes: [UInt8]) -> [UInt8]? {
        var payload: [UInt8] = []
        var rest = bytes[...]
        var extensionByteCount = 0
        while let line = takeLine(&rest) {
            let digits = line.prefix { NaiveRequest.isDigit($0) || isHexLetter($0) }
            let tail = Array(line[digits.endIndex...])
            extensionByteCount += tail.count
            guard !digits.isEmpty, digits.count <= 16, line.count <= 1024,
                extensionByteCount <= 8192,
                let size = Int(String(decoding: digits, as: UTF8.self), radix: 16),
                areExtensions(tail), size <= 1 << 26, payload.count + size <= 1 << 26
            else { return nil }
            if size == 0 { return areTrailers(rest) ? payload : nil }
            guard rest.count >= size + 2 else { return nil }
            payload += rest.prefix(size)
            rest = rest.dropFirst(size)
            guard rest.prefix(2) == [13, 10] else { return nil }
            rest = rest.dropFirst(2)
        }
        return nil
    }

    private static func isHexLetter(_ byte: UInt8) -> Bool {
        (65...70).contains(byte) || (97...102).contains(byte)
    }

    /// A line without CR or LF in it, and what follows it.
    private static func takeLine(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let end = rest.firstIndex(where: { $0 == 13 || $0 == 10 }),
            rest[end] == 13, end + 1 < rest.endIndex, rest[end + 1] == 10
        else { return nil }
        defer { rest = rest[(end + 2)...] }
        return rest[..<end]
    }

    /// *( BWS ";" BWS name [ BWS "=" BWS value ] )
    private static func areExtensions(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            rest = rest.drop(while: isBlank)
            guard rest.popFirst() == 59 else { return false }
            rest = rest.drop(while: isBlank)
            guard takeToken(&rest) else { return false }
            let behindBlanks = rest.drop(while: isBlank)
            if behindBlanks.first != 61 { continue }
            rest = behindBlanks.dropFirst().drop(while: isBlank)
            if rest.first == 34 {
                guard takeQuoted(&rest) else { return false }
            } else {
                guard takeToken(&rest) else { return false }
            }
        }
        return true
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }

    private static func takeToken(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let token = rest.prefix { NaiveRequest.isToken([$0]) }
        rest = rest[token.endIndex...]
        return !token.isEmpty
    }

    private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> Bool {
        rest = rest.dropFirst()
        while let byte = rest.popFirst() {
            if byte == 34 { return true }
            guard let text = byte == 92 ? rest.popFirst() : byte, text == 9 || text >= 32,
                text != 127
            else { return false }
        }
        return false
    }

    /// Whether trailers that may be ones, and the empty line, are there.
    private static func areTrailers(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        var count = 0
        while let line = takeLine(&rest) {
            if line.isEmpty { return count <= 32 && rest.startIndex - bytes.startIndex <= 8192 }
            count += 1
            guard let colon = line.firstIndex(of: 58), NaiveRequest.isToken(Array(line[..<colon])),
                line[colon...].allSatisfy({ $0 == 9 || ($0 >= 32 && $0 != 127) })
            else { return false }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let isForbidden = KnownField.allCases.contains {
                $0 != .other && "\($0.name)".lowercased() == name && $0.isForbiddenTrailer
            }
            if isForbidden { return false }
        }
        return false
    }
}
