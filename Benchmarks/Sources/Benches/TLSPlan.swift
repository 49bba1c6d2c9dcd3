// SPDX-License-Identifier: MIT

internal import BenchSupport

/// Makes the scenarios of the TLS bench.
struct TLSPlan {
    let options: RunOptions
    let processors: Processors
    private let files = TLSFiles()

    private static let bulkByteCount = 1 << 20

    init(options: RunOptions, processors: Processors) {
        self.options = options
        self.processors = processors
    }

    // MARK: Scenarios

    /// A load of requests for /hello.
    func load(_ handshakes: String = "once") -> ServerLoad {
        var load = ServerLoad()
        load.kind = .tls(["--handshakes", handshakes])
        load.connections = handshakes == "once" ? 64 : 8
        load.extent = .seconds(options.seconds(or: 1))
        return load
    }

    func throughput(_ name: String, _ title: String, _ load: ServerLoad) -> Scenario {
        scenario(name, title, unit: "CPU ns/request") { contender in
            let outcome = try ServerTrial(contender, load, on: processors).run()
            return Measurement(outcome.cpuNanosecondsPerRequest, metrics: outcome.metrics)
        }
    }

    /// A mebibyte from a file, again and again.
    func bulk() -> Scenario {
        var load = load()
        load.kind = .tls(["--path", "/files/bulk", "--body", "\(Self.bulkByteCount)"])
        load.connections = 8
        return scenario("bulk", "a mebibyte from a file", unit: "CPU ns/KiB") { contender in
            let outcome = try ServerTrial(contender, load, on: processors).run()
            let perKibibyte = outcome.cpuNanosecondsPerRequest / Double(Self.bulkByteCount >> 10)
            return Measurement(perKibibyte, metrics: outcome.metrics)
        }
    }

    /// What is in RAM for connections that wait.
    func connections() -> Scenario {
        let count = options.isTiny ? 100 : 5_000
        var scenario = scenario(
            "connections", "\(count) idle connections: memory in RAM, the kernel's not counted",
            unit: "RssAnon bytes/connection"
        ) { contender in
            var trial = IdleTrial(contender, connections: count, on: processors)
            trial.kind = .tls([])
            trial.countsAllocations = false
            if options.isTiny { trial.settlingSeconds = 0.05 }
            let outcome = try trial.run()
            return Measurement(
                outcome.anonymousBytes,
                metrics: ["RssAnon returned %": outcome.anonymousShareReturned * 100])
        }
        scenario.isExact = true
        scenario.hasWarmUp = false
        return scenario
    }

    // MARK: Parts

    private var contenders: [Contender] {
        let arguments = ["--cert", files.chain, "--key", files.key, "--root", files.folder]
        var all = [HTTPContenders.direct, HTTPContenders.directEpoll, HTTPContenders.task]
        if options.withPeers { all.insert(HTTPContenders.nginx, at: 0) }
        return all.map { $0.adding(arguments) }
    }

    private func scenario(
        _ name: String, _ title: String, unit: String,
        _ run: @escaping (Contender) throws -> Measurement
    ) -> Scenario {
        let entrants = contenders.map { contender in
            var entrant = Entrant(contender.name) { try run(contender) }
            entrant.isPeer = contender.isPeer
            return entrant
        }
        var scenario = Scenario(name: "tls/\(name)", title: title, unit: unit, entrants: entrants)
        scenario.hasWarmUp = !options.isTiny
        let (files, withPeers) = (files, options.withPeers)
        scenario.prepare = {
            if withPeers { try Peers.check(["nginx"]) }
            try files.make(bulkByteCount: Self.bulkByteCount)
        }
        return scenario
    }
}
