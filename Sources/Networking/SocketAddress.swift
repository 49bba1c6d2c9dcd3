// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// Where a socket listens or connects to: an IPv4 or IPv6 address with a port, or the path of a
/// Unix socket.
public struct SocketAddress: Sendable {
    var storage: millrace_address

    /// The kinds of address.
    public enum Family: Hashable, Sendable {
        /// ip(7)
        case ipv4
        /// ipv6(7)
        case ipv6
        /// unix(7)
        case unix
    }

    init(_ storage: millrace_address) {
        self.storage = storage
    }

    /// An IPv4 address from its dotted form, or nil.
    public static func ipv4(host: String, port: UInt16) -> SocketAddress? {
        var storage = millrace_address()
        // SAFETY: the string is NUL-terminated for the call.
        guard unsafe millrace_address_ipv4(&storage, host, port) else { return nil }
        return SocketAddress(storage)
    }

    /// An IPv6 address from its text form, or nil.
    public static func ipv6(host: String, port: UInt16) -> SocketAddress? {
        var storage = millrace_address()
        // SAFETY: the string is NUL-terminated for the call.
        guard unsafe millrace_address_ipv6(&storage, host, port) else { return nil }
        return SocketAddress(storage)
    }

    /// The path of a Unix socket, or nil if it is empty or longer than the system allows (107
    /// bytes).
    public static func unix(path: String) -> SocketAddress? {
        var storage = millrace_address()
        // SAFETY: the string is valid for the call, and its length is given.
        guard unsafe millrace_address_unix(&storage, path, path.utf8.count) else { return nil }
        return SocketAddress(storage)
    }

    /// An address in numbers, "127.0.0.1" or "::1", with a port; nil for a name.
    public static func numeric(host: String, port: UInt16) -> SocketAddress? {
        ipv4(host: host, port: port) ?? ipv6(host: host, port: port)
    }

    /// The kind.
    public var family: Family {
        // SAFETY: lent for the call.
        switch unsafe withStorage({ unsafe millrace_address_family($0) }) {
        case Int32(MILLRACE_AF_INET): .ipv4
        case Int32(MILLRACE_AF_INET6): .ipv6
        default: .unix
        }
    }

    /// The port; zero for a Unix socket.
    public var port: UInt16 {
        unsafe withStorage { unsafe millrace_address_port($0) }  // SAFETY: lent for the call.
    }

    /// The address without the port, or the path.
    public var host: String {
        // SAFETY: lent for the call.
        unsafe withStorage { pointer in
            // SAFETY: the buffer is larger than any address, and the callee terminates it.
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
                guard let start = text.baseAddress,
                    unsafe millrace_address_text(pointer, start, text.count)  // SAFETY: as above.
                else { return "?" }
                return unsafe String(cString: start)  // SAFETY: as above.
            }
        }
    }

    func withStorage<Result>(_ body: (UnsafePointer<millrace_address>) -> Result) -> Result {
        unsafe withUnsafePointer(to: storage, body)  // SAFETY: lent for the call.
    }
}

extension SocketAddress: CustomStringConvertible {
    /// "127.0.0.1:80", "[::1]:80", "unix:/run/socket"
    public var description: String {
        switch family {
        case .ipv4: "\(host):\(port)"
        case .ipv6: "[\(host)]:\(port)"
        case .unix: "unix:\(host)"
        }
    }
}
