// SPDX-License-Identifier: MIT

public import AsyncRuntime
public import EventLoops

#if TLS
    public import TLSEngines
#endif
internal import AtomicSupport
internal import CLinuxShims

/// Accepts connections and spreads them over a group's loops, a task for each.
///
/// TCP: every loop listens by itself on the same port (SO_REUSEPORT), and the kernel spreads the
/// connections. A Unix socket cannot be shared that way (EOPNOTSUPP): the first loop listens and
/// hands the connections over in turn, so that each loop gets as many as the others, its own
/// included. What is on its way to another loop when the server stops is still served; what waits
/// in the kernel or in a listener is closed.
///
/// The file of a Unix socket stays when the server has stopped, and listening there again is
/// EADDRINUSE until somebody removes it. unix(7).
///
/// ```swift
/// let server = try await StreamServer.open(on: address, group: group)
/// await server.run { connection in … }  // until stopAccepting()
/// ```
public final class StreamServer: Sendable {
    /// The address that the server listens on.
    public let address: SocketAddress
    private let listeners: [StreamListener]
    private let group: LoopGroup
    private let options: StreamOptions
    /// For each of the group's loops.
    private let live: [LiveConnections]

    private init(listeners: [StreamListener], group: LoopGroup, options: StreamOptions) {
        address = listeners[0].address
        self.listeners = listeners
        self.group = group
        self.options = options
        live = group.executors.map { LiveConnections($0) }
    }

    /// Starts listening; connections wait in the kernel until `run`.
    public static func open(
        on address: SocketAddress, group: LoopGroup, options: StreamOptions = StreamOptions()
    ) async throws(SystemError) -> StreamServer {
        let listeners = try await StreamListener.open(on: address, group: group)
        return StreamServer(listeners: listeners, group: group, options: options)
    }

    /// Calls `handle` with every connection, in a task of its own on the connection's loop, and
    /// closes the connection when the task has ended. Returns when accepting has been stopped and
    /// every task has ended. Cancelling the caller's task stops accepting and cancels them.
    public func run(
        _ handle: @escaping @Sendable (StreamConnection) async -> Void
    ) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { tasks in
                for listener in listeners {
                    tasks.addTask(executorPreference: listener.executor) {
                        await self.accept(from: listener, handle)
                    }
                }
            }
        } onCancel: {
            stopAccepting()
            for connections in live { connections.cancel() }
        }
    }

    /// Stops accepting; connections that are open go on. Any thread.
    public func stopAccepting() {
        for listener in listeners {
            listener.executor.perform { listener.close() }
        }
    }

    private func accept(
        from listener: StreamListener,
        _ handle: @escaping @Sendable (StreamConnection) async -> Void
    ) async {
        let isHandingOver = listeners.count < group.executors.count
        let here = live(on: listener.executor)
        // One closure for all connections of the loop.
        let serveNext: @Sendable @isolated(any) () async -> Void = {
            await self.serve(here.takeIncoming(), among: here, handle)
        }
        await withDiscardingTaskGroup { tasks in
            while true {  // Ends when the listener is closed.
                let socket: Int32
                do throws(SystemError) {
                    socket = try await listener.acceptSocket().release()
                } catch {
                    listener.close()
                    return
                }
                let executor = isHandingOver ? group.nextExecutor : listener.executor
                if executor === listener.executor {
                    here.expect(socket)
                    tasks.addTask(executorPreference: executor, operation: serveNext)
                    continue
                }
                let there = live(on: executor)
                tasks.addTask(executorPreference: executor) {
                    await self.serve(socket, among: there, handle)
                }
            }
        }
    }

    private func live(on executor: LoopExecutor) -> LiveConnections {
        guard let live = live.first(where: { $0.executor === executor }) else {
            preconditionFailure("a loop of the group")
        }
        return live
    }

    /// Inlined: a frame less, and the task fits into the memory that it is born with.
    @inline(__always)
    private func serve(
        _ socket: Int32, among live: LiveConnections,
        _ handle: @Sendable (StreamConnection) async -> Void
    ) async {
        // If this fails, the peer was gone before the connection was looked at: nobody to tell.
        let adopted = try? StreamConnection(
            adopting: socket, options: options, isConnectedHere: false, spares: live.spares)
        guard let connection = adopted else { return }
        live.add(connection)
        #if TLS
            if live.acceptor != nil, await !secure(connection, among: live) { return }
        #endif
        await handle(connection)
        if connection.enqueuedByteCount > 0 || connection.layer != nil {
            await sendRest(of: connection)
        }
        live.remove(connection)
        connection.close()
    }

    #if TLS
        /// Starts listening for clients that speak TLS; handlers get connections whose handshake
        /// is over. Each loop has sessions of its own.
        ///
        /// - Parameters:
        ///   - address: where to listen.
        ///   - group: the loops.
        ///   - options: of each connection's socket.
        ///   - tls: who the server is, and what it asks of clients.
        ///   - handshakeTimeout: how long a handshake may take; then the connection is closed.
        public static func open(
            on address: SocketAddress, group: LoopGroup, options: StreamOptions = StreamOptions(),
            tls: TLSServerPolicy, handshakeTimeout: Duration = .seconds(10)
        ) async throws(SystemError) -> StreamServer {
            let server = try await open(on: address, group: group, options: options)
            for live in server.live {
                live.acceptor = TLSAcceptor(tls)
                live.handshakeTimeout = handshakeTimeout
            }
            return server
        }

        /// The handshake; false if there is no connection any more.
        @inline(never)
        private func secure(
            _ connection: StreamConnection, among live: LiveConnections
        ) async -> Bool {
            guard let acceptor = live.acceptor else { return true }
            let deadline = MonotonicInstant.now.advanced(by: live.handshakeTimeout)
            do {
                try await connection.startTLS(acceptor, until: deadline)
                return true
            } catch {
                // Its affair: it has been told why.
                live.remove(connection)
                connection.close()
                return false
            }
        }
    #endif

    /// Lets what the handler enqueued leave before the connection is closed.
    private func sendRest(of connection: StreamConnection) async {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: Self.flushNanoseconds)
        // The peer may be gone or not read: what is left is dropped, as with any close.
        connection.output.finish()
        try? await connection.flush(until: deadline)
    }

    /// How long a connection whose handler has returned may go on sending what it enqueued.
    public static let flushNanoseconds: UInt64 = 5_000_000_000
}
