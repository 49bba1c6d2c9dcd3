// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import ContenderSupport
internal import EventLoops
internal import Glibc
internal import HTTPServing
internal import Networking

/// Serves one page until a signal comes.
struct HelloService: Sendable {
    private let port: UInt16
    private let hasTask: Bool
    private let configuration: HTTPServerConfiguration

    private let files: StaticFiles?

    init(
        port: UInt16, hasTask: Bool, configuration: HTTPServerConfiguration, files: StaticFiles?
    ) {
        self.files = files
        self.port = port
        self.hasTask = hasTask
        self.configuration = configuration
    }

    /// Answers how many connections and requests there were.
    func run(_ group: LoopGroup) async throws -> (connections: UInt64, requests: UInt64) {
        guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: port) else { return (0, 0) }
        let server = try await HTTPServer.open(
            on: address, group: group, configuration: configuration, routes: try routes())
        print("listening on \(server.address)")
        _ = fflush(nil)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: group.executors[0]) { await server.run() }
            tasks.addTask(executorPreference: group.executors[0]) {
                do {
                    let signals = try SignalStream([.interrupt, .terminate])
                    _ = try await signals.next()
                } catch {
                    // Cancelled: the server has ended by itself.
                }
            }
            _ = await tasks.next()
            tasks.cancelAll()
        }
        let statistics = server.statistics
        return (statistics.acceptedConnections, statistics.answers)
    }

    /// What the loops have done, each asked on its own thread.
    func statistics(of group: LoopGroup) async -> ServerStatistics {
        var sum = ServerStatistics()
        for executor in group.executors {
            sum.add(await withTaskExecutorPreference(executor) { executor.loop.statistics })
        }
        return sum
    }

    private func routes() throws(RouteError) -> HTTPRoutes {
        var routes = HTTPRoutes()
        if hasTask {
            try routes.get("/hello") { _ in .text("Hello, World!") }
        } else {
            try routes.get("/hello", direct: { _, response in response.send("Hello, World!") })
        }
        if let files { try routes.files("/files", files) }
        // For readers who are slow: a mebibyte, in pieces.
        try routes.get("/large") { _ in
            .stream(byteCount: 64 << 14) { writer in
                let piece = [UInt8](repeating: 0x78, count: 1 << 14)
                for _ in 0..<64 { try await writer.write(piece) }
            }
        }
        return routes
    }
}
