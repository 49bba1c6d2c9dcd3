// SPDX-License-Identifier: MIT

package import BenchSupport

/// One connection with a large stream: what a kilobyte costs its sender, from memory with and
/// without a copy, and out of a file.
package struct TransferBench: Bench {
    package let name = "transfer"
    package let summary = "one large stream: CPU of its sender, send and sendfile"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        [
            scenario("64k", "one stream in blocks of 64 KiB", 65_536, options, processors),
            scenario("1m", "one stream in blocks of 1 MiB", 1 << 20, options, processors),
        ]
    }

    private static let send = Contender("c-send", "transfer_c", isPeer: true)
    private static let sendFile = Contender("c-sendfile", "transfer_c", ["--file"], isPeer: true)

    private static func ours(_ name: String, _ arguments: [String]) -> Contender {
        Contender(name, "transfer_callback", arguments, isPeer: false)
    }

    /// Ours, and whom each is compared with.
    private static let pairs = [
        (ours("send", ["--backend", "io_uring"]), send),
        (ours("send-zero-copy", ["--backend", "io_uring", "--zero-copy"]), send),
        (ours("send-epoll", ["--backend", "epoll"]), send),
        (ours("sendfile", ["--backend", "io_uring", "--file"]), sendFile),
        (ours("sendfile-epoll", ["--backend", "epoll", "--file"]), sendFile),
    ]

    private func scenario(
        _ name: String, _ title: String, _ block: Int, _ options: RunOptions,
        _ processors: Processors
    ) -> Scenario {
        func entrant(_ contender: Contender) -> Entrant {
            var entrant = Entrant(contender.name) {
                try measure(contender, block, options, processors)
            }
            entrant.isPeer = contender.isPeer
            return entrant
        }
        let entrants =
            [entrant(Self.send), entrant(Self.sendFile)]
            + Self.pairs.map { contender, peer in
                var own = entrant(contender)
                own.baseline = peer.name
                return own
            }
        var scenario = Scenario(
            name: "transfer/\(name)", title: title + ", over loopback", unit: "CPU ns/KiB",
            entrants: entrants)
        scenario.hasWarmUp = false
        scenario.alternations = 9
        return scenario
    }

    private func measure(
        _ contender: Contender, _ block: Int, _ options: RunOptions, _ processors: Processors
    ) throws -> Measurement {
        let area = options.isTiny ? 1 << 20 : 1 << 24
        // About a gigabyte a second.
        let laps = options.isTiny ? 4 : max(4, Int(64 * options.seconds(or: 2)))
        let sender = contender.adding([
            "--laps", "\(laps)", "--area", "\(area)", "--block", "\(block)",
        ])
        let outcome = try SinkTrial(sender, byteCount: UInt64(laps * area), on: processors).run()
        let kibibytes = Double(laps * area) / 1024
        var metrics = outcome.metrics
        metrics["MiB/s"] = kibibytes / 1024 * 1e9 / Double(max(1, outcome.nanoseconds))
        metrics["KiB/call"] = kibibytes / Double(try outcome.result.number("calls"))
        return Measurement(Double(outcome.cpuNanoseconds) / kibibytes, metrics: metrics)
    }
}
