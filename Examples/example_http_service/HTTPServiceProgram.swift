// SPDX-License-Identifier: MIT

// An HTTP server as a service of swift-service-lifecycle, next to a service of another kind. In one
// terminal
//
//     swift run -c release --traits Examples example_http_service --listen 127.0.0.1:8080
//
// and in another
//
//     curl http://127.0.0.1:8080/slow & kill -TERM $(pidof example_http_service); wait
//
// A signal ends the services one after the other, the last one first; the request that is under way
// still gets its answer.

#if Examples
    internal import ArgumentParser
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
    struct HTTPServiceProgram: ExampleCommand {
        static let configuration = CommandConfiguration(
            commandName: "example_http_service",
            abstract: "Serves /hello and /slow as one of two services that a signal ends in order.",
            discussion: """
                Prints 'listening on http://ADDRESS', a line at the stop and one at the end.

                Exit status: 0 after Ctrl-C or SIGTERM, 1 if it cannot start, 2 on wrong usage.
                """)

        @Option(
            help: ArgumentHelp(
                "HOST:PORT, [IPv6]:PORT or unix:PATH; port 0 takes a free one.",
                valueName: "address"),
            transform: EndpointArgument.init(parsing:))
        var listen = EndpointArgument(.host("127.0.0.1", port: 0))

        func perform() throws -> ExitStatus {
            let endpoint = listen.endpoint
            try LoopGroup.run { group in
                let life = ServerLife(at: endpoint, on: group)
                let routes = try Self.routes()
                let server = try await life.open { address throws(SystemError) in
                    try await HTTPServer.open(on: address, group: group, routes: routes)
                }
                defer { life.removeSocketFile() }
                try await Self.serve(server)
            }
            return .success
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
        private static func serve(_ server: HTTPServer) async throws {
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
