// SPDX-License-Identifier: MIT

/// A content coding that this room knows. RFC 9110, 8.4.1; RFC 7932.
public enum ContentCoding: UInt8, CaseIterable, Sendable {
    /// The bytes as they are.
    case identity
    /// RFC 1952; its old name `x-gzip` means the same.
    case gzip
    /// The zlib format of RFC 1950.
    case deflate
    /// Brotli.
    case br

    /// Its name in header fields.
    public var name: String {
        switch self {
        case .identity: "identity"
        case .gzip: "gzip"
        case .deflate: "deflate"
        case .br: "br"
        }
    }

    /// The coding that a range of bytes names, in any case.
    static func named(_ bytes: Span<UInt8>, _ range: Range<Int>) -> ContentCoding? {
        if HeaderBytes.matches(bytes, range, "gzip") { return .gzip }
        if HeaderBytes.matches(bytes, range, "br") { return .br }
        if HeaderBytes.matches(bytes, range, "deflate") { return .deflate }
        if HeaderBytes.matches(bytes, range, "identity") { return .identity }
        return HeaderBytes.matches(bytes, range, "x-gzip") ? .gzip : nil
    }

    /// What the `Content-Encoding` fields of a request say, joined with commas: the coding of its
    /// body; nil for one that is unknown or for several on top of each other: answer 415 with an
    /// `Accept-Encoding` field that lists what is taken (RFC 9110, 15.5.16).
    public static func ofRequest(_ contentEncoding: Span<UInt8>) -> ContentCoding? {
        var result = ContentCoding.identity
        var position = 0
        // Ends: every turn goes on by one byte or more.
        while let item = HeaderBytes.nextItem(contentEncoding, at: &position, separator: 0x2C) {
            if item.isEmpty { continue }
            guard let coding = named(contentEncoding, item) else { return nil }
            if coding == .identity { continue }
            guard result == .identity else { return nil }
            result = coding
        }
        return result
    }
}
