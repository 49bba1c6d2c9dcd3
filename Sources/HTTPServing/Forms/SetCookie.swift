// SPDX-License-Identifier: MIT

/// A cookie for a client: the value of one `Set-Cookie` field. RFC 6265, 4.1.
///
/// As made, it is for this site's own requests over TLS, out of reach of scripts: `Secure`,
/// `HttpOnly`, `SameSite=Lax`, path "/", until the browser is closed. Its age is given by
/// `Max-Age`, which wins over `Expires` everywhere (4.1.2.2).
public struct SetCookie: Sendable {
    /// With which requests from other sites the browser sends the cookie along.
    public enum SameSite: String, Sendable {
        /// None.
        case strict = "Strict"
        /// Those that go to the site by a link.
        case lax = "Lax"
        /// All; needs `Secure`.
        case none = "None"
    }

    /// The most bytes of name and value together.
    public static let byteCountMax = 4096
    /// The most bytes of the path and of the domain.
    public static let attributeByteCountMax = 1024

    /// A token.
    public let name: String
    /// Printable ASCII without blank, quote, comma, semicolon and backslash.
    public let value: String
    /// The paths below this one get the cookie; nil is the folder of the request.
    public var path: String? = "/"
    /// This host and those below it get the cookie; nil is this host alone.
    public var domain: String?
    /// How long the cookie lives; zero or less removes it, nil is until the browser is closed.
    public var maxAgeSeconds: Int64?
    /// Only over TLS.
    public var isSecure = true
    /// Not for scripts.
    public var isHTTPOnly = true
    /// Nil leaves it to the browser.
    public var sameSite: SameSite? = .lax
    /// One jar for each top-level site (CHIPS); needs `Secure`.
    public var isPartitioned = false

    /// A cookie with the defaults above.
    public init(name: String, value: String) throws(CookieError) {
        guard !name.isEmpty, name.utf8.allSatisfy(HeaderBytes.isTokenByte) else {
            throw .invalidName
        }
        guard value.utf8.allSatisfy(Self.isValueByte) else { throw .invalidValue }
        guard name.utf8.count + value.utf8.count <= Self.byteCountMax else { throw .tooLong }
        self.name = name
        self.value = value
    }

    /// What makes a browser forget a cookie: the same name, path and domain, and no age.
    public static func removal(
        of name: String, path: String? = "/", domain: String? = nil
    ) throws(CookieError) -> SetCookie {
        var cookie = try SetCookie(name: name, value: "")
        cookie.path = path
        cookie.domain = domain
        cookie.maxAgeSeconds = 0
        return cookie
    }

    /// Appends the field's value, without its name and line end.
    public func append(to output: inout [UInt8]) throws(CookieError) {
        try validate()
        output += name.utf8
        output.append(0x3D)
        output += value.utf8
        if let domain { Self.append("; Domain=", domain, to: &output) }
        if let path { Self.append("; Path=", path, to: &output) }
        if let maxAgeSeconds { Self.append("; Max-Age=", String(maxAgeSeconds), to: &output) }
        if let sameSite { Self.append("; SameSite=", sameSite.rawValue, to: &output) }
        if isSecure { output += "; Secure".utf8 }
        if isHTTPOnly { output += "; HttpOnly".utf8 }
        if isPartitioned { output += "; Partitioned".utf8 }
    }

    private static func append(_ name: String, _ value: String, to output: inout [UInt8]) {
        output += name.utf8
        output += value.utf8
    }

    private func validate() throws(CookieError) {
        if let path {
            let isPath = path.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x3B }
            guard isPath, path.utf8.first == 0x2F else { throw .invalidPath }
            guard path.utf8.count <= Self.attributeByteCountMax else { throw .tooLong }
        }
        if let domain {
            guard domain.utf8.allSatisfy(Self.isHostByte), !domain.isEmpty else {
                throw .invalidDomain
            }
            guard domain.utf8.count <= Self.attributeByteCountMax else { throw .tooLong }
        }
        let isHost = name.hasPrefix("__Host-")
        let isBound = isHost || name.hasPrefix("__Secure-") || sameSite == SameSite.none
        if isBound || isPartitioned, !isSecure { throw .needsSecure }
        if isHost, path != "/" || domain != nil { throw .invalidHostPrefix }
    }

    /// cookie-octet: RFC 6265, 4.1.1.
    private static func isValueByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21, 0x23...0x2B, 0x2D...0x3A, 0x3C...0x5B, 0x5D...0x7E: true
        default: false
        }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E: true
        default: false
        }
    }
}
