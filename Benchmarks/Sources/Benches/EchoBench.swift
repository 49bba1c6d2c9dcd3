// SPDX-License-Identifier: MIT

package import BenchSupport

/// Echo servers under load: what a request costs the server's processor.
package struct EchoBench: Bench {
    package let name = "echo"
    package let summary = "echo servers: CPU per request, many connections, latency, allocations"
    private let contenders: [Contender]
    /// Peers that only large messages make sense for.
    private let large: [Contender]

    package init() {
        contenders = EchoContenders.all
        large = EchoContenders.large
    }

    /// The same scenarios with other contenders.
    package init(contenders: [Contender]) {
        self.contenders = contenders
        large = []
    }

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let plan = EchoPlan(contenders: contenders, options: options, processors: processors)
        var scenarios = [
            plan.throughput(
                "pingpong", "64 connections, 64 bytes, one request at a time", ServerLoad()),
            plan.throughput(
                "pipelined", "64 connections, 64 bytes, 16 requests under way",
                plan.load { $0.pipeline = 16 }),
            plan.throughput(
                "large", "64 connections, 64 KiB, one request at a time",
                plan.load { $0.byteCount = 65_536 }, more: large),
            plan.manyConnections(),
            plan.latency(),
            plan.allocations(),
        ]
        if options.countsInstructions { scenarios.append(plan.instructions()) }
        return scenarios
    }
}
