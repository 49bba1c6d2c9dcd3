// SPDX-License-Identifier: MIT

/// A destination as people write it: `HOST:PORT`, `[IPv6]:PORT`, or `unix:PATH`. The host may be a
/// name.
public enum Endpoint: Hashable, Sendable {
    /// A host, by name or in numbers, and a port.
    case host(String, port: UInt16)
    /// The path of a Unix socket.
    case unix(path: String)

    /// Reads the written form; nil if it is none.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let prefix = Array("unix:".utf8)
        if bytes.starts(with: prefix) {
            guard bytes.count > prefix.count else { return nil }
            self = .unix(path: String(decoding: bytes[prefix.count...], as: UTF8.self))
            return
        }
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")), colon > 0,
            let port = UInt16(String(decoding: bytes[(colon + 1)...], as: UTF8.self))
        else { return nil }
        var host = bytes[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(UInt8(ascii: ":")) {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self = .host(String(decoding: host, as: UTF8.self), port: port)
    }
}

extension Endpoint: CustomStringConvertible {
    /// The written form.
    public var description: String {
        switch self {
        case .host(let host, let port):
            host.utf8.contains(58) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
