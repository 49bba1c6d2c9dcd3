// SPDX-License-Identifier: MIT

// An HTTP server with a page, files, events and metrics. In one terminal
//
//     swift run -c release --traits Examples example_http_server --listen 127.0.0.1:8080
//
// and in another
//
//     curl -i http://127.0.0.1:8080/hello

#if Examples
    internal import ArgumentParser
    internal import AsyncRuntime
    internal import EventLoops
    internal import ExampleSupport
    internal import HTTP1Codec
    internal import HTTPServing
    internal import Networking

    @main
    struct HTTPServerCommand: ExampleCommand, Sendable {
        static let configuration = CommandConfiguration(
            commandName: "example_http_server",
            abstract: "Serves a page, files, events and metrics over HTTP/1.1, plain and by TLS.",
            discussion: """
                Prints 'listening on http://ADDRESS' and 'listening on https://ADDRESS' to \
                standard output, and everything else to standard error; with --access-log, a line \
                for each answer follows on standard output.

                Without --listen and --tls-listen it serves both, on free ports of 127.0.0.1; with \
                one of them that alone. Without --cert a certificate for localhost is made by the \
                openssl command, which nobody trusts: curl -k, or a browser's exception. SIGHUP \
                reads the certificates again.

                Routes: / (a page with live figures), /hello, POST /echo, /missing, /files/… with \
                --root, /events, /metrics, /healthz.

                Ctrl-C or SIGTERM stops accepting, closes idle connections and lets the others \
                end; a second Ctrl-C ends at once.

                Exit status: 0 after Ctrl-C, 1 if it cannot start, 2 on wrong usage.
                """)

        /// The most loops that make sense to ask for.
        static let loopsMax = 256

        @Option(
            help: ArgumentHelp(
                "HOST:PORT, [IPv6]:PORT or unix:PATH; port 0 takes a free one.",
                valueName: "address"),
            transform: EndpointArgument.init(parsing:))
        var listen: EndpointArgument?

        @Option(
            help: ArgumentHelp("The same, for TLS.", valueName: "address"),
            transform: EndpointArgument.init(parsing:))
        var tlsListen: EndpointArgument?

        @OptionGroup(title: "TLS")
        var tls: ServerTLSArguments

        @Option(help: ArgumentHelp("The folder behind /files/.", valueName: "folder"))
        var root: String?

        @Option(help: ArgumentHelp("How many event loops, a thread for each.", valueName: "count"))
        var loops = 1

        @Option(help: "What the event loops run on.")
        var backend = BackendArgument.automatic

        @Option(
            help: ArgumentHelp(
                "The most connections; requests on others get 503.", valueName: "count"))
        var maxConnections = 10_000

        @Option(help: ArgumentHelp("The longest body that is taken.", valueName: "bytes"))
        var maxBody = 1 << 20

        @Option(
            help: ArgumentHelp("How long a head may take: 500ms, 5s, 1m.", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var headerTimeout = DurationArgument(.seconds(10))

        @Option(
            help: ArgumentHelp("How long a body may pause.", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var bodyTimeout = DurationArgument(.seconds(30))

        @Option(
            help: ArgumentHelp("How long a client may take nothing.", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var writeTimeout = DurationArgument(.seconds(30))

        @Option(
            help: ArgumentHelp(
                "How fast a body must come and an answer be taken, each second; 0 is no minimum.",
                valueName: "bytes"))
        var minRate = 240

        @Option(
            help: ArgumentHelp("How far a client may fall behind that.", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var rateTimeout = DurationArgument(.seconds(30))

        @Option(
            help: ArgumentHelp("How long a connection may be silent.", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var idleTimeout = DurationArgument(.seconds(60))

        @Option(
            help: ArgumentHelp("How long a stop may take.", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var shutdownTimeout = DurationArgument(.seconds(10))

        @Flag(help: "Write a line for each answer to standard output, in the combined format.")
        var accessLog = false

        func validate() throws {
            guard (1...Self.loopsMax).contains(loops) else {
                throw ValidationError("--loops takes a number from 1 to \(Self.loopsMax).")
            }
            guard tlsListen != nil || listen == nil || !tls.isGiven else {
                throw ValidationError("A certificate without --tls-listen is for nobody.")
            }
            guard (1...10_000_000).contains(maxConnections) else {
                throw ValidationError("--max-connections takes a number from 1 to 10000000.")
            }
            guard (0...1 << 40).contains(maxBody) else {
                throw ValidationError("--max-body takes a number from 0 to \(1 << 40).")
            }
            guard (0...1 << 40).contains(minRate) else {
                throw ValidationError("--min-rate takes a number from 0 to \(1 << 40).")
            }
        }

        private static let anywhere = EndpointArgument(.host("127.0.0.1", port: 0))

        /// Where plain connections are served; nil for nowhere.
        var plainEndpoint: EndpointArgument? {
            listen ?? (tlsListen == nil ? Self.anywhere : nil)
        }

        /// Where TLS connections are.
        var tlsEndpoint: EndpointArgument? {
            tlsListen ?? (listen == nil ? Self.anywhere : nil)
        }

        /// The limits of the server.
        var serverConfiguration: HTTPServerConfiguration {
            var configuration = HTTPServerConfiguration()
            configuration.limits.bodyByteCountMax = UInt64(maxBody)
            configuration.maxConnections = maxConnections
            configuration.headerTimeout = headerTimeout.duration
            configuration.bodyTimeout = bodyTimeout.duration
            configuration.writeTimeout = writeTimeout.duration
            configuration.bodyBytesPerSecondMin = minRate
            configuration.answerBytesPerSecondMin = minRate
            configuration.rateTimeout = rateTimeout.duration
            configuration.idleTimeout = idleTimeout.duration
            configuration.shutdownTimeout = shutdownTimeout.duration
            configuration.serverName = "millrace"
            return configuration
        }

        func perform() throws -> ExitStatus {
            let command = self
            do {
                try LoopGroup.run(
                    loops: loops, choice: backend.choice,
                    signals: [.interrupt, .terminate, .hangUp]
                ) { group in
                    try await ServerRun(command, group).run()
                }
            } catch let error as SystemError {
                report("cannot start: \(error)")
                return .failure
            }
            return .success
        }
    }
#endif
