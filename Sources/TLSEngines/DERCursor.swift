// SPDX-License-Identifier: MIT

/// Walks over elements of DER (X.690) as far as names in certificates need it.
struct DERCursor: Sendable, BitwiseCopyable {
    private var cursor: ByteCursor

    init(_ range: Range<Int>) { cursor = ByteCursor(range) }

    var isAtEnd: Bool { cursor.isAtEnd }

    /// The next element's tag and contents; nil at the end and where the bytes are no DER.
    mutating func next(in bytes: borrowing Span<UInt8>) -> (tag: UInt8, contents: Range<Int>)? {
        guard let tag = cursor.number(1, in: bytes), tag & 0x1f != 0x1f,
            var length = cursor.number(1, in: bytes)
        else { return nil }
        if length >= 0x80 {
            guard (0x81...0x83).contains(length),
                let long = cursor.number(length - 0x80, in: bytes)
            else { return nil }
            length = long
        }
        guard let contents = cursor.skip(length) else { return nil }
        return (UInt8(tag), contents)
    }

    /// The contents of the next element if it has that tag.
    mutating func next(_ tag: UInt8, in bytes: borrowing Span<UInt8>) -> Range<Int>? {
        guard let element = next(in: bytes), element.tag == tag else { return nil }
        return element.contents
    }
}

/// The names of servers that a certificate is for.
enum CertificateNames {
    /// More names than that of one certificate are not looked at.
    static let countMax = 1_000

    /// The DNS names of the extension for alternative names (RFC 5280, section 4.2.1.6).
    static func dnsNames(of certificate: [UInt8]) -> [[UInt8]] {
        let bytes = certificate.span
        guard let extensions = extensions(of: bytes) else { return [] }
        var list = DERCursor(extensions)
        while let entry = list.next(0x30, in: bytes) {
            var fields = DERCursor(entry)
            guard let identifier = fields.next(0x06, in: bytes) else { return [] }
            // 2.5.29.17
            guard identifier.count == 3, bytes[identifier.lowerBound] == 0x55,
                bytes[identifier.lowerBound + 1] == 0x1d, bytes[identifier.lowerBound + 2] == 17
            else { continue }
            guard var value = fields.next(in: bytes) else { return [] }
            if value.tag == 0x01 {  // "critical"
                guard let next = fields.next(in: bytes) else { return [] }
                value = next
            }
            return names(value.contents, bytes)
        }
        return []
    }

    private static func names(_ value: Range<Int>, _ bytes: borrowing Span<UInt8>) -> [[UInt8]] {
        var outer = DERCursor(value)
        guard let sequence = outer.next(0x30, in: bytes) else { return [] }
        var result: [[UInt8]] = []
        var entries = DERCursor(sequence)
        while let entry = entries.next(in: bytes), result.count < countMax {
            if entry.tag == 0x82 { result.append(entry.contents.map { bytes[$0] }) }
        }
        return result
    }

    /// The list of extensions of a certificate (RFC 5280, section 4.1).
    private static func extensions(of bytes: borrowing Span<UInt8>) -> Range<Int>? {
        var outer = DERCursor(0..<bytes.count)
        guard let certificate = outer.next(0x30, in: bytes) else { return nil }
        var parts = DERCursor(certificate)
        guard let body = parts.next(0x30, in: bytes) else { return nil }
        var fields = DERCursor(body)
        while let field = fields.next(in: bytes) {
            if field.tag != 0xa3 { continue }
            var inner = DERCursor(field.contents)
            return inner.next(0x30, in: bytes)
        }
        return nil
    }
}
