// SPDX-License-Identifier: MIT

/// Scheme, host and port: who answers for a URL (RFC 9110, section 4.3.1).
public struct HTTPOrigin: Hashable, Sendable {
    /// Whether the scheme is https.
    public let isSecure: Bool
    /// The host in lower case, an IPv6 address with its brackets.
    public let host: String
    /// The port, the scheme's own if none was written.
    public let port: UInt16

    init(isSecure: Bool, host: String, port: UInt16) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
    }

    /// Whether the port is the scheme's own.
    var hasUsualPort: Bool { port == (isSecure ? 443 : 80) }

    /// What goes into `Host`.
    var hostField: String { hasUsualPort ? host : "\(host):\(port)" }

    /// The host as a resolver takes it: without brackets.
    var bareHost: String {
        host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }
}

extension HTTPOrigin: CustomStringConvertible {
    /// "https://example.org"
    public var description: String { (isSecure ? "https://" : "http://") + hostField }
}
