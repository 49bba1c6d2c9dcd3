// SPDX-License-Identifier: MIT

package import BenchSupport

/// What it costs to tell others of something when nobody waits, and to hand one value over.
package struct WaitsBench: Bench {
    package let name = "waits"
    package let summary = "event count and oneshot: time of a signal without waiters, of one value"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        [
            WorkScenario(
                name: "waits/signal", title: "a signal for which nobody waits",
                unit: "CPU ns/signal",
                entrants: [
                    .reference("pthread_cond_signal", "primitives_c", "condition"),
                    .peer("go, sync.Cond", "primitives_go", "condition"),
                    .reference("eventfd", "primitives_c", "eventfd"),
                    .own("event count", "event-count"),
                    .own("event count, published", "event-count-published"),
                    .own("event count, prepare", "event-count-prepare"),
                    .own("notify"), .own("auto-reset"), .own("manual-reset"),
                ]),
            WorkScenario(
                name: "waits/oneshot", title: "a oneshot made, set, read and destroyed",
                unit: "CPU ns/value", count: 2_000_000,
                entrants: [
                    .peer("crossbeam, bounded", "primitives_crossbeam", "channel-once"),
                    .peer("go, channel of one", "primitives_go", "channel-once"),
                    .own("oneshot"), .own("oneshot in place", "oneshot-storage"),
                ]),
        ].map { $0.scenario(options, on: processors) }
    }
}
