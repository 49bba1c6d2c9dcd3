// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import AsyncRuntime
internal import CContender
internal import ContenderSupport
internal import EventLoops
internal import Networking

@main
struct EchoAsync: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo_async",
        abstract: "An echo server with a task for each connection.",
        discussion: "Prints 'listening on 127.0.0.1:PORT'; SIGTERM ends it.")

    @Option(help: "Port; 0 takes a free one.")
    var port: UInt16 = 0

    @Option(help: "io_uring or epoll.")
    var backend = BackendArgument.automatic

    @Option(help: "Event loops, a thread for each.")
    var loops = 1

    @Option(help: "Receive buffers of each loop, a power of two.")
    var buffers = LoopOptions().receiveBufferCount

    @Flag(help: "Send small messages without waiting, large ones out of the receive buffer.")
    var forward = false

    @Option(help: "Microseconds that a busy loop waits for as many completions as came last.")
    var gather: UInt64 = 0

    func validate() throws {
        guard (1...256).contains(loops) else {
            throw ValidationError("--loops takes a number from 1 to 256.")
        }
        guard (1...32_768).contains(buffers), buffers & (buffers - 1) == 0 else {
            throw ValidationError("--buffers takes a power of two up to 32768.")
        }
    }

    func run() throws {
        _ = contender_raise_descriptors()
        var options = LoopOptions()
        options.receiveBufferCount = buffers
        options.batchWaitNanoseconds = gather * 1000
        let service = EchoService(port: port, isForwarding: forward)
        let statistics = try LoopGroup.run(
            loops: loops, choice: backend.choice, options: options,
            signals: [.interrupt, .terminate]
        ) { group in
            try await service.run(group)
            return await service.statistics(of: group)
        }
        statistics.print()
        contender_totals(service.totals.connections, service.totals.bytes, 0)
    }
}
