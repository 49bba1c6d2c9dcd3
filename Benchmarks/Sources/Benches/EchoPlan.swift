// SPDX-License-Identifier: MIT

internal import BenchSupport

/// Makes the scenarios of the echo bench.
struct EchoPlan {
    let contenders: [Contender]
    let options: RunOptions
    let processors: Processors

    /// A load with some of its defaults changed.
    func load(_ change: (inout ServerLoad) -> Void) -> ServerLoad {
        var load = ServerLoad()
        change(&load)
        return load
    }

    /// One trial: the contender's CPU time for each request.
    private func trial(_ contender: Contender, _ load: ServerLoad) throws -> Measurement {
        var load = load
        load.extent = .seconds(options.seconds(or: 1))
        let outcome = try ServerTrial(contender, load, on: processors).run()
        return Measurement(outcome.cpuNanosecondsPerRequest, metrics: outcome.metrics)
    }

    private func entrant(_ contender: Contender, _ load: ServerLoad) -> Entrant {
        var entrant = Entrant(contender.name) { try trial(contender, load) }
        entrant.isPeer = contender.isPeer
        return entrant
    }

    private func scenario(
        _ name: String, _ title: String, unit: String, _ entrants: [Entrant]
    ) -> Scenario {
        var scenario = Scenario(
            name: "echo/\(name)", title: title, unit: unit, entrants: entrants)
        scenario.hasWarmUp = !options.isTiny
        return scenario
    }

    func throughput(
        _ name: String, _ title: String, _ load: ServerLoad, more: [Contender] = []
    ) -> Scenario {
        scenario(
            name, title, unit: "CPU ns/request",
            (more + contenders).map { entrant($0, load) })
    }

    /// Many connections, each contender against its own cost with few.
    func manyConnections() -> Scenario {
        let count = options.isTiny ? 200 : 5_000
        let few = ServerLoad()
        let many = load { $0.connections = count }
        let chosen = contenders.filter { !["c-uring-bundle", "c-uring-direct"].contains($0.name) }
        let entrants = chosen.flatMap { contender in
            let name = contender.name
            var base = Entrant("\(name) at 64") { try trial(contender, few) }
            base.isPeer = contender.isPeer
            var crowded = Entrant("\(name) at \(count)") { try trial(contender, many) }
            crowded.baseline = base.name
            crowded.isPeer = contender.isPeer
            return [base, crowded]
        }
        var scenario = scenario(
            "connections", "\(count) connections, 64 bytes, against the same server's 64",
            unit: "CPU ns/request", entrants)
        scenario.alternations = 9
        scenario.comparesWithBaselinesOnly = true
        return scenario
    }

    /// Latency at half of what the best peer reaches, requests sent when they are due.
    func latency() -> Scenario {
        let rate = EchoRate()
        let entrants = contenders.map { contender in
            var entrant = Entrant(contender.name) {
                let load = load {
                    $0.rate = rate.requestsPerSecond
                    $0.extent = .seconds(options.seconds(or: 2))
                }
                let outcome = try ServerTrial(contender, load, on: processors).run()
                let latency = Double(try outcome.result.number("p99_ns"))
                var metrics = outcome.metrics
                metrics["p99_ns"] = nil
                metrics["CPU ns/request"] = outcome.cpuNanosecondsPerRequest
                return Measurement(latency / 1000, metrics: metrics)
            }
            entrant.isPeer = contender.isPeer
            return entrant
        }
        var scenario = scenario(
            "latency", "64 connections, 64 bytes, an open loop at half load", unit: "p99 µs",
            entrants)
        let peers = contenders.filter(\.isPeer)
        let candidates = peers.isEmpty ? contenders : peers
        scenario.prepare = {
            try rate.settle(options.isTiny ? [candidates[0]] : candidates) { contender in
                try trial(contender, ServerLoad()).metrics["requests_per_second"] ?? 0
            }
        }
        return scenario
    }

    /// What is allocated for requests and for connections: exact, so once is enough.
    func allocations() -> Scenario {
        let count = options.isTiny ? 500 : 20_000
        let entrants = contenders.map { contender in
            var entrant = Entrant(contender.name) {
                try AllocationTrial(contender, .echo, requests: count, on: processors).measure()
            }
            entrant.isPeer = contender.isPeer
            return entrant
        }
        var scenario = scenario(
            "allocations", "allocations of \(count) requests on 64 connections",
            unit: "calls/request", entrants)
        scenario.isExact = true
        scenario.hasWarmUp = false
        scenario.comparesWithBaselinesOnly = true
        return scenario
    }

    /// Instructions in user mode, by callgrind.
    func instructions() -> Scenario {
        let counts = options.isTiny ? (256, 512) : (2_000, 12_000)
        // Valgrind 3.19 has no epoll_pwait2(2), on which ours wait for epoll.
        let counted = contenders.filter { $0.isPeer || !$0.arguments.contains("epoll") }
        let entrants = counted.map { contender in
            var entrant = Entrant(contender.name) {
                let value = try Callgrind.perUnit(counts: counts) { wrapper, count in
                    let load = load { $0.extent = .requests(count) }
                    var trial = ServerTrial(contender, load, on: processors)
                    trial.surroundings.wrapper = wrapper
                    trial.surroundings.patienceSeconds = 60
                    _ = try trial.run()
                }
                return Measurement(value)
            }
            entrant.isPeer = contender.isPeer
            return entrant
        }
        var scenario = scenario(
            "instructions", "instructions in user mode, 64 connections, 64 bytes",
            unit: "instructions/request", entrants)
        scenario.isExact = true
        scenario.hasWarmUp = false
        return scenario
    }
}
