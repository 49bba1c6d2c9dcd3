// SPDX-License-Identifier: MIT

package import BenchSupport

/// HTTP servers that answer `GET /hello` with thirteen bytes.
package struct HTTPBench: Bench {
    package let name = "http"
    package let summary =
        "HTTP servers: CPU per request, pipelining, idle connections, allocations, bad clients"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let plan = HTTPPlan(options: options, processors: processors)
        var scenarios = [
            plan.throughput("hello", "64 connections, one request at a time", pipeline: 1),
            plan.throughput("pipelined", "64 connections, 16 requests under way", pipeline: 16),
            plan.connections(), plan.resident(), plan.allocations(), plan.loops(),
        ]
        let soak = HTTPSoakPlan(options: options, processors: processors)
        scenarios += [soak.cycles(), soak.halves(), soak.writers(), soak.readers()]
        if options.countsInstructions { scenarios.append(plan.instructions()) }
        return scenarios
    }
}
