// SPDX-License-Identifier: MIT

internal import CLinuxShims

// Peers that scripts speak for.
extension SimulatedWorld {
    /// Listens on a port of 127.0.0.1, or of every IPv4 address, in the name of a script; nil if
    /// somebody else does. Zero takes a free port.
    public func listen(
        port: UInt16, backlog: Int = 128, onEveryAddress: Bool = false,
        _ body: @escaping (SimulatedPeer) -> Void
    ) -> SimulatedListener? {
        let socket = SimulatedSocket(
            kind: .stream, family: Int32(MILLRACE_AF_INET), identity: newIdentity())
        let loopback = SimulatedAddress.loopback(family: socket.family, port: port)
        guard bind(socket, to: onEveryAddress ? loopback.wildcard : loopback) == 0 else {
            return nil
        }
        _ = listen(socket, backlog: backlog)
        return SimulatedListener(socket, self, body)
    }

    /// Connects to a port of 127.0.0.1 in the name of a script, which hears of the outcome by
    /// `onConnected` or `onEnd`.
    public func connect(port: UInt16, receiveBuffer: Int = 65_536) -> SimulatedPeer {
        let socket = SimulatedSocket(
            kind: .stream, family: Int32(MILLRACE_AF_INET), identity: newIdentity())
        socket.receiveBuffer = receiveBuffer
        _ = connect(socket, to: .loopback(family: socket.family, port: port))
        return SimulatedPeer(socket, self)
    }

    /// Calls `body` after so much virtual time.
    public func later(_ nanoseconds: UInt64, _ body: @escaping () -> Void) {
        after(nanoseconds: nanoseconds, body)
    }

    /// How many bytes that were sent from a stream's descriptor have reached the other system; nil
    /// if there is none. tcp(7) calls them acknowledged.
    public func arrivedByteCount(from descriptor: Int32) -> UInt64? {
        locked { socket(descriptor)?.outgoing?.arrivedTotal }
    }

    /// A number from zero to below `bound`, for scripts: of the seed, and of a stream of its own.
    public func draw(below bound: Int) -> Int {
        scriptRandom.below(bound)
    }
}
