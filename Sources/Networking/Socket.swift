// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// A socket's descriptor, closed when it goes away unless somebody took it over.
struct Socket: ~Copyable {
    let descriptor: Int32

    /// Opens a socket for an address: for a stream, or of another type.
    init(
        for address: SocketAddress, type: Int32 = Int32(MILLRACE_SOCK_STREAM)
    ) throws(SystemError) {
        let family =
            switch address.family {
            case .ipv4: MILLRACE_AF_INET
            case .ipv6: MILLRACE_AF_INET6
            case .unix: MILLRACE_AF_UNIX
            }
        descriptor = try Self.check(
            millrace_socket_open(Int32(family), type), .openSocket)
    }

    deinit {
        _ = millrace_close(descriptor)
    }

    /// Hands the descriptor over to the caller.
    consuming func release() -> Int32 {
        let descriptor = descriptor
        discard self
        return descriptor
    }

    /// The result of a call, or its error.
    @discardableResult
    static func check(
        _ result: Int32, _ operation: SystemError.Operation
    ) throws(SystemError) -> Int32 {
        if result < 0 { throw SystemError(operation, code: -result) }
        return result
    }

    /// Throws `EADDRINUSE` if another socket listens there, also if it shares its port: binds
    /// without SO_REUSEPORT, which such a socket refuses, and lets go again. socket(7).
    static func checkIsFree(_ address: SocketAddress) throws(SystemError) {
        let socket = try Socket(for: address)
        try check(millrace_socket_set_reuse_address(socket.descriptor, true), .setOption)
        // SAFETY: the address is lent for the call.
        let bound = unsafe address.withStorage {
            unsafe millrace_socket_bind(socket.descriptor, $0)
        }
        try check(bound, .bind)
    }

    /// The address that the socket is bound to.
    static func localAddress(of descriptor: Int32) throws(SystemError) -> SocketAddress {
        var storage = millrace_address()
        // SAFETY: the callee fills the structure in.
        try check(unsafe millrace_socket_local_address(descriptor, &storage), .socketAddress)
        return SocketAddress(storage)
    }

    /// The address of the other side.
    static func peerAddress(of descriptor: Int32) throws(SystemError) -> SocketAddress {
        var storage = millrace_address()
        // SAFETY: the callee fills the structure in.
        try check(unsafe millrace_socket_peer_address(descriptor, &storage), .socketAddress)
        return SocketAddress(storage)
    }
}
