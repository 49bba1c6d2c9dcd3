// SPDX-License-Identifier: MIT

/// Why a cookie was refused.
public enum CookieError: Error, Equatable, Sendable {
    /// More cookies in one header than the limit: answer 431, or ignore the rest.
    case tooManyCookies
    /// A name that is no token.
    case invalidName
    /// A value with a blank, a quote, a comma, a semicolon, a backslash or a byte outside ASCII.
    case invalidValue
    /// A path that does not begin with "/", or has a semicolon or a control byte.
    case invalidPath
    /// A domain that is no host name.
    case invalidDomain
    /// Name and value have more than `SetCookie.byteCountMax` bytes together, or an attribute more
    /// than `SetCookie.attributeByteCountMax`.
    case tooLong
    /// `SameSite=None`, `Partitioned` and the prefixes `__Secure-` and `__Host-` need `Secure`.
    case needsSecure
    /// `__Host-` needs the path "/" and no domain.
    case invalidHostPrefix
}
