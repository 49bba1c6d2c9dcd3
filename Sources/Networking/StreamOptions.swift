// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// Options of a connection's socket. socket(7), tcp(7).
public struct StreamOptions: Sendable {
    /// TCP_NODELAY: a small write is sent at once. On by default: with it off, a request that
    /// follows a small write can wait 40 ms for the peer's delayed acknowledgement.
    public var sendsAtOnce = true
    /// SO_SNDBUF in bytes; nil leaves the system's choice.
    public var sendBufferByteCount: Int?
    /// SO_RCVBUF in bytes; nil leaves the system's choice.
    public var receiveBufferByteCount: Int?
    /// How many receive buffers the connection may hold; nil takes the loop's.
    public var receiveCredit: Int?

    /// The defaults.
    public init() {}

    func apply(to descriptor: Int32, family: SocketAddress.Family) throws(SystemError) {
        if family != .unix && sendsAtOnce {
            try Socket.check(millrace_socket_set_no_delay(descriptor, true), .setOption)
        }
        if let count = sendBufferByteCount {
            try Socket.check(millrace_socket_set_send_buffer(descriptor, Int32(count)), .setOption)
        }
        if let count = receiveBufferByteCount {
            try Socket.check(
                millrace_socket_set_receive_buffer(descriptor, Int32(count)), .setOption)
        }
    }
}
