// SPDX-License-Identifier: MIT

/// One contender under one load, from its start to its end.
package struct ServerTrial {
    /// What both sides said, after they were found to agree.
    package struct Outcome: Sendable {
        package let result: KeyValues
        /// What the load beside it said.
        package let besideResult: KeyValues?
        /// What the server says about itself at its end, if it does.
        package let statistics: KeyValues?
        package let cpu: ProcessCPU
        package let requests: UInt64
        package let nanoseconds: UInt64

        /// The contender's CPU time for each request.
        package var cpuNanosecondsPerRequest: Double {
            Double(cpu.nanoseconds) / Double(max(1, requests))
        }

        /// The figures that go with it into the report.
        package var metrics: [String: Double] {
            var metrics = [
                "requests": Double(requests),
                "requests_per_second": Double(requests) * 1e9 / Double(max(1, nanoseconds)),
                "cpu_share": Double(cpu.nanoseconds) / Double(max(1, nanoseconds)),
            ]
            metrics["user_share"] = cpu.userShare
            metrics["user ns/request"] = cpu.userShare.map { $0 * cpuNanosecondsPerRequest }
            for name in ["p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"] {
                metrics[name] = result[name].map { Double($0) }
            }
            return metrics
        }
    }

    package let contender: Contender
    package let load: ServerLoad
    package let processors: Processors
    package var surroundings: RunningContender.Surroundings
    /// A second load on the same server, a process of its own: it goes first and should go on for
    /// longer.
    package var beside: ServerLoad?
    /// The CPU of the loads; nil lets them run anywhere.
    package var loadCPU: Int?

    package init(_ contender: Contender, _ load: ServerLoad, on processors: Processors) {
        self.contender = contender
        self.load = load
        self.processors = processors
        surroundings = RunningContender.Surroundings(cpu: processors.contender)
        loadCPU = processors.load
    }

    /// Runs it. `atEdge` is called when the measured part begins and when it has ended, with all
    /// connections open both times; `beforeLoad` when the contender has no connection yet.
    package func run(
        beforeLoad: () throws -> Void = {}, atEdge: () throws -> Void = {}
    ) throws -> Outcome {
        let server = try RunningContender(contender, surroundings)
        try beforeLoad()
        let other = try beside.map { try start($0, on: server) }
        let client = try start(load, on: server)
        try atEdge()
        let before = try server.cpu()
        try other?.writeLine("go")
        try client.writeLine("go")
        let result = try result(of: client, load)
        let cpu = try server.cpu().since(before)
        try atEdge()
        var besideResult: KeyValues?
        if let other, let beside { besideResult = try self.result(of: other, beside) }
        for process in [client, other] {
            try process?.writeLine("close")
            if let process, try process.wait(withinSeconds: 30) != 0 {
                throw try failure(of: process)
            }
        }
        let results = [result] + (besideResult.map { [$0] } ?? [])
        try check(results, against: try server.stop())
        return Outcome(
            result: result, besideResult: besideResult, statistics: server.statistics, cpu: cpu,
            requests: try result.number("requests"),
            nanoseconds: try result.number("nanoseconds"))
    }

    /// Starts a load and waits until its connections are open and used.
    private func start(_ load: ServerLoad, on server: RunningContender) throws -> ChildProcess {
        let client = try ChildProcess(
            try Directory.program(load.kind.program), load.arguments(port: server.port),
            cpu: loadCPU, name: "the load on \(contender.name)")
        guard try client.readLine(withinSeconds: 60) == "ready" else {
            throw try failure(of: client)
        }
        return client
    }

    private func result(of client: ChildProcess, _ load: ServerLoad) throws -> KeyValues {
        guard let line = try client.readLine(withinSeconds: load.patienceSeconds),
            let result = KeyValues(line, word: "result")
        else { throw try failure(of: client) }
        return result
    }

    /// Both sides must have seen the same work.
    private func check(_ results: [KeyValues], against totals: KeyValues) throws(BenchError) {
        var echoed: UInt64 = 0
        var stopped: UInt64 = 0
        for result in results {
            echoed += try result.number(load.kind.asked)
            stopped += result["stopped_bytes"] ?? 0
        }
        let served = try totals.number(load.kind.served)
        guard served >= echoed && served <= echoed + stopped else {
            throw BenchError(
                "\(contender.name): the load had \(echoed) \(load.kind.served) answered,"
                    + " the server says \(served)")
        }
        var opened = load.connections + (beside?.connections ?? 0)
        if load.kind.countsConnections { opened = Int(try results[0].number("connections")) }
        let connections = try totals.number("connections")
        guard connections == UInt64(opened) else {
            throw BenchError(
                "\(contender.name): \(opened) connections were opened,"
                    + " the server says \(connections)")
        }
        if case .requests(let count) = load.extent {
            let done = try results[0].number("requests")
            guard done == UInt64(count) || load.isIdle else {
                throw BenchError("\(contender.name): \(count) requests were due, \(done) done")
            }
        }
    }

    private func failure(of client: ChildProcess) throws(BenchError) -> BenchError {
        let status = try client.wait(withinSeconds: 15)
        return BenchError(
            "the load on \(contender.name) failed with status \(status): see the line above")
    }
}
