// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import CContender
internal import ContenderSupport
internal import EventLoops
internal import Glibc

@main
struct EchoCallback: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo_callback",
        abstract: "An echo server on one event loop with handlers, without tasks.",
        discussion: "Prints 'listening on 127.0.0.1:PORT'; SIGTERM ends it.")

    @Option(help: "Port; 0 takes a free one.")
    var port: UInt16 = 0

    @Option(help: "io_uring or epoll.")
    var backend = BackendArgument.automatic

    @Option(help: "Receive buffers, a power of two.")
    var buffers = LoopOptions().receiveBufferCount

    func validate() throws {
        guard (1...32_768).contains(buffers), buffers & (buffers - 1) == 0 else {
            throw ValidationError("--buffers takes a power of two up to 32768.")
        }
    }

    func run() throws {
        let limit = contender_raise_descriptors()
        let signals = contender_signals()
        var options = LoopOptions()
        options.receiveBufferCount = buffers
        // A receive and a send for each connection.
        options.operationsMax = Int(min(limit, 1 << 20)) * 2 + 16
        let loop = try EventLoop(choice: backend.choice, options: options)
        let listener = contender_listen_quietly(port)
        let server = EchoServer(loop, listener: listener, signals: signals)
        server.start()
        contender_announce(listener)
        try loop.run()
        ServerStatistics(loop.statistics).adding([
            "held_bytes_max": server.heldByteCountMax,
            "held_bytes_limit": loop.options.receiveCreditByteCount
                + loop.options.receiveBufferByteCount,
        ]).print()
        contender_totals(server.connectionCount, server.byteCount, 0)
    }
}
