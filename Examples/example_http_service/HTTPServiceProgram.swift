// SPDX-License-Identifier: MIT

// An HTTP server as a service of swift-service-lifecycle, next to a service of another kind. In one
// terminal
//
//     swift run -c release --traits Examples example_http_service 8080
//
// and in another
//
//     curl http://127.0.0.1:8080/slow & kill -TERM $(pidof example_http_service); wait
//
// A signal ends the services one after the other, the last one first; the request that is under way
// still gets its answer.

#if Examples
    internal import AsyncRuntime
    internal import EventLoops
    internal import ExampleSupport
    internal import HTTP1Codec
    internal import HTTPServing
    internal import Logging
    internal import Networking
    internal import ServiceLifecycle
    internal import UnixSignals

    /// What stands beside the server: a queue of work, a cache that must be written, here a line.
    struct Reporter: Service {
        let server: HTTPServer

        func run() async throws {
            try await gracefulShutdown()
            StandardStream.output.writeLine(
                "stopping with \(server.statistics.openConnections) open")
        }
    }

    @main
    enum HTTPServiceProgram {
        static func main() throws {
            let port = CommandLine.arguments.dropFirst().first.flatMap { UInt16($0) } ?? 0
            guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: port) else { return }
            try LoopGroup.run { group in try await serve(on: address, group) }
        }

        private static func routes() throws(RouteError) -> HTTPRoutes {
            var routes = HTTPRoutes()
            try routes.get("/hello", direct: { _, response in response.send("Hello, World!") })
            try routes.get("/slow") { _ in
                try await LoopTime.sleep(for: .seconds(1))
                return .text("slow, and whole\n")
            }
            return routes
        }

        /// Serves until SIGTERM or SIGINT, and returns when everything has ended.
        private static func serve(on address: SocketAddress, _ group: LoopGroup) async throws {
            let server = try await HTTPServer.open(on: address, group: group, routes: routes())
            StandardStream.output.writeLine("listening on http://\(server.address)/")
            var logger = Logger(label: "services")
            logger.logLevel = .warning
            let services = ServiceGroup(
                services: [HTTPService(server), Reporter(server: server)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            try await services.run()
            StandardStream.output.writeLine("ended; \(server.statistics.answers) answers")
        }
    }
#endif
