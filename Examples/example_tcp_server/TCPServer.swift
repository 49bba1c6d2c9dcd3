// SPDX-License-Identifier: MIT

// A TCP server that echoes, counts or acknowledges what it is sent. In one terminal
//
//     swift run -c release --traits Examples example_tcp_server --listen 127.0.0.1:7000 --acks
//
// and in another
//
//     printf 'one 1\ntwo 2\n' | nc -N 127.0.0.1 7000

#if Examples
    internal import ArgumentParser
    internal import AsyncRuntime
    internal import EventLoops
    internal import ExampleSupport
    internal import Networking

    @main
    struct TCPServer: ExampleCommand, Sendable {
        static let configuration = CommandConfiguration(
            commandName: "example_tcp_server",
            abstract: "Echoes, counts or acknowledges what clients send.",
            discussion: """
                Prints one line 'listening on ADDRESS' to standard output, and everything else to \
                standard error. Ctrl-C or SIGTERM stops accepting and lets the open connections \
                end; a second Ctrl-C ends them at once.

                Exit status: 0 after Ctrl-C, 1 if it cannot listen, 2 on wrong usage.
                """)

        /// The most loops that make sense to ask for.
        static let loopsMax = 256

        @Option(
            help: ArgumentHelp(
                "HOST:PORT, [IPv6]:PORT or unix:PATH; port 0 takes a free one.",
                valueName: "address"),
            transform: EndpointArgument.init(parsing:))
        var listen = EndpointArgument(.host("127.0.0.1", port: 0))

        @Option(help: "What the event loops run on.")
        var backend = BackendArgument.automatic

        @Option(help: ArgumentHelp("How many event loops, a thread for each.", valueName: "count"))
        var loops = 1

        @Flag(help: "Speak TLS. Without --cert a certificate for localhost is made, by openssl.")
        var tls = false

        @OptionGroup(title: "TLS")
        var certificates: ServerTLSArguments

        @Flag(exclusivity: .exclusive)
        var mode = ServerMode.echo

        @Option(
            help: ArgumentHelp(
                "How long open connections may go on after Ctrl-C: 500ms, 5s, 1m.",
                valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var shutdownTimeout = DurationArgument(.seconds(5))

        func validate() throws {
            guard (1...Self.loopsMax).contains(loops) else {
                throw ValidationError("--loops takes a number from 1 to \(Self.loopsMax).")
            }
            guard tls || !certificates.isGiven && certificates.clientAuthorities == nil else {
                throw ValidationError("--cert, --client-ca and --self-signed need --tls.")
            }
        }

        func perform() throws -> ExitStatus {
            let command = self
            var options = LoopOptions()
            options.receiveBufferCount = 512
            do {
                try LoopGroup.run(
                    loops: loops, choice: backend.choice, options: options,
                    signals: [.interrupt, .terminate]
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

    extension ServerMode: EnumerableFlag {
        static func help(for mode: ServerMode) -> ArgumentHelp? {
            switch mode {
            case .echo: "Send every byte back."
            case .count: "Count lines and send nothing back."
            case .acks: "Answer each line with a line that holds its first word."
            }
        }
    }
#endif
