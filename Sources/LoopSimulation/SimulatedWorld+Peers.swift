// SPDX-License-Identifier: MIT

internal import CLinuxShims

// Peers that scripts speak for.
extension SimulatedWorld {
    /// Listens on a port of 127.0.0.1 in the name of a script; nil if somebody else does. Zero
    /// takes a free port.
    public func listen(
        port: UInt16, backlog: Int = 128, _ body: @escaping (SimulatedPeer) -> Void
    ) -> SimulatedListener? {
        let socket = SimulatedSocket(
            kind: .stream, family: Int32(MILLRACE_AF_INET), identity: newIdentity())
        guard bind(socket, to: .loopback(family: socket.family, port: port)) == 0 else {
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

    /// A number from zero to below `bound`, for scripts: of the seed, and of a stream of its own.
    public func draw(below bound: Int) -> Int {
        scriptRandom.below(bound)
    }
}
