// SPDX-License-Identifier: MIT

internal import BenchSupport

/// Counts what a contender allocates, with a library that is loaded before its own.
struct AllocationTrial {
    private let contender: Contender
    private let load: ServerLoad
    private let processors: Processors

    /// The load's requests are made after four on each of its connections.
    init(
        _ contender: Contender, _ kind: LoadKind, requests: Int, on processors: Processors
    ) {
        self.contender = contender
        self.processors = processors
        var load = ServerLoad()
        load.kind = kind
        load.extent = .requests(requests)
        load.warmupCount = load.connections * 4
        self.load = load
    }

    /// Calls for each request in the steady state, and besides: calls and bytes for each connection
    /// that is open and has been used.
    func measure() throws -> Measurement {
        try Directory.withTemporaryFile { file in
            var trial = ServerTrial(contender, load, on: processors)
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
