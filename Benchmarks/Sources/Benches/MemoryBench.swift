// SPDX-License-Identifier: MIT

package import BenchSupport

/// Echo servers with many connections that wait: what each holds, and what is given back.
package struct MemoryBench: Bench {
    package let name = "memory"
    package let summary = "echo servers: memory of connections that wait, and after them"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let count = options.isTiny ? 200 : 9_000
        return [
            scenario(
                "live", "\(count) idle connections: bytes that malloc has handed out",
                unit: "bytes/connection", count, options, processors
            ) { $0.liveBytes },
            scenario(
                "resident", "\(count) idle connections: memory in RAM, the kernel's not counted",
                unit: "RssAnon bytes/connection", count, options, processors
            ) { $0.anonymousBytes },
        ]
    }

    private func scenario(
        _ name: String, _ title: String, unit: String, _ count: Int, _ options: RunOptions,
        _ processors: Processors, value: @escaping (IdleTrial.Outcome) -> Double
    ) -> Scenario {
        let peers = [EchoContenders.uring, EchoContenders.uringIncremental, EchoContenders.epoll]
        let entrants = (peers + EchoContenders.ours).map { contender in
            var entrant = Entrant(contender.name) {
                var trial = IdleTrial(contender, connections: count, on: processors)
                if options.isTiny { trial.settlingSeconds = 0.05 }
                let outcome = try trial.run()
                return Measurement(
                    value(outcome),
                    metrics: [
                        "malloc bytes": outcome.liveBytes,
                        "RSS bytes": outcome.residentBytes,
                        "malloc returned %": outcome.liveShareReturned * 100,
                        "RssAnon returned %": outcome.anonymousShareReturned * 100,
                        "descriptors left": Double(outcome.descriptorsLeft),
                        "ms to close": outcome.closingSeconds * 1000,
                    ])
            }
            entrant.isPeer = contender.isPeer
            return entrant
        }
        var scenario = Scenario(
            name: "memory/\(name)", title: title, unit: unit, entrants: entrants)
        scenario.isExact = true
        // Next to nothing would be a reference.
        scenario.comparesWithBaselinesOnly = true
        scenario.hasWarmUp = false
        return scenario
    }
}
