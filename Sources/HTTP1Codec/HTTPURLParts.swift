// SPDX-License-Identifier: MIT

/// Where the parts of an absolute http or https URL lie (RFC 9110, section 4.2; RFC 3986, section
/// 3): what a client is given, before it asks for it.
@frozen
public struct HTTPURLParts: Equatable, Sendable, BitwiseCopyable {
    /// Whether the scheme is https.
    public internal(set) var isSecure = false
    /// The host as it was written, an IPv6 address with its brackets. Not empty.
    public internal(set) var host = ByteRange.empty
    /// The port, 1 to 65535; 0 if none is written.
    public internal(set) var port: UInt16 = 0
    /// Path and query as they were written, without the fragment; empty for "http://host", and
    /// beginning with "?" for "http://host?query".
    public internal(set) var target = ByteRange.empty

    init() {}

    /// Takes a URL apart; O(bytes), no allocation. Percent-encoding stays as it is. Strict: what a
    /// server would refuse in a request target is refused here, and so is a user's name in front
    /// of the host (RFC 9110, section 4.2.4).
    ///
    /// - Throws: what is wrong, at the first part that is.
    public static func parse(_ bytes: Span<UInt8>) throws(HTTPURLError) -> HTTPURLParts {
        // SAFETY: lent for the call.
        try unsafe bytes.withUnsafeBytes { (buffer) throws(HTTPURLError) in
            guard let bytes = unsafe Bytes(buffer) else { throw .badScheme }
            return try URLSyntax.parse(bytes)
        }
    }
}

/// Why a text is no URL that a client of HTTP can ask for.
public enum HTTPURLError: UInt8, Error, CaseIterable, Sendable, BitwiseCopyable {
    /// It does not begin with "http://" or "https://".
    case badScheme
    /// A name or password stands in front of the host.
    case hasUserInfo
    /// The host is missing, or is none.
    case badHost
    /// The port is 0, above 65535, or no number.
    case badPort
    /// Path or query hold what they may not: blanks, control bytes, anything but ASCII, "%" without
    /// two digits.
    case badTarget
    /// It is longer than 65,535 bytes.
    case tooLong
}

extension HTTPURLError: CustomStringConvertible {
    /// The reason in words: "the port is none".
    public var description: String {
        switch self {
        case .badScheme: "it does not begin with http:// or https://"
        case .hasUserInfo: "a name or password is not allowed in it"
        case .badHost: "the host is none"
        case .badPort: "the port is none"
        case .badTarget: "the path or query holds what must be percent-encoded"
        case .tooLong: "it is too long"
        }
    }
}

/// The grammar of `HTTPURLParts`.
enum URLSyntax {
    static var byteCountMax: Int { 65_535 }

    static func parse(_ bytes: Bytes) throws(HTTPURLError) -> HTTPURLParts {
        if bytes.count > byteCountMax { throw .tooLong }
        var parts = HTTPURLParts()
        let start = try schemeEnd(bytes, &parts)
        var end = start
        while end < bytes.count, !isAuthorityEnd(bytes[end]) { end &+= 1 }
        try takeAuthority(bytes, ByteRange(start, end), &parts)
        try takeTarget(bytes, from: end, &parts)
        return parts
    }

    private static func schemeEnd(
        _ bytes: Bytes, _ parts: inout HTTPURLParts
    ) throws(HTTPURLError) -> Int {
        if bytes.count >= 7, bytes.isEqual(ByteRange(0, 7), toLowercase: "http://") { return 7 }
        if bytes.count >= 8, bytes.isEqual(ByteRange(0, 8), toLowercase: "https://") {
            parts.isSecure = true
            return 8
        }
        throw .badScheme
    }

    private static func isAuthorityEnd(_ byte: UInt8) -> Bool {
        byte == Ascii.slash || byte == Ascii.question || byte == 0x23
    }

    private static func takeAuthority(
        _ bytes: Bytes, _ whole: ByteRange, _ parts: inout HTTPURLParts
    ) throws(HTTPURLError) {
        for index in whole.offsets where bytes[index] == 0x40 { throw .hasUserInfo }
        guard let authority = HostSyntax.parse(bytes, whole) else {
            // Told apart for the reader of the message: the host alone may be right.
            throw hostIsRight(bytes, whole) ? .badPort : .badHost
        }
        if authority.host.isEmpty { throw .badHost }
        // Nobody can look up an escaped name without deciding what it means.
        for index in authority.host.offsets where bytes[index] == Ascii.percent { throw .badHost }
        if authority.hasPort && authority.port == 0 { throw .badPort }
        parts.host = authority.host
        parts.port = authority.port
    }

    private static func hostIsRight(_ bytes: Bytes, _ whole: ByteRange) -> Bool {
        var index = whole.upperBound
        while index > whole.lowerBound, bytes[index &- 1] != Ascii.colon { index &-= 1 }
        guard index &- 1 > whole.lowerBound else { return false }
        return HostSyntax.parse(bytes, ByteRange(whole.lowerBound, index &- 1)) != nil
    }

    private static func takeTarget(
        _ bytes: Bytes, from start: Int, _ parts: inout HTTPURLParts
    ) throws(HTTPURLError) {
        var end = start
        if end < bytes.count, bytes[end] == Ascii.slash {
            let stop = TargetSyntax.pathStop(bytes, from: start)
            end = stop.index
            let isCut = stop.reason == .more && end < bytes.count
            if stop.reason == .badEscape || isCut { throw .badTarget }
        }
        if end < bytes.count, bytes[end] == Ascii.question {
            end = TargetSyntax.queryStop(bytes, from: end)
        }
        // A fragment is not sent, and may hold anything that is visible.
        if end < bytes.count, bytes[end] != 0x23 { throw .badTarget }
        for index in stride(from: end, to: bytes.count, by: 1) where !isVisible(bytes[index]) {
            throw .badTarget
        }
        parts.target = ByteRange(start, end)
    }

    private static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }
}
