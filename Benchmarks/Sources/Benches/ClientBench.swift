// SPDX-License-Identifier: MIT

package import BenchSupport

/// The pooled client against a sender in C that packs messages into blocks and waits for nothing.
package struct ClientBench: Bench {
    package let name = "client"
    package let summary = "the pooled client: CPU and allocations per message"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let plan = ClientPlan(options: options, processors: processors)
        return [
            plan.messages(
                "small", "messages of 8 bytes, no frame, to a sink", byteCount: 8,
                perSecond: 4_000_000, isUserTime: true),
            plan.messages(
                "kilobyte", "messages of 1 KiB, no frame, to a sink", byteCount: 1024,
                perSecond: 400_000, isUserTime: false),
            plan.allocations(),
        ]
    }
}
