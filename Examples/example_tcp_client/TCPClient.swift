// SPDX-License-Identifier: MIT

// A pooled, reconnecting TCP client that tells what became of each message. Without a destination
// it is a demonstration of itself:
//
//     swift run -c release --traits Examples example_tcp_client
//
// With one, it sends the lines that it reads:
//
//     printf 'one 1\ntwo 2\n' | swift run -c release --traits Examples example_tcp_client \
//         --to 127.0.0.1:7000 --acks lines --outcomes -

#if Examples
    internal import ArgumentParser
    internal import AsyncRuntime
    internal import ConnectionPools
    internal import EventLoops
    internal import ExampleSupport
    internal import Networking

    @main
    struct TCPClient: ExampleCommand {
        static let configuration = CommandConfiguration(
            commandName: "example_tcp_client",
            abstract: "Sends messages over pooled connections that reconnect by themselves.",
            discussion: """
                With --to, each line of the input (an empty one too) is one message, sent with \
                its newline and numbered from 0. Without --to it is a demonstration: a \
                receiver inside the process resets, stalls, half-closes and refuses, and every \
                message must arrive all the same.

                What 'ok' means: with --delivery written, the local kernel took every byte; \
                with acknowledged, the peer's kernel has every byte; with --acks lines, the \
                peer's program answered with a line whose first word is the message's first \
                word.

                Ctrl-C stops reading and delivers what was read, up to --shutdown-timeout; a \
                second Ctrl-C ends at once.

                Exit status: 0 if all messages are ok, 1 if some failed, 2 on wrong usage, 130 \
                after Ctrl-C with failures.
                """)

        @Option(
            help: ArgumentHelp(
                "HOST:PORT, [IPv6]:PORT or unix:PATH. Without it: the demonstration.",
                valueName: "address"),
            transform: EndpointArgument.init(parsing:))
        var to: EndpointArgument?

        @Option(help: ArgumentHelp("The most connections at one time.", valueName: "count"))
        var connections = 4

        @Option(
            help: ArgumentHelp("How many messages may wait for a connection.", valueName: "count"))
        var queue = 4096

        @Option(
            help: ArgumentHelp(
                "How often the last connection is tried again before giving up.", valueName: "count"
            ))
        var maxReconnectAttempts = 10

        @Option(
            help: ArgumentHelp(
                "How long an attempt to connect may take. (default: 5s)", valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var connectTimeout = DurationArgument(.seconds(5))

        @Option(
            help: ArgumentHelp(
                """
                How long a connection may take no byte before it is replaced; also how long an \
                answer that is due may take unless an idle timeout is set. (default: 5s)
                """,
                valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var writeTimeout = DurationArgument(.seconds(5))

        @Option(
            help: ArgumentHelp(
                """
                How long a connection may be silent, or 'none': then it is closed, or replaced if \
                answers are due. (default: none)
                """,
                valueName: "time"),
            transform: OptionalDurationArgument.init(parsing:))
        var idleTimeout = OptionalDurationArgument(nil)

        @Option(help: "What counts as delivered: written or acknowledged (by the peer's kernel).")
        var delivery = DeliveryArgument.written

        @Option(
            help:
                "Whether the peer answers: none or lines. If so, only an answer counts."
        )
        var acks = AcksArgument.none

        @Option(help: "What the event loops run on.")
        var backend = BackendArgument.automatic

        @Option(help: ArgumentHelp("How many event loops, a thread for each.", valueName: "count"))
        var loops = 1

        @Option(
            help: ArgumentHelp(
                "Read messages from a file; '-' is standard input.", valueName: "file"))
        var input: String?

        @Option(
            help: ArgumentHelp("Send this many generated messages instead.", valueName: "count"))
        var messages: Int?

        @Option(
            help: ArgumentHelp(
                "The length of a generated message with its newline.", valueName: "bytes"))
        var size = 16

        @Option(help: ArgumentHelp("Send at most so many messages a second.", valueName: "count"))
        var rate: Int?

        @Option(
            help: ArgumentHelp(
                "Write a line for each message that settles; '-' is standard output.",
                valueName: "file"))
        var outcomes: String?

        @Option(
            help: ArgumentHelp(
                "How long messages are still delivered after Ctrl-C. (default: 5s)",
                valueName: "time"),
            transform: DurationArgument.init(parsing:))
        var shutdownTimeout = DurationArgument(.seconds(5))

        @OptionGroup(title: "TLS")
        var security: ClientTLSArguments

        @Flag(help: "Print errors only.")
        var quiet = false

        var isDemonstration: Bool { to == nil }

        func validate() throws {
            try check(1...1024, connections, "--connections")
            try check(2...(1 << 24), queue, "--queue")
            try check(0...1_000_000, maxReconnectAttempts, "--max-reconnect-attempts")
            try check(1...256, loops, "--loops")
            try check(1...(1 << 24), size, "--size")
            if let messages { try check(0...1_000_000_000, messages, "--messages") }
            if let rate { try check(1...1_000_000_000, rate, "--rate") }
            for (limit, name) in [
                (connectTimeout, "--connect-timeout"), (writeTimeout, "--write-timeout"),
            ]
            where limit.duration <= .zero {
                throw ValidationError("\(name) must be longer than nothing.")
            }
            if let idle = idleTimeout.duration, idle <= .zero {
                throw ValidationError("--idle-timeout must be longer than nothing, or 'none'.")
            }
            try validateSource()
        }

        private func check(_ range: ClosedRange<Int>, _ value: Int, _ name: String) throws {
            guard range.contains(value) else {
                throw ValidationError(
                    "\(name) takes a number from \(range.lowerBound) to \(range.upperBound).")
            }
        }

        private func validateSource() throws {
            if input != nil && messages != nil {
                throw ValidationError("--input and --messages exclude each other.")
            }
            if isDemonstration && security.tls {
                throw ValidationError("--tls needs a destination: --to HOST:PORT.")
            }
            if isDemonstration && input != nil {
                throw ValidationError("--input needs a destination: --to HOST:PORT.")
            }
            if case .unix = to?.endpoint, deliveryMode == .acknowledged {
                throw ValidationError(
                    "--delivery acknowledged needs TCP: unix: has no such answer.")
            }
            let shortest = MessageGenerator.byteCountMin(messageCount: messageCount)
            if input == nil && to == nil || messages != nil, size < shortest {
                throw ValidationError(
                    "--size \(size) has no room for the numbers of \(messageCount) messages: "
                        + "at least \(shortest).")
            }
        }

        /// How many messages are generated.
        var messageCount: Int {
            messages ?? (isDemonstration ? Demonstration.messageCountDefault : 0)
        }

        func perform() throws -> ExitStatus {
            let command = self
            let loopCount = isDemonstration ? loops + 1 : loops
            // Before the loops block the signals: opening a FIFO waits for its reader.
            let file = try outcomes.map { path in try OutputFile(path) }
            do {
                return try LoopGroup.run(
                    loops: loopCount, choice: backend.choice, signals: [.interrupt, .terminate]
                ) { group in
                    if command.isDemonstration {
                        return try await Demonstration(command, group, file).run()
                    }
                    return try await ClientRun(command, group, file).run()
                }
            } catch let error as SystemError {
                report("cannot start: \(error)")
                return .failure
            }
        }
    }

    /// What counts as delivered, as an argument.
    enum DeliveryArgument: String, CaseIterable, ExpressibleByArgument, Sendable {
        case written, acknowledged
    }

    /// What the peer answers, as an argument.
    enum AcksArgument: String, CaseIterable, ExpressibleByArgument, Sendable {
        case none, lines
    }

    extension TCPClient {
        /// The client's limits as the arguments give them.
        func clientConfiguration() throws -> ClientConfiguration {
            var result = ClientConfiguration()
            result.tls = try security.policy().map {
                ClientTLS($0, serverName: security.serverName)
            }
            result.pool.maxConnections = connections
            result.pool.queueCapacity = queue
            result.pool.maxReconnectAttempts = maxReconnectAttempts
            result.pool.connectTimeoutNanoseconds = connectTimeout.duration.nanoseconds
            result.pool.writeTimeoutNanoseconds = writeTimeout.duration.nanoseconds
            result.pool.idleTimeoutNanoseconds = idleTimeout.duration?.nanoseconds
            result.pool.answerTimeoutNanoseconds =
                (idleTimeout.duration ?? writeTimeout.duration).nanoseconds
            result.delivery = deliveryMode
            return result
        }

        var deliveryMode: DeliveryMode {
            if acks == .lines || isDemonstration { return .confirmed }
            return delivery == .acknowledged ? .acknowledged : .written
        }
    }

    extension Duration {
        /// Whole nanoseconds; sticks at the largest number.
        var nanoseconds: UInt64 {
            let (seconds, attoseconds) = components
            guard seconds >= 0, attoseconds >= 0 else { return 0 }
            let (whole, isTooLarge) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
            return isTooLarge ? .max : whole &+ UInt64(attoseconds / 1_000_000_000)
        }
    }
#endif
