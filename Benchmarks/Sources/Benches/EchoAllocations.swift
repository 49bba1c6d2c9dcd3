// SPDX-License-Identifier: MIT

internal import BenchSupport

/// Counts what a contender allocates, with a library that is loaded before its own.
struct EchoAllocations {
    private let contender: Contender
    private let requests: Int
    private let processors: Processors

    init(_ contender: Contender, requests: Int, on processors: Processors) {
        self.contender = contender
        self.requests = requests
        self.processors = processors
    }

    /// Calls for each request in the steady state, and besides: calls and bytes for each connection
    /// that is open and has been used.
    func measure() throws -> Measurement {
        try Directory.withTemporaryFile { file in
            var load = EchoLoad()
            load.extent = .requests(requests)
            load.warmupCount = load.connections * 4
            var trial = EchoTrial(contender, load, on: processors)
            trial.surroundings.environment = try AllocationCounts.environment(file: file)
            var counts: [AllocationCounts] = []
            let outcome = try trial.run(
                beforeLoad: { counts.append(try AllocationCounts(file: file)) },
                atEdge: { counts.append(try AllocationCounts(file: file)) })
            let connections = Double(load.connections)
            let calls = Double(counts[2].calls - counts[1].calls)
            let opening = Double(counts[1].calls - counts[0].calls)
            let bytes = Double(counts[1].liveBytes) - Double(counts[0].liveBytes)
            return Measurement(
                calls / Double(outcome.requests),
                metrics: [
                    "calls/connection": opening / connections,
                    "bytes/connection": bytes / connections,
                    "live bytes": Double(counts[2].liveBytes),
                ])
        }
    }
}
