// SPDX-License-Identifier: MIT

package import BenchSupport

/// What a thread's own work costs it, and what it costs to take it away.
package struct StealingBench: Bench {
    package let name = "stealing"
    package let summary = "work stealing: time for each element, by owner and thief, next to Rust"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        [
            ("owner", "the owner alone, 64 pushes and 64 pops in turns", 1),
            ("thief", "the owner pushes, a thief takes all", 2),
            ("both", "the owner pops half of what it pushes, a thief takes what it can", 2),
        ].map { (way, title, threads) in
            WorkScenario(
                name: "stealing/\(way)", title: title,
                unit: threads == 1 ? "CPU ns/element" : "ns/element", threads: threads,
                count: 2_000_000,
                entrants: [
                    .peer("crossbeam-lifo", "primitives_crossbeam", "lifo-\(way)"),
                    .peer("crossbeam-fifo", "primitives_crossbeam", "fifo-\(way)"),
                    .own("deque", "deque-\(way)", to: "crossbeam-lifo"),
                    .own("ring", "ring-\(way)", to: "crossbeam-fifo"),
                ]
            ).scenario(options, on: processors)
        }
    }
}
