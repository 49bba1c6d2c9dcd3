// SPDX-License-Identifier: MIT

internal import BenchSupport

/// Makes the scenarios of the fairness bench. Latencies are of an open loop; each server is
/// compared with itself when nobody disturbs it.
struct FairnessPlan {
    let options: RunOptions
    let processors: Processors

    private static let peers = [EchoContenders.uring, EchoContenders.epoll]
    private static let contenders =
        peers + [
            EchoContenders.callback, EchoContenders.callbackEpoll, EchoContenders.async,
            EchoContenders.asyncEpoll,
        ]

    /// 64 connections beside so many that send and never read.
    func stoppedReaders() -> Scenario {
        let rate = EchoRate()
        let counts = options.isTiny ? [0, 8] : [0, 1, 8, 64]
        let entrants = Self.contenders.flatMap { contender in
            counts.map { stopped in
                var entrant = Entrant(Self.name(contender, stopped)) {
                    var load = ServerLoad()
                    load.connections = 64 + stopped
                    load.stoppedCount = stopped
                    load.rate = rate.requestsPerSecond
                    load.extent = .seconds(options.seconds(or: 1))
                    return try measure(ServerTrial(contender, load, on: processors))
                }
                entrant.isPeer = contender.isPeer
                if stopped > 0 { entrant.baseline = Self.name(contender, 0) }
                return entrant
            }
        }
        return scenario(
            "stopped", "64 connections, 64 bytes, at half load, beside readers who have stopped",
            rate, entrants)
    }

    private static func name(_ contender: Contender, _ stopped: Int) -> String {
        "\(contender.name), \(stopped) stopped"
    }

    /// 63 connections beside one that has 64 messages of 64 KiB under way, from a process of its
    /// own on the load's CPU.
    func blaster() -> Scenario {
        let rate = EchoRate()
        let entrants = Self.contenders.flatMap { contender in
            var alone = Entrant(contender.name) {
                try measure(ServerTrial(contender, quietLoad(rate), on: processors))
            }
            var disturbed = Entrant("\(contender.name), flooded") {
                var blaster = ServerLoad()
                blaster.connections = 1
                blaster.byteCount = 65_536
                blaster.pipeline = options.isTiny ? 8 : 64
                blaster.extent = .seconds(options.seconds(or: 1) + (options.isTiny ? 0.05 : 0.5))
                var trial = ServerTrial(contender, quietLoad(rate), on: processors)
                trial.beside = blaster
                return try measure(trial)
            }
            alone.isPeer = contender.isPeer
            disturbed.isPeer = contender.isPeer
            disturbed.baseline = alone.name
            return [alone, disturbed]
        }
        return scenario(
            "blaster",
            "63 connections, 64 bytes, at an eighth of the load, beside a flood of 64 KiB messages"
                + " from the same CPU", rate, entrants)
    }

    private func quietLoad(_ rate: EchoRate) -> ServerLoad {
        var load = ServerLoad()
        load.connections = 63
        load.rate = max(1, rate.requestsPerSecond / 4)
        load.extent = .seconds(options.seconds(or: 1))
        return load
    }

    private func measure(_ trial: ServerTrial) throws -> Measurement {
        let outcome = try trial.run()
        try checkCredit(outcome, of: trial.contender)
        var metrics = outcome.metrics
        metrics["p99_ns"] = nil
        if let statistics = outcome.statistics {
            metrics["shortages"] = try Double(statistics.number("buffer_shortages"))
            metrics["spilled KiB"] = try Double(statistics.number("spilled_bytes")) / 1024
            metrics["held KiB"] = statistics["held_bytes_max"].map { Double($0) / 1024 }
        }
        if let flood = outcome.besideResult {
            let bytes = Double(try flood.number("bytes"))
            let seconds = Double(try flood.number("nanoseconds")) / 1e9
            metrics["flood MiB/s"] = bytes / seconds / 1_048_576
        }
        return Measurement(Double(try outcome.result.number("p99_ns")) / 1000, metrics: metrics)
    }

    /// No connection may hold more than its credit, which the server states.
    private func checkCredit(
        _ outcome: ServerTrial.Outcome, of contender: Contender
    ) throws(BenchError) {
        guard let statistics = outcome.statistics, let held = statistics["held_bytes_max"] else {
            return
        }
        let limit = try statistics.number("held_bytes_limit")
        guard held <= limit else {
            throw BenchError("\(contender.name): a connection held \(held) bytes of \(limit)")
        }
    }

    private func scenario(
        _ name: String, _ title: String, _ rate: EchoRate, _ entrants: [Entrant]
    ) -> Scenario {
        var scenario = Scenario(
            name: "fairness/\(name)", title: title, unit: "p99 µs", entrants: entrants)
        scenario.hasWarmUp = false
        scenario.comparesWithBaselinesOnly = true
        scenario.alternations = 7
        scenario.prepare = {
            try rate.settle(options.isTiny ? [Self.peers[1]] : Self.peers) { contender in
                var load = ServerLoad()
                load.extent = .seconds(options.seconds(or: 1))
                let outcome = try ServerTrial(contender, load, on: processors).run()
                return outcome.metrics["requests_per_second"] ?? 0
            }
        }
        return scenario
    }
}
