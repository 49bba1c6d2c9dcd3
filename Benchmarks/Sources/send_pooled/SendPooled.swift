// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import AsyncRuntime
internal import CContender
internal import ConnectionPools
internal import ContenderSupport
internal import EventLoops

@main
struct SendPooled: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send_pooled",
        abstract: "Sends messages to a sink with the pooled client and prints what that took.",
        discussion: """
            Messages go out as they are, without a frame: each is its number, eight bytes in the \
            machine's order, and 'm' up to its size. The time counts from the first message after \
            the warm-up until the last one has settled.
            """)

    @Option(help: "Where the sink listens on 127.0.0.1.")
    var port: UInt16

    @Option(help: "How many messages.")
    var messages = 1_000_000

    @Option(help: "How many before that, which do not count.")
    var warmup = 0

    @Option(help: "Their size, a multiple of eight.")
    var bytes = 64

    @Option(help: "The most connections.")
    var connections = 4

    @Option(help: "Producers: threads, or tasks with --on-loop.")
    var producers = 1

    @Option(help: "From so many bytes on that wait, producers wait; 0 takes the client's default.")
    var queueBytes = 0

    @Flag(help: "Producers are tasks on the client's loop, not threads.")
    var onLoop = false

    @Option(help: "written or acknowledged; a sink confirms nothing.")
    var delivery = "written"

    @Option(help: "io_uring or epoll.")
    var backend = BackendArgument.automatic

    @Flag(help: "Print 'ready' after the warm-up and wait for a line; another before closing.")
    var controlled = false

    /// What `delivery` says.
    var deliveryMode: DeliveryMode? {
        switch delivery {
        case "written": .written
        case "acknowledged": .acknowledged
        default: nil
        }
    }

    func validate() throws {
        guard (8...1 << 20).contains(bytes), bytes % 8 == 0 else {
            throw ValidationError("--bytes takes a multiple of eight up to 1048576.")
        }
        guard (1...1 << 40).contains(messages), (0...1 << 40).contains(warmup) else {
            throw ValidationError("--messages takes at least one, --warmup none or more.")
        }
        guard (1...64).contains(producers), (1...1024).contains(connections) else {
            throw ValidationError("--producers takes 1 to 64, --connections 1 to 1024.")
        }
        guard deliveryMode != nil else {
            throw ValidationError("--delivery takes 'written' or 'acknowledged'.")
        }
    }

    func run() throws {
        let command = self
        let isComplete = try LoopGroup.run(choice: backend.choice) { group in
            try await Sending(command, group).run()
        }
        guard isComplete else { throw ExitCode.failure }
    }
}
