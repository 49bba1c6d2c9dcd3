// SPDX-License-Identifier: MIT

package import BenchSupport

/// What an element through a channel costs.
package struct ChannelsBench: Bench {
    package let name = "channels"
    package let summary = "channels between threads that sleep, and tasks: time for each element"

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
            tasks("single", "one element a call", own: ["bounded", "queue"]),
            tasks("batch", "as many as go at once, or batches of 64", own: ["bounded"]),
            WorkScenario(
                name: "channels/tasks-rendezvous", title: "two tasks on one loop meet",
                unit: "CPU ns/element", count: 100_000, tinyCount: 1_000,
                entrants: [
                    .peer("async-channel", "tasks_peers", "async-channel"),
                    goroutines("channel-rendezvous"),
                    WorkEntrant(
                        name: "rendezvous", program: "tasks_millrace", work: "rendezvous"),
                ]),
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

    /// Through a queue with room for 1,024, between two tasks on one loop. In a stream or a channel
    /// of others a batch is an array.
    private func tasks(_ way: String, _ title: String, own: [String]) -> WorkScenario {
        let suffix = way == "batch" ? "-batch" : ""
        let peers = ["mutex-deque", "nio-deque", "async-stream", "async-channel"].map {
            WorkEntrant.peer($0, "tasks_peers", $0 + suffix)
        }
        let millrace = own.map {
            WorkEntrant(name: $0, program: "tasks_millrace", work: $0 + suffix)
        }
        return WorkScenario(
            name: "channels/tasks-\(way)", title: "two tasks on one loop: \(title), room for 1024",
            unit: "CPU ns/element", count: 500_000,
            entrants: peers + (way == "single" ? [goroutines("channel-bounded")] : []) + millrace)
    }

    /// Two goroutines that take turns, because the process is given one CPU.
    private func goroutines(_ work: String) -> WorkEntrant {
        var entrant = WorkEntrant.peer("go", "primitives_go", work, isReference: false)
        entrant.threads = 2
        return entrant
    }
}
