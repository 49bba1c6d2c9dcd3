// SPDX-License-Identifier: MIT

import BenchSupport
import Benches
import Foundation
import Testing

@Suite(.serialized) struct ContenderTests {
    private static let servers = [
        Contender("c-epoll", "echo_epoll_c", isPeer: true),
        Contender("c-epoll-edge", "echo_epoll_c", ["--edge"], isPeer: true),
        Contender("c-uring", "echo_uring_c", isPeer: true),
        Contender("c-uring-incremental", "echo_uring_c", ["--incremental"], isPeer: true),
        Contender("c-uring-bundle", "echo_uring_c", ["--bundle"], isPeer: true),
        Contender("c-uring-direct", "echo_uring_c", ["--direct"], isPeer: true),
        Contender("callback", "echo_callback", ["--backend", "io_uring"], isPeer: false),
        Contender("callback-epoll", "echo_callback", ["--backend", "epoll"], isPeer: false),
        Contender("async", "echo_async", ["--backend", "io_uring"], isPeer: false),
        Contender("async-epoll", "echo_async", ["--backend", "epoll"], isPeer: false),
        Contender("async-forward", "echo_async", ["--forward"], isPeer: false),
        Contender("async-two-loops", "echo_async", ["--loops", "2"], isPeer: false),
    ]

    private func outcome(
        _ contender: Contender, _ change: (inout ServerLoad) -> Void
    ) throws -> ServerTrial.Outcome {
        var load = ServerLoad()
        load.connections = 16
        load.extent = .seconds(0.1)
        change(&load)
        return try ServerTrial(contender, load, on: Processors.chosen()).run()
    }

    @Test(arguments: servers.indices)
    func echoesExactly(index: Int) throws {
        // A server would be measured that loses, doubles or mixes bytes; 1 MB messages need partial
        // sends, and 16 buffers must not be enough for 16 of them.
        let server = Self.servers[index].adding(["--buffers", "16"])
        let isPlain = server.program == "echo_epoll_c"
        let small = isPlain ? Self.servers[index] : server
        let done = try outcome(small) {
            $0.pipeline = 7
            $0.extent = .requests(3_000)
        }
        #expect(done.requests == 3_000)
        _ = try outcome(small) {
            $0.byteCount = 1_000_000
            $0.extent = .requests(40)
        }
    }

    @Test(arguments: servers.indices)
    func servesPastStoppedReaders(index: Int) throws {
        // Clients that never read would stop a server, and the figures with them would be of a
        // server that stands.
        let done = try outcome(Self.servers[index]) {
            $0.connections = 24
            $0.stoppedCount = 12
            $0.extent = .requests(500)
        }
        #expect(done.requests == 500)
    }

    @Test func corruptionIsCaught() throws {
        // A server that sends back something else would be given a figure.
        let liar = Contender("liar", "echo_epoll_c", ["--corrupt", "40"], isPeer: true)
        #expect(throws: BenchError.self) { try outcome(liar) { $0.extent = .requests(1_000) } }
    }

    @Test func foreignPortsAreRefused() throws {
        // A server that was left over on the port would be measured instead of the one started.
        let surroundings = RunningContender.Surroundings(cpu: nil)
        let first = try RunningContender(Self.servers[0], surroundings)
        let second = try RunningContender(Self.servers[0], surroundings)
        try PortOwnership.check(port: first.port, process: first.process.id)
        #expect(throws: BenchError.self) {
            try PortOwnership.check(port: first.port, process: second.process.id)
        }
        _ = try first.stop()
        _ = try second.stop()
    }

    @Test func nothingIsLeftBehind() throws {
        // Contenders would go on running after a bench that failed.
        var id: Int32 = 0
        do {
            let server = try RunningContender(
                Self.servers[0], RunningContender.Surroundings(cpu: nil))
            id = server.process.id
            #expect(FileManager.default.fileExists(atPath: "/proc/\(id)"))
        }
        #expect(!FileManager.default.fileExists(atPath: "/proc/\(id)"))
    }

    @Test func idleConnectionsAreHeld() throws {
        // Memory for each connection would be measured with fewer connections than said.
        let done = try outcome(Self.servers[2]) {
            $0.connections = 1_000
            $0.isIdle = true
        }
        #expect(done.requests == 0)
    }

    @Test func latenciesAreOrdered() throws {
        // The quantiles would be read from the wrong buckets, or counted from the wrong time.
        let result = try outcome(Self.servers[0]) { $0.rate = 5_000 }.result
        let names = ["p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"]
        let values = try names.map { try result.number($0) }
        #expect(values == values.sorted())
        #expect(values[0] > 0)
    }

    @Test func theSinkSumsWhatTheSenderSent() throws {
        // Bytes could be lost or changed on the way without being noticed.
        let sink = try RunningContender(
            Contender("sink", "sink_c", isPeer: true), RunningContender.Surroundings(cpu: nil))
        let sender = try ChildProcess(
            try Directory.program("send_c"),
            [
                "--port", "\(sink.port)", "--messages", "100003", "--bytes", "13",
                "--connections", "3",
            ], cpu: nil)
        let line = try sender.readLine(withinSeconds: 20) ?? ""
        let result = try #require(KeyValues(line, word: "result"))
        #expect(try sender.wait(withinSeconds: 10) == 0)
        let totals = try sink.stop()
        #expect(try result.number("bytes") == 100_003 * 13)
        #expect(try totals.number("bytes") == 100_003 * 13)
        #expect(try totals.number("checksum") == result.number("checksum"))
        #expect(try result.number("checksum") != 0)
    }

    @Test(arguments: [["--connections", "3"], ["--backend", "epoll", "--on-loop"]])
    func thePooledClientSendsWhatItSays(arguments: [String]) throws {
        // Messages could be lost, doubled or changed without being noticed.
        let sender = Contender("pooled", "send_pooled", arguments, isPeer: false)
            .adding(["--messages", "30000", "--bytes", "24", "--producers", "3"])
        let processors = try Processors.chosen()
        let trial = SinkTrial(sender, byteCount: 30_000 * 24, on: processors)
        let outcome = try trial.run()
        #expect(try outcome.result.number("messages") == 30_000)
        #expect(outcome.cpuNanoseconds > 0)
        let other = SinkTrial(sender, byteCount: 30_000 * 24 + 1, on: processors)
        #expect(throws: BenchError.self) { try other.run() }
    }

    @Test func allocationsAreCounted() throws {
        // A server that allocates for each request would pass for one that does not.
        try Directory.withTemporaryFile { file in
            var surroundings = RunningContender.Surroundings(cpu: nil)
            surroundings.environment = try AllocationCounts.environment(file: file)
            let server = try RunningContender(Self.servers[0], surroundings)
            let counts = try AllocationCounts(file: file)
            // At least the table of connections and the buffer.
            #expect(counts.allocations >= 2)
            #expect(counts.liveBytes >= 16_384)
            _ = try server.stop()
        }
    }

    @Test func aMissingProgramIsNamed() throws {
        // The error would not say what to do.
        let nobody = Contender("nobody", "echo_in_no_language", isPeer: true)
        #expect(throws: BenchError.self) { try outcome(nobody) { _ in } }
    }
}
