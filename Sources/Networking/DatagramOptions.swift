// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// Options of a datagram socket. socket(7), udp(7).
public struct DatagramOptions: Sendable {
    /// SO_REUSEPORT: several sockets of one address share its datagrams, one loop each; the kernel
    /// chooses by the sender's address. Off by default; not for Unix sockets.
    public var sharesPort = false
    /// SO_SNDBUF in bytes, at least 1; nil leaves the system's choice.
    public var sendBufferByteCount: Int?
    /// SO_RCVBUF in bytes, at least 1; nil leaves the system's choice. What comes while the buffer
    /// is full is dropped, and nobody is told. The kernel counts its own bookkeeping too, some
    /// hundreds of bytes for each datagram.
    public var receiveBufferByteCount: Int?

    /// The defaults.
    public init() {}

    func apply(to descriptor: Int32) throws(SystemError) {
        if sharesPort {
            try Socket.check(millrace_socket_set_reuse_port(descriptor, true), .setOption)
        }
        if let count = sendBufferByteCount {
            let count = try StreamOptions.option(count, in: 1...Int(Int32.max))
            try Socket.check(millrace_socket_set_send_buffer(descriptor, count), .setOption)
        }
        if let count = receiveBufferByteCount {
            let count = try StreamOptions.option(count, in: 1...Int(Int32.max))
            try Socket.check(millrace_socket_set_receive_buffer(descriptor, count), .setOption)
        }
    }
}
