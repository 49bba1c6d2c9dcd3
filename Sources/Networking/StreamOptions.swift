// SPDX-License-Identifier: MIT

internal import CLinuxShims
package import EventLoops

/// Options of a connection's socket. socket(7), tcp(7).
///
/// They are set when a connection is adopted: after it was made, before a byte is read or written.
/// A number out of its bounds is refused with `EINVAL`, as by setsockopt(2), and the connection is
/// closed. What is said to be for TCP is left out for Unix sockets.
public struct StreamOptions: Sendable {
    /// TCP_NODELAY: a small write is sent at once. On by default: with it off, a request that
    /// follows a small write can wait 40 ms for the peer's delayed acknowledgement.
    public var sendsAtOnce = true
    /// SO_SNDBUF in bytes, at least 1; nil leaves the system's choice.
    public var sendBufferByteCount: Int?
    /// SO_RCVBUF in bytes, at least 1; nil leaves the system's choice.
    public var receiveBufferByteCount: Int?
    /// How many receive buffers the connection may hold; nil takes the loop's.
    public var receiveCredit: Int?
    /// SO_KEEPALIVE: asks a silent peer whether it is still there; nil does not ask. For TCP.
    public var keepAlive: KeepAlive?
    /// SO_LINGER: what becomes of unsent bytes when the connection is closed. For TCP.
    public var closing = Closing.inBackground
    /// TCP_NOTSENT_LOWAT in bytes, at least 1; nil leaves the system's choice, which is no bound.
    ///
    /// A write waits while so many bytes wait in the kernel that were not yet sent for the first
    /// time: they can no longer be taken back, and are lost when the connection breaks. The kernel
    /// looks once for each segment that it fills, so that up to one of those (64 KiB) goes above
    /// it. For TCP.
    public var unsentByteCountMax: Int?

    /// The defaults.
    public init() {}

    /// Sets the options of a connected socket.
    package func apply(toStream descriptor: Int32) throws(SystemError) {
        try apply(to: descriptor, family: Socket.localAddress(of: descriptor).family)
    }

    func apply(to descriptor: Int32, family: SocketAddress.Family) throws(SystemError) {
        if let count = sendBufferByteCount {
            let count = try Self.option(count, in: 1...Int(Int32.max))
            try Socket.check(millrace_socket_set_send_buffer(descriptor, count), .setOption)
        }
        if let count = receiveBufferByteCount {
            let count = try Self.option(count, in: 1...Int(Int32.max))
            try Socket.check(millrace_socket_set_receive_buffer(descriptor, count), .setOption)
        }
        if family != .unix { try applyTCP(to: descriptor) }
    }

    private func applyTCP(to descriptor: Int32) throws(SystemError) {
        if sendsAtOnce {
            try Socket.check(millrace_socket_set_no_delay(descriptor, true), .setOption)
        }
        if let keepAlive { try keepAlive.apply(to: descriptor) }
        if let seconds = try closing.lingerSeconds {
            try Socket.check(millrace_socket_set_linger(descriptor, seconds), .setOption)
        }
        if let count = unsentByteCountMax {
            let count = try Self.option(count, in: 1...Int(Int32.max))
            try Socket.check(millrace_socket_set_unsent_limit(descriptor, count), .setOption)
        }
    }

    /// A number as the kernel takes it; `EINVAL` if it is out of its bounds.
    static func option(_ number: Int, in bounds: ClosedRange<Int>) throws(SystemError) -> Int32 {
        guard bounds.contains(number), let number = Int32(exactly: number) else {
            throw SystemError(.setOption, code: Int32(MILLRACE_EINVAL))
        }
        return number
    }
}
