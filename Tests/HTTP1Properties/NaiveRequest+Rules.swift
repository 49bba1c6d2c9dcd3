// SPDX-License-Identifier: MIT

import HTTP1Codec

// The rules that concern several lines, and the syntax of targets and hosts.
extension NaiveRequest {
    /// The values of a field, in lower case.
    private func values(_ name: String) -> [String] {
        fields.filter { lower($0.name) == name }.map { lower($0.value) }
    }

    private func lower(_ bytes: [UInt8]) -> String {
        String(
            decoding: bytes.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }

    /// The members of a list field, in lower case.
    private func members(_ name: String) -> [String] {
        values(name).flatMap { value in
            value.split(separator: ",", omittingEmptySubsequences: false).map { part in
                String(
                    part.drop { " \t".contains($0) }.reversed().drop { " \t".contains($0) }
                        .reversed())
            }
        }
    }

    var isGood: Bool {
        let hosts = values("host")
        if hosts.count > 1 || (hosts.isEmpty && minor > 0) { return false }
        if let host = fields.first(where: { lower($0.name) == "host" }),
            !Self.isHost(host.value, needsHost: false)
        {
            return false
        }
        return isTargetGood && isFramingGood
    }

    /// Addresses in brackets are taken for good: they are not judged here.
    var hasLiteralHost: Bool {
        values("host").contains { $0.hasPrefix("[") } || target.contains(91)
    }

    private var isFramingGood: Bool {
        let lengths = values("content-length")
        let codings = members("transfer-encoding")
        if lengths.count > 1 { return false }
        if let length = lengths.first {
            guard !length.isEmpty, length.utf8.allSatisfy(Self.isDigit), Int64(length) != nil else {
                return false
            }
        }
        if codings.isEmpty { return true }
        return minor > 0 && lengths.isEmpty && codings == ["chunked"]
    }

    var framing: BodyFraming {
        if !values("transfer-encoding").isEmpty { return .chunked }
        guard let length = values("content-length").first.flatMap(UInt64.init), length > 0 else {
            return .none
        }
        return .length(length)
    }

    var keepsAlive: Bool {
        let words = members("connection")
        return !words.contains("close") && (minor > 0 || words.contains("keep-alive"))
    }

    private var isTargetGood: Bool {
        let text = lower(target)
        if lower(method) == "connect", method == Array("CONNECT".utf8) {
            guard Self.isHost(target, needsHost: true), let colon = target.lastIndex(of: 58) else {
                return false
            }
            let port = target[(colon + 1)...].drop { $0 == 48 }
            return !port.isEmpty
        }
        if target == [42] { return method == Array("OPTIONS".utf8) }
        if target.first == 47 { return Self.isPathAndQuery(target) }
        for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
            let rest = Array(target[scheme.utf8.count...])
            let end = rest.firstIndex { $0 == 47 || $0 == 63 } ?? rest.count
            return Self.isHost(Array(rest[..<end]), needsHost: true)
                && Self.isPathAndQuery(Array(rest[end...]))
        }
        return false
    }

    private static func isPathAndQuery(_ bytes: [UInt8]) -> Bool {
        let end = bytes.firstIndex(of: 63) ?? bytes.count
        let path = Array(bytes[..<end])
        let others = Array("-._~!$&'()*+,;=:@/[]^|%".utf8)
        guard path.allSatisfy({ isDigit($0) || isLetter($0) || others.contains($0) }),
            areEscapesGood(path, isNulGood: false)
        else { return false }
        return bytes[end...].allSatisfy { $0 > 32 && $0 < 127 && !Array("\"#<>".utf8).contains($0) }
    }

    private static func areEscapesGood(_ bytes: [UInt8], isNulGood: Bool) -> Bool {
        for index in bytes.indices where bytes[index] == 37 {
            guard index + 2 < bytes.count else { return false }
            let digits = String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self)
            guard digits.utf8.allSatisfy({ isDigit($0) || isLetter($0) }),
                let number = UInt8(digits, radix: 16), isNulGood || number > 0
            else { return false }
        }
        return true
    }

    private static func isHost(_ bytes: [UInt8], needsHost: Bool) -> Bool {
        if bytes.first == 91 { return true }
        if bytes.isEmpty { return !needsHost }
        let colon = bytes.firstIndex(of: 58) ?? bytes.count
        let name = Array(bytes[..<colon])
        let others = Array("-._~!$&'()*+,;=%".utf8)
        guard !name.isEmpty, areEscapesGood(name, isNulGood: true),
            name.allSatisfy({ isDigit($0) || isLetter($0) || others.contains($0) })
        else { return false }
        if colon == bytes.count { return true }
        let port = bytes[(colon + 1)...]
        guard port.allSatisfy(isDigit) else { return false }
        let digits = String(decoding: port.drop { $0 == 48 }, as: UTF8.self)
        return digits.isEmpty || UInt16(digits) != nil
    }
}
