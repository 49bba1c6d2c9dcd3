// SPDX-License-Identifier: MIT

/// A field that is recognised while a head is parsed: finding it later takes no comparison of
/// names, and that it is missing is known from one bit.
///
/// The first six decide how a message is read; what follows is what servers and clients ask for.
public enum KnownField: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// Any name that is not in this list.
    case other = 0
    // Those that the parser itself reads.
    case host, contentLength, transferEncoding, connection, expect, upgrade
    // Requests.
    case accept, acceptCharset, acceptEncoding, acceptLanguage, authorization, cookie, forwarded
    case from, ifMatch, ifModifiedSince, ifNoneMatch, ifRange, ifUnmodifiedSince, maxForwards
    case origin, proxyAuthorization, range, referer, te, userAgent, xForwardedFor, xForwardedProto
    // Responses.
    case acceptRanges, age, allow, contentDisposition, etag, expires, lastModified, location
    case proxyAuthenticate, retryAfter, server, setCookie, strictTransportSecurity, vary
    case wwwAuthenticate
    // Both.
    case cacheControl, contentEncoding, contentLanguage, contentLocation, contentRange, contentType
    case date, keepAlive, link, pragma, proxyConnection, trailer, via
    // WebSocket (RFC 6455, section 11.3).
    case secWebSocketAccept, secWebSocketExtensions, secWebSocketKey, secWebSocketProtocol
    case secWebSocketVersion

    /// Whether it takes part in framing or in the fate of the connection.
    @inline(__always)
    var isSpecial: Bool { rawValue &- 1 < 6 }

    /// Its bit in a set of fields.
    @inlinable
    var bit: UInt64 { 1 &<< UInt64(rawValue) }

    /// The name in its usual spelling; empty for `other`.
    public var name: StaticString {
        switch self {
        case .other: ""
        case .host: "Host"
        case .contentLength: "Content-Length"
        case .transferEncoding: "Transfer-Encoding"
        case .connection: "Connection"
        case .expect: "Expect"
        case .upgrade: "Upgrade"
        default: requestName ?? responseName
        }
    }

    private var requestName: StaticString? {
        switch self {
        case .accept: "Accept"
        case .acceptCharset: "Accept-Charset"
        case .acceptEncoding: "Accept-Encoding"
        case .acceptLanguage: "Accept-Language"
        case .authorization: "Authorization"
        case .cookie: "Cookie"
        case .forwarded: "Forwarded"
        case .from: "From"
        case .ifMatch: "If-Match"
        case .ifModifiedSince: "If-Modified-Since"
        case .ifNoneMatch: "If-None-Match"
        case .ifRange: "If-Range"
        case .ifUnmodifiedSince: "If-Unmodified-Since"
        case .maxForwards: "Max-Forwards"
        case .origin: "Origin"
        case .proxyAuthorization: "Proxy-Authorization"
        case .range: "Range"
        case .referer: "Referer"
        case .te: "TE"
        case .userAgent: "User-Agent"
        case .xForwardedFor: "X-Forwarded-For"
        case .xForwardedProto: "X-Forwarded-Proto"
        default: nil
        }
    }

    private var responseName: StaticString {
        switch self {
        case .acceptRanges: "Accept-Ranges"
        case .age: "Age"
        case .allow: "Allow"
        case .contentDisposition: "Content-Disposition"
        case .etag: "ETag"
        case .expires: "Expires"
        case .lastModified: "Last-Modified"
        case .location: "Location"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .retryAfter: "Retry-After"
        case .server: "Server"
        case .setCookie: "Set-Cookie"
        case .strictTransportSecurity: "Strict-Transport-Security"
        case .vary: "Vary"
        case .wwwAuthenticate: "WWW-Authenticate"
        default: commonName
        }
    }

    private var commonName: StaticString {
        switch self {
        case .cacheControl: "Cache-Control"
        case .contentEncoding: "Content-Encoding"
        case .contentLanguage: "Content-Language"
        case .contentLocation: "Content-Location"
        case .contentRange: "Content-Range"
        case .contentType: "Content-Type"
        case .date: "Date"
        case .keepAlive: "Keep-Alive"
        case .link: "Link"
        case .pragma: "Pragma"
        case .proxyConnection: "Proxy-Connection"
        case .trailer: "Trailer"
        case .via: "Via"
        case .secWebSocketAccept: "Sec-WebSocket-Accept"
        case .secWebSocketExtensions: "Sec-WebSocket-Extensions"
        case .secWebSocketKey: "Sec-WebSocket-Key"
        case .secWebSocketProtocol: "Sec-WebSocket-Protocol"
        case .secWebSocketVersion: "Sec-WebSocket-Version"
        default: ""
        }
    }
}
