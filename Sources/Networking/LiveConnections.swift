// SPDX-License-Identifier: MIT

internal import AsyncRuntime

/// The connections that a server's handlers hold on one loop: whom the server's cancellation
/// concerns. One handler for the server takes the place of one for each connection.
final class LiveConnections: @unchecked Sendable {
    // Threads: the loop's own, but for `cancel`.
    let executor: LoopExecutor
    private var connections: [StreamConnection] = []
    private var isCancelled = false

    init(_ executor: LoopExecutor) {
        self.executor = executor
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
