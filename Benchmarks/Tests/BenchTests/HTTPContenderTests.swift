// SPDX-License-Identifier: MIT

import BenchSupport
import Testing

@Suite(.serialized) struct HTTPContenderTests {
    private static let servers = [
        Contender("c-uring", "http_uring_c", isPeer: true),
        Contender("direct", "http_millrace", ["--backend", "io_uring"], isPeer: false),
        Contender("direct-epoll", "http_millrace", ["--backend", "epoll"], isPeer: false),
        Contender("direct-two-loops", "http_millrace", ["--loops", "2"], isPeer: false),
        Contender("task", "http_millrace", ["--task"], isPeer: false),
        Contender("task-epoll", "http_millrace", ["--task", "--backend", "epoll"], isPeer: false),
    ]

    private func outcome(
        _ contender: Contender, _ change: (inout ServerLoad) -> Void
    ) throws -> ServerTrial.Outcome {
        var load = ServerLoad()
        load.kind = .http
        load.connections = 16
        change(&load)
        return try ServerTrial(contender, load, on: Processors.chosen()).run()
    }

    @Test(arguments: servers.indices, [1, 7, 128])
    func answersExactly(index: Int, pipeline: Int) throws {
        // A server would be measured that loses, doubles or mixes answers.
        let done = try outcome(Self.servers[index]) {
            $0.pipeline = pipeline
            $0.extent = .requests(3_001)
        }
        #expect(done.requests == 3_001)
    }

    @Test func aWrongBodyIsCaught() throws {
        // A server that answers something else would be given a figure.
        let liar = Contender("liar", "http_uring_c", ["--corrupt", "400"], isPeer: true)
        #expect(throws: BenchError.self) { try outcome(liar) { $0.extent = .requests(1_000) } }
    }

    @Test func childrenAreCounted() throws {
        // The processor time of a server that is several processes would be its starter's.
        let process = try ChildProcess(
            "/bin/sh", ["-c", "while :; do :; done & echo started; read line; kill $!"], cpu: nil)
        #expect(try process.readLine(withinSeconds: 10) == "started")
        var sum: UInt64 = 0
        let isCounted = try Clock.wait(withinSeconds: 20) { () throws(BenchError) in
            sum = try ProcessCPU.ofTree(process.id).nanoseconds
            return sum > 50_000_000
        }
        #expect(isCounted)
        #expect(try ProcessCPU.of(process.id).nanoseconds < sum / 2)
        try process.writeLine("end")
        try process.wait(withinSeconds: 10)
    }
}
