// SPDX-License-Identifier: MIT

public import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
public import EventLoops
internal import HTTP1Codec
public import Networking

#if TLS
    public import TLSEngines
#endif

/// An HTTP/1.0 and HTTP/1.1 server (RFC 9110, RFC 9112) on a group of loops.
///
/// TCP: every loop listens by itself on the same port, and the kernel spreads the connections. A
/// Unix socket is listened on by the first loop, which hands connections over in turn.
///
/// ```swift
/// try LoopGroup.run { group in
///     var routes = HTTPRoutes()
///     try routes.get("/hello", direct: { _, response in response.send("Hello, World!") })
///     let server = try await HTTPServer.open(on: address, group: group, routes: routes)
///     await server.run()  // until stop()
/// }
/// ```
public final class HTTPServer: Sendable {
    /// The address that the server listens on.
    public let address: SocketAddress
    private let group: LoopGroup
    private let listeners: [StreamListener]
    private let workers: [HTTPWorker]
    private let openConnections: OpenConnections

    private init(
        _ group: LoopGroup, _ listeners: [StreamListener], _ configuration: HTTPServerConfiguration,
        _ routes: HTTPRoutes, _ serverLine: [UInt8]
    ) {
        self.group = group
        self.listeners = listeners
        address = listeners[0].address
        let open = OpenConnections()
        openConnections = open
        let router = routes.router()
        workers = group.executors.map {
            HTTPWorker($0, configuration, router, open, serverLine: serverLine)
        }
    }

    /// Starts listening; connections wait in the kernel until `run`.
    ///
    /// - Throws: `SystemError` with `EADDRINUSE` and the like; `EINVAL` for a server's name that
    ///   cannot stand in a field, or has more than about a thousand bytes.
    public static func open(
        on address: SocketAddress, group: LoopGroup,
        configuration: HTTPServerConfiguration = HTTPServerConfiguration(), routes: HTTPRoutes
    ) async throws(SystemError) -> HTTPServer {
        var lines = FieldLines()
        if let name = configuration.serverName { lines.add("Server", name) }
        guard lines.fault == nil, lines.bytes.count <= Self.serverLineByteCountMax else {
            throw SystemError(.setOption, code: Int32(MILLRACE_EINVAL))
        }
        let listeners = try await StreamListener.open(on: address, group: group)
        return HTTPServer(group, listeners, configuration, routes, lines.bytes)
    }

    /// A longer name would leave too little room for the fields of an answer.
    private static var serverLineByteCountMax: Int { 1024 }

    /// What the server has done so far.
    public var statistics: HTTPServerStatistics {
        var result = HTTPServerStatistics()
        for worker in workers { worker.counters.add(to: &result) }
        result.openConnections = openConnections.count
        return result
    }

    /// Serves until `stop`, and returns when every connection and handler has ended. Cancelling the
    /// caller's task stops the server.
    public func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { tasks in
                for worker in workers {
                    let listener = listeners.first { $0.executor === worker.executor }
                    tasks.addTask(executorPreference: worker.executor) {
                        await worker.run(listener, handingOverTo: self)
                    }
                }
            }
        } onCancel: {
            stop()
        }
    }

    /// Stops accepting, closes idle connections, lets the others end after the answer that is under
    /// way, and resets them at `shutdownTimeout`. Any thread.
    public func stop() {
        for listener in listeners { listener.executor.perform { listener.close() } }
        for worker in workers { worker.executor.perform { worker.stopGracefully() } }
    }

    #if TLS
        /// Goes on with another policy, for a server that has one: new certificates, or other
        /// demands. Connections that are open keep theirs; no session outlives it. Any thread.
        public func replaceTLS(_ policy: TLSServerPolicy) {
            for worker in workers { worker.executor.perform { worker.replaceTLS(policy) } }
        }
    #endif

    /// Gives an accepted socket to a loop: its own, unless the listener serves all.
    func place(_ socket: Int32, acceptedBy worker: HTTPWorker) {
        guard listeners.count < workers.count else { return worker.adopt(socket) }
        let executor = group.nextExecutor
        guard let target = workers.first(where: { $0.executor === executor }) else {
            preconditionFailure("a loop of the group")
        }
        if !executor.perform({ target.adopt(socket) }) { _ = millrace_close(socket) }
    }
}
