// SPDX-License-Identifier: MIT

package import BenchSupport

/// A server with one loop and with two, on two CPUs that it shares with its load: what a second
/// loop gains here is bounded by what the load leaves.
package struct LoopsBench: Bench {
    package let name = "loops"
    package let summary = "echo servers with one loop and two: capacity, nobody pinned"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        var pipelined = ServerLoad()
        pipelined.pipeline = 16
        return [
            scenario(
                "pingpong", "64 connections, 64 bytes, one request at a time", ServerLoad(),
                options, processors),
            scenario(
                "pipelined", "64 connections, 64 bytes, 16 requests under way", pipelined,
                options, processors),
        ]
    }

    private static let pairs = [
        (
            Contender("c-epoll", "echo_epoll_c", isPeer: true),
            Contender("c-epoll-2", "echo_epoll_c", ["--threads", "2"], isPeer: true)
        ),
        (EchoContenders.async, EchoContenders.async.renamed("async-2", adding: ["--loops", "2"])),
        (
            EchoContenders.asyncEpoll,
            EchoContenders.asyncEpoll.renamed("async-epoll-2", adding: ["--loops", "2"])
        ),
    ]

    private func scenario(
        _ name: String, _ title: String, _ load: ServerLoad, _ options: RunOptions,
        _ processors: Processors
    ) -> Scenario {
        let entrants = Self.pairs.flatMap { one, two in
            let single = entrant(one, load, options, processors)
            var double = entrant(two, load, options, processors)
            double.baseline = one.name
            return [single, double]
        }
        var scenario = Scenario(
            name: "loops/\(name)",
            title: title + "; the load's one thread takes its share of the same two CPUs",
            unit: "wall ns/request", entrants: entrants)
        scenario.hasWarmUp = !options.isTiny
        scenario.comparesWithBaselinesOnly = true
        return scenario
    }

    private func entrant(
        _ contender: Contender, _ load: ServerLoad, _ options: RunOptions, _ processors: Processors
    ) -> Entrant {
        var entrant = Entrant(contender.name) {
            var load = load
            load.extent = .seconds(options.seconds(or: 2))
            var trial = ServerTrial(contender, load, on: processors)
            trial.surroundings.cpu = nil
            trial.loadCPU = nil
            let outcome = try trial.run()
            let elapsed = Double(max(1, outcome.nanoseconds))
            var metrics = outcome.metrics
            metrics["CPU ns/request"] = outcome.cpuNanosecondsPerRequest
            metrics["load's CPU share %"] =
                Double(try outcome.result.number("cpu_ns")) / elapsed * 100
            return Measurement(elapsed / Double(max(1, outcome.requests)), metrics: metrics)
        }
        entrant.isPeer = contender.isPeer
        return entrant
    }
}
