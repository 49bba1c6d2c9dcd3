// SPDX-License-Identifier: MIT

/// Hosts that are asked without a proxy: what `no_proxy` lists.
///
/// Members stand between commas or blanks: `*` for all; a name, for itself and everything below it
/// (`example.org` and `.example.org` mean the same); an address; either with a port, for that port
/// only. Names are compared without regard to case, and never looked up.
public struct ProxyExceptions: Hashable, Sendable {
    private struct Member: Hashable, Sendable {
        let host: String
        let port: UInt16?
    }

    private var members: [Member] = []
    private var hasAll = false

    /// Reads the written form; members that are none are passed over, as everybody does.
    public init(_ text: String) {
        for part in text.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) {
            if part == "*" { hasAll = true }
            if let member = Self.member(part.lowercased()) { members.append(member) }
        }
    }

    /// Whether an origin is asked directly.
    public func contains(_ origin: HTTPOrigin) -> Bool {
        if hasAll { return true }
        let host = origin.bareHost
        return members.contains { member in
            if let port = member.port, port != origin.port { return false }
            return host == member.host
                || (host.hasSuffix("." + member.host) && !Self.isAddress(host))
        }
    }

    private static func member(_ text: String) -> Member? {
        var host = Substring(text)
        var port: UInt16?
        if host.hasPrefix("["), let end = host.lastIndex(of: "]") {
            port = Self.port(host[host.index(after: end)...])
            host = host[host.index(after: host.startIndex)..<end]
        } else if host.count(where: { $0 == ":" }) == 1, let colon = host.lastIndex(of: ":") {
            port = Self.port(host[colon...])
            if port == nil { return nil }
            host = host[..<colon]
        }
        while host.hasPrefix(".") { host = host.dropFirst() }  // One turn for each point.
        return host.isEmpty ? nil : Member(host: String(host), port: port)
    }

    private static func port(_ text: Substring) -> UInt16? {
        text.hasPrefix(":") ? UInt16(text.dropFirst()) : nil
    }

    /// Whether a host is an address: what ends like it is not below it.
    private static func isAddress(_ host: String) -> Bool {
        host.contains(":") || host.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2E }
    }
}
