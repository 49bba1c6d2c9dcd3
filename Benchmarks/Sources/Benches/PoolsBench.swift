// SPDX-License-Identifier: MIT

package import BenchSupport

/// What it costs to get an object from a pool and to put it back, next to malloc and free.
package struct PoolsBench: Bench {
    package let name = "pools"
    package let summary = "pools: time to get and put, next to malloc and free"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        [
            WorkScenario(
                name: "pools/get-put", title: "one thread, one object at a time",
                unit: "CPU ns/get and put",
                entrants: kinds("")
                    + [go, .own("pool, local", "pool-local"), .own("lease"), .own("buffer")]),
            WorkScenario(
                name: "pools/deep", title: "one thread, 64 objects at a time",
                unit: "CPU ns/get and put",
                entrants: kinds("-deep") + [.own("pool, local", "pool-local-deep")]),
            WorkScenario(
                name: "pools/threads2", title: "two threads, each one object at a time",
                unit: "ns/get and put", threads: 2,
                entrants: kinds("") + [go, .own("pool, local", "pool-local")]),
            WorkScenario(
                name: "pools/across",
                title: "one thread gets, another puts back what a queue brings it",
                unit: "ns/object", threads: 2, count: 1_000_000,
                entrants: kinds("-across")
                    + [.own("queue alone", "nothing-across")]),
        ].map { $0.scenario(options, on: processors) }
    }

    /// Which frees what the collector finds there twice.
    private var go: WorkEntrant {
        .peer("go, sync.Pool", "primitives_go", "pool", isReference: false)
    }

    private func kinds(_ way: String) -> [WorkEntrant] {
        [
            .reference("malloc", "primitives_millrace", "malloc\(way)"),
            .own("pool", "pool\(way)"),
            .own("pool, no magazine", "pool-bare\(way)"),
        ]
    }
}
