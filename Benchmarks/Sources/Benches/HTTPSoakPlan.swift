// SPDX-License-Identifier: MIT

internal import BenchSupport

/// Makes the scenarios in which an HTTP server has clients that do not behave. Each server is
/// compared with itself when it has none; latencies are of an open loop.
struct HTTPSoakPlan {
    let options: RunOptions
    let processors: Processors

    /// The server's limits: fewer connections than the flood has, and heads that are given up while
    /// it lasts.
    private var limits: [String] {
        ["--max-connections", options.isTiny ? "100" : "8000", "--header-timeout", "1500"]
    }

    /// Connections that come and go.
    func cycles() -> Scenario {
        let rudeness = SoakTrial.Rudeness("cycle", count: options.isTiny ? 400 : 100_000)
        return scenario("cycles", "\(rudeness.count) connections that come and go", rudeness)
    }

    /// Half heads, on more connections than the server takes.
    func halves() -> Scenario {
        var rudeness = SoakTrial.Rudeness("half", count: options.isTiny ? 120 : 9_000)
        rudeness.periodMilliseconds = options.isTiny ? 50 : 1000
        return scenario("halves", "a flood of \(rudeness.count) half heads", rudeness)
    }

    /// Slow writers.
    func writers() -> Scenario {
        let rudeness = SoakTrial.Rudeness("drip", count: options.isTiny ? 20 : 2_000)
        return scenario(
            "writers", "\(rudeness.count) writers of heads that never end, a byte at a time",
            rudeness)
    }

    /// Slow readers.
    func readers() -> Scenario {
        var rudeness = SoakTrial.Rudeness("sip", count: options.isTiny ? 10 : 500)
        // A task, a piece that waits, and what the send stream takes.
        rudeness.byteCountMax = 160 << 10
        return scenario(
            "readers", "\(rudeness.count) readers of a mebibyte who hardly read", rudeness)
    }

    // MARK: Parts

    private func scenario(
        _ name: String, _ title: String, _ rudeness: SoakTrial.Rudeness
    ) -> Scenario {
        let rate = EchoRate()
        var contenders = [HTTPContenders.direct, HTTPContenders.directEpoll].map {
            $0.renamed($0.name, adding: limits)
        }
        // nginx has no large page here.
        if options.withPeers, rudeness.manner != "sip" {
            contenders.insert(HTTPContenders.nginx, at: 0)
        }
        let entrants = contenders.flatMap { contender in
            let alone = Entrant(contender.name) { try measure(contender, rate, nil) }
            var beside = Entrant("\(contender.name) beside") {
                try measure(contender, rate, rudeness)
            }
            beside.baseline = alone.name
            return [alone, beside]
        }
        var scenario = Scenario(
            name: "http/soak-\(name)",
            title: "64 connections at a quarter of the load, beside \(title)", unit: "p99 µs",
            entrants: entrants)
        scenario.hasWarmUp = false
        scenario.comparesWithBaselinesOnly = true
        scenario.alternations = 5
        let withPeers = options.withPeers
        scenario.prepare = {
            try HTTPContenders(withPeers: withPeers).check()
            try rate.settle([contenders[contenders.count - 1]]) { try requestsPerSecond($0) }
        }
        return scenario
    }

    private func requestsPerSecond(_ contender: Contender) throws -> Double {
        var load = ServerLoad()
        load.kind = .http
        load.extent = .seconds(options.seconds(or: 1))
        let outcome = try ServerTrial(contender, load, on: processors).run()
        return outcome.metrics["requests_per_second"] ?? 0
    }

    private func measure(
        _ contender: Contender, _ rate: EchoRate, _ rudeness: SoakTrial.Rudeness?
    ) throws -> Measurement {
        var load = ServerLoad()
        load.kind = .http
        load.rate = max(1, rate.requestsPerSecond / 2)
        load.extent = .seconds(options.seconds(or: 5))
        var trial = SoakTrial(contender, load, beside: rudeness, on: processors)
        if options.isTiny { trial.settlingSeconds = 0.05 }
        let outcome = try trial.run()
        var metrics = [
            "requests_per_second": Double(load.rate ?? 0),
            "KiB at start": Double(outcome.fresh.anonymousBytes) / 1024,
            "KiB before": Double(outcome.before.anonymousBytes) / 1024,
            "KiB beside": Double(outcome.during.anonymousBytes) / 1024,
            "KiB after": Double(outcome.after.anonymousBytes) / 1024,
            "descriptors beside": Double(outcome.during.descriptorCount),
        ]
        if let rude = outcome.rude {
            for name in ["opened", "ended", "answers", "late", "shed"] {
                metrics[name] = Double(try rude.number(name))
            }
        }
        return Measurement(Double(try outcome.result.number("p99_ns")) / 1000, metrics: metrics)
    }
}
