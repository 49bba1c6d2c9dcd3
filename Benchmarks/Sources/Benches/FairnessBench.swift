// SPDX-License-Identifier: MIT

package import BenchSupport

/// What clients that behave badly cost those beside them: some that never read, and one that sends
/// without end.
package struct FairnessBench: Bench {
    package let name = "fairness"
    package let summary = "echo servers: latency beside readers who have stopped, beside a flood"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let plan = FairnessPlan(options: options, processors: processors)
        return [plan.stoppedReaders(), plan.blaster()]
    }
}
