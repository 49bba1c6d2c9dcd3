// SPDX-License-Identifier: MIT

package import BenchSupport

/// What an element through a channel costs.
package struct ChannelsBench: Bench {
    package let name = "channels"
    package let summary = "channels between threads that sleep: time for each element"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        [
            WorkScenario(
                name: "channels/rendezvous", title: "a sender and a receiver meet",
                unit: "ns/element", threads: 2, count: 20_000, tinyCount: 400,
                entrants: [
                    .peer("crossbeam", "primitives_crossbeam", "channel-rendezvous"),
                    .peer("go", "primitives_go", "channel-rendezvous", isReference: false),
                    .own("rendezvous"),
                ]),
            bounded("1s1r", "a sender and a receiver", threads: 2, size: 16),
            bounded("1s1r", "a sender and a receiver", threads: 2, size: 1024),
            bounded("2s2r", "two senders, two receivers", threads: 4, size: 1024),
        ].map { $0.scenario(options, on: processors) }
    }

    private func bounded(
        _ shape: String, _ title: String, threads: Int, size: Int
    ) -> WorkScenario {
        WorkScenario(
            name: "channels/\(shape)-\(size)", title: "\(title), room for \(size)",
            unit: "ns/element", threads: threads, count: 400_000, tinyCount: 2_000, size: size,
            entrants: [
                .peer("crossbeam", "primitives_crossbeam", "channel-bounded"),
                .peer("go", "primitives_go", "channel-bounded", isReference: false),
                .own("bounded"),
            ])
    }
}
