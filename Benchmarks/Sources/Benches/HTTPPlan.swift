// SPDX-License-Identifier: MIT

internal import BenchSupport

/// Makes the scenarios of the HTTP bench.
struct HTTPPlan {
    let options: RunOptions
    let processors: Processors
    let contenders: HTTPContenders

    init(options: RunOptions, processors: Processors) {
        self.options = options
        self.processors = processors
        contenders = HTTPContenders(withPeers: options.withPeers)
    }

    // MARK: CPU time

    func throughput(_ name: String, _ title: String, pipeline: Int) -> Scenario {
        var load = load
        load.pipeline = pipeline
        load.extent = .seconds(options.seconds(or: 1))
        let entrants = contenders.all.map { contender in
            entrant(contender) {
                let outcome = try ServerTrial(contender, load, on: processors).run()
                return Measurement(outcome.cpuNanosecondsPerRequest, metrics: outcome.metrics)
            }
        }
        return scenario(name, title, unit: "CPU ns/request", entrants)
    }

    /// One loop against two, like the bench `loops`.
    func loops() -> Scenario {
        var load = load
        load.extent = .seconds(options.seconds(or: 2))
        var pairs = [HTTPContenders.direct, HTTPContenders.directEpoll].map {
            ($0, $0.renamed("\($0.name)-2", adding: ["--loops", "2"]))
        }
        if contenders.withPeers {
            let nginx = HTTPContenders.nginx
            pairs.insert((nginx, nginx.renamed("nginx-2", adding: ["--workers", "2"])), at: 0)
        }
        let entrants = pairs.flatMap { one, two in
            var double = entrant(two) { try unpinned(two, load) }
            double.baseline = one.name
            return [entrant(one) { try unpinned(one, load) }, double]
        }
        var scenario = scenario(
            "loops", "one loop and two, nobody pinned; the load shares the CPUs",
            unit: "wall ns/request", entrants)
        scenario.comparesWithBaselinesOnly = true
        return scenario
    }

    private func unpinned(_ contender: Contender, _ load: ServerLoad) throws -> Measurement {
        var trial = ServerTrial(contender, load, on: processors)
        trial.surroundings.cpu = nil
        trial.loadCPU = nil
        let outcome = try trial.run()
        let elapsed = Double(max(1, outcome.nanoseconds))
        var metrics = outcome.metrics
        metrics["CPU ns/request"] = outcome.cpuNanosecondsPerRequest
        return Measurement(elapsed / Double(max(1, outcome.requests)), metrics: metrics)
    }

    // MARK: Memory

    /// What malloc has handed out for connections that wait.
    func connections() -> Scenario {
        let count = idleCount
        let entrants = contenders.counted.map { contender in
            entrant(contender) {
                let outcome = try idle(contender, count, countsAllocations: true)
                return Measurement(
                    outcome.liveBytes,
                    metrics: [
                        "malloc returned %": outcome.liveShareReturned * 100,
                        "RssAnon bytes": outcome.anonymousBytes,
                        "descriptors left": Double(outcome.descriptorsLeft),
                        "ms to close": outcome.closingSeconds * 1000,
                    ])
            }
        }
        return exact(
            "connections", "\(count) idle connections: bytes that malloc has handed out",
            unit: "bytes/connection", entrants)
    }

    /// What is in RAM for them, of all servers.
    func resident() -> Scenario {
        let count = idleCount
        let entrants = contenders.all.map { contender in
            entrant(contender) {
                let outcome = try idle(contender, count, countsAllocations: false)
                return Measurement(
                    outcome.anonymousBytes,
                    metrics: [
                        "RSS bytes": outcome.residentBytes,
                        "RssAnon returned %": outcome.anonymousShareReturned * 100,
                    ])
            }
        }
        return exact(
            "resident", "\(count) idle connections: memory in RAM, the kernel's not counted",
            unit: "RssAnon bytes/connection", entrants)
    }

    private var idleCount: Int { options.isTiny ? 200 : 9_000 }

    private func idle(
        _ contender: Contender, _ count: Int, countsAllocations: Bool
    ) throws -> IdleTrial.Outcome {
        var trial = IdleTrial(contender, connections: count, on: processors)
        trial.kind = .http
        trial.countsAllocations = countsAllocations
        if options.isTiny { trial.settlingSeconds = 0.05 }
        return try trial.run()
    }

    // MARK: Counts

    func allocations() -> Scenario {
        let count = options.isTiny ? 500 : 20_000
        let entrants = contenders.counted.map { contender in
            entrant(contender) {
                try AllocationTrial(contender, .http, requests: count, on: processors).measure()
            }
        }
        return exact(
            "allocations", "allocations of \(count) requests on 64 connections",
            unit: "calls/request", entrants)
    }

    /// Instructions in user mode, by callgrind. Valgrind 3.19 has no epoll_pwait2(2).
    func instructions() -> Scenario {
        let counts = options.isTiny ? (256, 512) : (2_000, 12_000)
        let counted = [HTTPContenders.uring, HTTPContenders.direct, HTTPContenders.task]
        let entrants = counted.map { contender in
            entrant(contender) {
                let value = try Callgrind.perUnit(counts: counts) { wrapper, count in
                    var load = load
                    load.extent = .requests(count)
                    var trial = ServerTrial(contender, load, on: processors)
                    trial.surroundings.wrapper = wrapper
                    trial.surroundings.patienceSeconds = 15
                    trial.surroundings.attemptsMax = 6
                    _ = try trial.run()
                }
                return Measurement(value)
            }
        }
        var scenario = exact(
            "instructions", "instructions in user mode, 64 connections",
            unit: "instructions/request", entrants)
        scenario.comparesWithBaselinesOnly = false
        return scenario
    }

    // MARK: Parts

    private var load: ServerLoad {
        var load = ServerLoad()
        load.kind = .http
        return load
    }

    private func entrant(
        _ contender: Contender, _ run: @escaping () throws -> Measurement
    ) -> Entrant {
        var entrant = Entrant(contender.name, run: run)
        // The one reference: others of the peers have their ratio to it too.
        entrant.isPeer = contender.name == contenders.reference.name
        return entrant
    }

    private func scenario(
        _ name: String, _ title: String, unit: String, _ entrants: [Entrant]
    ) -> Scenario {
        var scenario = Scenario(
            name: "http/\(name)", title: title, unit: unit, entrants: entrants)
        scenario.hasWarmUp = !options.isTiny
        let contenders = contenders
        scenario.prepare = { try contenders.check() }
        return scenario
    }

    private func exact(
        _ name: String, _ title: String, unit: String, _ entrants: [Entrant]
    ) -> Scenario {
        var scenario = scenario(name, title, unit: unit, entrants)
        scenario.isExact = true
        scenario.hasWarmUp = false
        scenario.comparesWithBaselinesOnly = true
        return scenario
    }
}
