// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import CContender
internal import ContenderSupport
internal import EventLoops
internal import Glibc

@main
struct TransferCallback: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer_callback",
        abstract: "Sends a piece of memory to a sink again and again, by requests of a loop.",
        discussion: "One connection, one request at a time. Prints one line of results.")

    @Option(help: "Where the sink listens on 127.0.0.1.")
    var port: UInt16

    @Option(help: "How often.")
    var laps = 16

    @Option(help: "How much each request is given.")
    var block = 65_536

    @Option(help: "The piece's size, a multiple of the block and of eight.")
    var area = 1 << 24

    @Flag(help: "Out of a file in the page cache, by Request.sendFile, instead of Request.send.")
    var file = false

    @Flag(help: "Send without copying (io_uring).")
    var zeroCopy = false

    @Option(help: "io_uring or epoll.")
    var backend = BackendArgument.automatic

    func validate() throws {
        guard (1...1 << 20).contains(laps), (8...1 << 30).contains(block),
            (8...1 << 30).contains(area), area % block == 0, area % 8 == 0
        else { throw ValidationError("--area takes a multiple of the block and of eight.") }
    }

    func run() throws {
        var options = LoopOptions()
        if zeroCopy { options.zeroCopyByteCountMin = 1 }
        let loop = try EventLoop(choice: backend.choice, options: options)
        let socket = contender_connect(port)
        guard contender_set_nonblocking(socket) == 0 else { throw ExitCode.failure }
        let transfer = Transfer(self, loop, socket: socket)
        transfer.start()
        try loop.run()
        guard let usage = transfer.usage else { throw ExitCode.failure }
        let sum = UInt64(laps) &* transfer.areaSum
        print(
            "result bytes=\(laps * area) checksum=\(sum) calls=\(transfer.requestCount) \(usage)")
        _ = fflush(nil)
    }
}
