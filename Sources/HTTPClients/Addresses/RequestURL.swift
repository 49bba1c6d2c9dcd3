// SPDX-License-Identifier: MIT

public import HTTP1Codec

/// An absolute http or https URL that can be asked for (RFC 9110, section 4.2).
///
/// Parsed once and strictly: a user's name or password, blanks and bytes beyond ASCII are refused.
/// Percent-encoding stays as it was written; a fragment is dropped. Scheme and host are in lower
/// case, a missing path is "/". Two URLs are equal if they ask the same of the same server.
public struct RequestURL: Hashable, Sendable {
    /// Who answers for the URL.
    public let origin: HTTPOrigin
    /// Path and query, as they go into the request: begins with "/".
    public let target: String

    /// Reads the written form.
    ///
    /// - Parameter text: at most 65,535 bytes of visible ASCII.
    /// - Throws: what is wrong with it.
    public init(_ text: String) throws(HTTPURLError) {
        try self.init(Array(text.utf8))
    }

    init(_ bytes: [UInt8]) throws(HTTPURLError) {
        let parts = try HTTPURLParts.parse(bytes.span)
        let host = bytes[parts.host.offsets].map(Self.lowercased)
        origin = HTTPOrigin(
            isSecure: parts.isSecure, host: String(decoding: host, as: UTF8.self),
            port: parts.port > 0 ? parts.port : (parts.isSecure ? 443 : 80))
        let target = bytes[parts.target.offsets]
        let isWhole = target.first == UInt8(ascii: "/")
        self.target = (isWhole ? "" : "/") + String(decoding: target, as: UTF8.self)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}

extension RequestURL: CustomStringConvertible {
    /// "http://example.org:8080/path?query"
    public var description: String { "\(origin)\(target)" }
}
