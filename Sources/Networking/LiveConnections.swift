// SPDX-License-Identifier: MIT

internal import AsyncRuntime

#if TLS
    internal import TLSEngines
#endif

/// The connections that a server's handlers hold on one loop: whom the server's cancellation
/// concerns. One handler for the server takes the place of one for each connection.
final class LiveConnections: @unchecked Sendable {
    // Threads: the loop's own, but for `cancel`.
    let executor: LoopExecutor
    private var connections: [StreamConnection] = []
    private var isCancelled = false
    /// The parts of those that are gone.
    let spares = SpareParts()
    #if TLS
        /// Who opens TLS on them.
        var acceptor: TLSAcceptor?
        var handshakeTimeout = Duration.zero
    #endif
    /// Accepted sockets whose tasks have not begun. The tasks, which are as many, take one each, so
    /// that they need no memory of their own for what they shall do.
    private var incoming: [Int32] = []
    private var incomingStart = 0

    init(_ executor: LoopExecutor) {
        self.executor = executor
    }

    func expect(_ socket: Int32) {
        incoming.append(socket)
    }

    func takeIncoming() -> Int32 {
        precondition(incomingStart < incoming.count, "as many sockets as tasks")
        let socket = incoming[incomingStart]
        incomingStart += 1
        if incomingStart == incoming.count {
            incoming.removeAll(keepingCapacity: true)
            incomingStart = 0
        } else if incomingStart >= 32 && incomingStart * 2 >= incoming.count {
            incoming.removeFirst(incomingStart)  // Moves at most as many as were taken.
            incomingStart = 0
        }
        return socket
    }

    /// Takes the watch over the calling task's waits on the connection.
    func add(_ connection: StreamConnection) {
        connection.place = connections.count
        connections.append(connection)
        connection.watchWaits()
        if isCancelled { connection.cancelWaits() }
    }

    func remove(_ connection: StreamConnection) {
        guard let last = connections.popLast(), last !== connection else { return }
        connections[connection.place] = last
        last.place = connection.place
    }

    /// Ends the waits of all, and of those that come. Any thread.
    func cancel() {
        executor.perform {
            self.isCancelled = true
            for connection in self.connections { connection.cancelWaits() }
        }
    }
}
