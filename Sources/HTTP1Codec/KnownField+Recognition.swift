// SPDX-License-Identifier: MIT

extension KnownField {
    /// The field whose name lies there. The name must be a token: that is what makes it right to
    /// fold letters with one OR (no other byte of a token becomes a letter or "-").
    @inline(__always)
    static func recognize(_ bytes: Bytes, from start: Int, to end: Int) -> KnownField {
        let name = FoldedName(bytes: bytes, start: start, end: end)
        switch end &- start {
        case 2...9: return short(name)
        case 10...14: return medium(name)
        case 15...25: return long(name)
        default: return .other
        }
    }

    @inline(__always)
    private static func short(_ name: FoldedName) -> KnownField {
        switch name.count {
        case 2:
            if name.isFolded("te") { return .te }
        case 3:
            if name.isFolded("age") { return .age }
            if name.isFolded("via") { return .via }
        case 4:
            if name.isFolded("host") { return .host }
            if name.isFolded("date") { return .date }
            if name.isFolded("etag") { return .etag }
            if name.isFolded("vary") { return .vary }
            if name.isFolded("link") { return .link }
            if name.isFolded("from") { return .from }
        case 5:
            if name.isFolded("range") { return .range }
            if name.isFolded("allow") { return .allow }
        case 6:
            if name.isFolded("accept") { return .accept }
            if name.isFolded("cookie") { return .cookie }
            if name.isFolded("origin") { return .origin }
            if name.isFolded("expect") { return .expect }
            if name.isFolded("server") { return .server }
            if name.isFolded("pragma") { return .pragma }
        case 7:
            if name.isFolded("referer") { return .referer }
            if name.isFolded("upgrade") { return .upgrade }
            if name.isFolded("expires") { return .expires }
            if name.isFolded("trailer") { return .trailer }
        case 8:
            if name.isFolded("if-match") { return .ifMatch }
            if name.isFolded("if-range") { return .ifRange }
            if name.isFolded("location") { return .location }
        default:
            if name.isFolded("forwarded") { return .forwarded }
        }
        return .other
    }

    @inline(__always)
    private static func medium(_ name: FoldedName) -> KnownField {
        switch name.count {
        case 10:
            if name.isFolded("connection") { return .connection }
            if name.isFolded("user-agent") { return .userAgent }
            if name.isFolded("keep-alive") { return .keepAlive }
            if name.isFolded("set-cookie") { return .setCookie }
        case 11:
            if name.isFolded("retry-after") { return .retryAfter }
        case 12:
            if name.isFolded("content-type") { return .contentType }
            if name.isFolded("max-forwards") { return .maxForwards }
        case 13:
            if name.isFolded("cache-control") { return .cacheControl }
            if name.isFolded("if-none-match") { return .ifNoneMatch }
            if name.isFolded("authorization") { return .authorization }
            if name.isFolded("last-modified") { return .lastModified }
            if name.isFolded("accept-ranges") { return .acceptRanges }
            if name.isFolded("content-range") { return .contentRange }
        default:
            if name.isFolded("content-length") { return .contentLength }
            if name.isFolded("accept-charset") { return .acceptCharset }
        }
        return .other
    }

    @inline(__always)
    private static func long(_ name: FoldedName) -> KnownField {
        switch name.count {
        case 15:
            if name.isFolded("accept-encoding") { return .acceptEncoding }
            if name.isFolded("accept-language") { return .acceptLanguage }
            if name.isFolded("x-forwarded-for") { return .xForwardedFor }
        case 16:
            if name.isFolded("content-encoding") { return .contentEncoding }
            if name.isFolded("content-language") { return .contentLanguage }
            if name.isFolded("content-location") { return .contentLocation }
            if name.isFolded("www-authenticate") { return .wwwAuthenticate }
            if name.isFolded("proxy-connection") { return .proxyConnection }
        case 17:
            if name.isFolded("transfer-encoding") { return .transferEncoding }
            if name.isFolded("if-modified-since") { return .ifModifiedSince }
            if name.isFolded("sec-websocket-key") { return .secWebSocketKey }
            if name.isFolded("x-forwarded-proto") { return .xForwardedProto }
        case 18:
            if name.isFolded("proxy-authenticate") { return .proxyAuthenticate }
        case 19:
            if name.isFolded("if-unmodified-since") { return .ifUnmodifiedSince }
            if name.isFolded("content-disposition") { return .contentDisposition }
            if name.isFolded("proxy-authorization") { return .proxyAuthorization }
        case 20:
            if name.isFolded("sec-websocket-accept") { return .secWebSocketAccept }
        case 21:
            if name.isFolded("sec-websocket-version") { return .secWebSocketVersion }
        case 22:
            if name.isFolded("sec-websocket-protocol") { return .secWebSocketProtocol }
        case 24:
            if name.isFolded("sec-websocket-extensions") { return .secWebSocketExtensions }
        case 25:
            if name.isFolded("strict-transport-security") { return .strictTransportSecurity }
        default: break
        }
        return .other
    }
}

/// A name in a message, compared with literals of its own length in lower case.
private struct FoldedName {
    let bytes: Bytes
    let start: Int
    let end: Int

    @inline(__always)
    var count: Int { end &- start }

    @inline(__always)
    func isFolded(_ literal: StaticString) -> Bool {
        bytes.isFolded(literal, at: start)
    }
}
