// SPDX-License-Identifier: MIT

/// Names of servers, as bytes.
enum ServerName {
    /// Letters, digits, and what stands between: what a name in DNS may have, and the underscore.
    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
        default: false
        }
    }

    /// In small letters.
    static func lowercased(_ byte: UInt8) -> UInt8 {
        (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
    }

    /// Whether a certificate's name is for that server: the same, or with "*" in place of the first
    /// label (RFC 6125, section 6.4.3).
    static func matches(_ pattern: [UInt8], _ name: borrowing Span<UInt8>) -> Bool {
        if pattern.count >= 3, pattern[0] == 0x2a, pattern[1] == 0x2e {
            guard let dot = (0..<name.count).first(where: { name[$0] == 0x2e }), dot > 0 else {
                return false
            }
            return isEqual(pattern, from: 1, name, from: dot)
        }
        return isEqual(pattern, from: 0, name, from: 0)
    }

    private static func isEqual(
        _ pattern: [UInt8], from start: Int, _ name: borrowing Span<UInt8>, from nameStart: Int
    ) -> Bool {
        guard pattern.count - start == name.count - nameStart else { return false }
        for offset in 0..<pattern.count - start
        where lowercased(pattern[start + offset]) != lowercased(name[nameStart + offset]) {
            return false
        }
        return true
    }

    /// The name that a client asks for and checks, NUL-terminated; nil if it is none in DNS. An
    /// address is none (RFC 6066, section 3), and BearSSL does not compare addresses.
    static func checked(_ name: String) -> [UInt8]? {
        var bytes = [UInt8](name.utf8)
        if bytes.last == 0x2e { bytes.removeLast() }
        guard (1...253).contains(bytes.count), bytes.allSatisfy(isNameByte) else { return nil }
        let labels = bytes.split(separator: 0x2e, omittingEmptySubsequences: false)
        guard labels.allSatisfy({ (1...63).contains($0.count) }), let last = labels.last,
            !last.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return bytes + [0]
    }
}
