// SPDX-License-Identifier: MIT

public import HTTP1Codec

/// An HTTP proxy: http requests are sent to it with their whole URL, https ones go through a tunnel
/// that it opens with CONNECT (RFC 9110, sections 7.3.2 and 9.3.6).
public struct HTTPProxy: Hashable, Sendable {
    /// Where it listens.
    let origin: HTTPOrigin
    /// What goes into `Proxy-Authorization`, if its URL had a name and a password.
    let authorization: String?

    /// Reads `http://HOST:PORT`, `http://NAME:PASSWORD@HOST:PORT`, or the same without the scheme;
    /// the port is 80 if none is there. Proxies that are spoken to over TLS or SOCKS are not
    /// supported.
    ///
    /// - Parameter text: the written form; percent-encoding in name and password is decoded.
    /// - Throws: what is wrong with it; `badScheme` for other schemes than http.
    public init(_ text: String) throws(HTTPURLError) {
        let hasScheme = text.contains("://")
        if hasScheme && !text.prefix(7).utf8.elementsEqual("http://".utf8) { throw .badScheme }
        let rest = hasScheme ? text.dropFirst(7) : Substring(text)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let at = rest[..<end].lastIndex(of: "@")
        let address = at.map { rest[rest.index(after: $0)...] } ?? rest
        origin = try RequestURL("http://" + address).origin
        guard let at else {
            authorization = nil
            return
        }
        // RFC 7617, section 2: "name:password".
        guard let user = PercentText.decode(rest[..<at]) else { throw .hasUserInfo }
        authorization = "Basic " + Base64.encode(user.contains(0x3A) ? user : user + [0x3A])
    }
}

extension HTTPProxy: CustomStringConvertible {
    /// "http://proxy.example:3128", without name and password.
    public var description: String { "\(origin)" }
}
