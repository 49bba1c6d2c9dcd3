// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import AsyncRuntime
internal import CContender
internal import ContenderSupport
internal import EventLoops
internal import HTTPServing
internal import TLSEngines

@main
struct HTTPMillrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http_millrace",
        abstract: "An HTTP server that answers GET /hello with 'Hello, World!'.",
        discussion: "Prints 'listening on 127.0.0.1:PORT'; SIGTERM ends it.")

    @Option(help: "Port; 0 takes a free one.")
    var port: UInt16 = 0

    @Option(help: "io_uring or epoll.")
    var backend = BackendArgument.automatic

    @Option(help: "Event loops, a thread for each.")
    var loops = 1

    @Flag(help: "Answer in a task for each request, not on the loop itself.")
    var task = false

    @Option(help: "Connections at one time; requests on others get 503.")
    var maxConnections = 20_000

    @Option(help: "Milliseconds that a head may take.")
    var headerTimeout = 10_000

    @Option(help: "A chain of certificates, PEM: serve TLS.")
    var cert: String?

    @Option(help: "Its key, PEM.")
    var key: String?

    @Option(help: "The folder behind /files/.")
    var root: String?

    func validate() throws {
        guard (1...256).contains(loops) else {
            throw ValidationError("--loops takes a number from 1 to 256.")
        }
    }

    func run() throws {
        _ = contender_raise_descriptors()
        var configuration = HTTPServerConfiguration()
        configuration.maxConnections = maxConnections
        configuration.headerTimeout = .milliseconds(headerTimeout)
        if let cert, let key {
            var options = TLSServerOptions(
                identities: [try TLSIdentity(chainFile: cert, keyFile: key)])
            options.protocols = ["http/1.1"]
            configuration.tls = try TLSServerPolicy(options)
        }
        let files = try root.map { try StaticFiles($0) }
        let service = HelloService(
            port: port, hasTask: task, configuration: configuration, files: files)
        let totals = try LoopGroup.run(
            loops: loops, choice: backend.choice, signals: [.interrupt, .terminate]
        ) { group in
            let totals = try await service.run(group)
            return (totals, await service.statistics(of: group))
        }
        totals.1.print()
        let (connections, requests) = totals.0
        print("total connections=\(connections) requests=\(requests)")
    }
}
