// SPDX-License-Identifier: MIT

/// A script that listens. It goes on until it is closed.
public final class SimulatedListener {
    /// The port that it listens on.
    public let port: UInt16
    private let socket: SimulatedSocket
    private let world: SimulatedWorld

    init(
        _ socket: SimulatedSocket, _ world: SimulatedWorld,
        _ body: @escaping (SimulatedPeer) -> Void
    ) {
        self.socket = socket
        self.world = world
        port = socket.local?.port ?? 0
        world.tell(socket) {
            while !socket.backlog.isEmpty {  // Ends: takes one each turn.
                body(SimulatedPeer(socket.backlog.removeFirst(), world))
            }
        }
    }

    /// Stops listening: who comes is refused from here on.
    public func close() {
        world.close(socket)
    }
}
