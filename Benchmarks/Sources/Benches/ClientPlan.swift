// SPDX-License-Identifier: MIT

internal import BenchSupport

/// Makes the scenarios of the client bench.
struct ClientPlan {
    let options: RunOptions
    let processors: Processors

    /// A scenario; the counts are for about two seconds of the pooled client.
    func messages(
        _ name: String, _ title: String, byteCount: Int, perSecond: Int, isUserTime: Bool
    ) -> Scenario {
        let base = options.isTiny ? 20_000 : Int(Double(perSecond) * options.seconds(or: 2))
        let entrants = (ClientSender.peers + ClientSender.ours).map { sender in
            // Large messages cost the kernel's copy, which nobody is spared.
            let speed = byteCount < 64 ? sender.speed : min(4, sender.speed)
            let count = options.isTiny ? base : base * speed
            var entrant = Entrant(sender.contender.name) {
                let outcome = try trial(sender, count, byteCount).run()
                let messages = Double(try outcome.result.number("messages"))
                let user = Double(outcome.userNanoseconds) / messages
                let cpu = Double(outcome.cpuNanoseconds) / messages
                var metrics = outcome.metrics
                metrics["messages_per_second"] =
                    messages * 1e9 / Double(max(1, outcome.nanoseconds))
                metrics[isUserTime ? "CPU ns/message" : "user ns/message"] =
                    isUserTime ? cpu : user
                return Measurement(isUserTime ? user : cpu, metrics: metrics)
            }
            entrant.isPeer = sender.contender.isPeer
            return entrant
        }
        let unit = isUserTime ? "user CPU ns/message" : "CPU ns/message"
        var scenario = Scenario(
            name: "client/\(name)", title: title, unit: unit, entrants: entrants)
        scenario.hasWarmUp = false
        scenario.alternations = 9
        return scenario
    }

    private func trial(_ sender: ClientSender, _ count: Int, _ byteCount: Int) -> SinkTrial {
        let arguments = ["--messages", "\(count)", "--bytes", "\(byteCount)"]
        return SinkTrial(
            sender.contender.adding(arguments), byteCount: UInt64(count * byteCount),
            on: processors)
    }

    /// What the client allocates once it is warm: exact, so once is enough. Each of its 8,192
    /// slots gets memory for a large message when it first holds one, at whatever depth of the
    /// queue that is; so there must be many more messages than slots.
    func allocations() -> Scenario {
        let warmup = options.isTiny ? 20_000 : 500_000
        let count = options.isTiny ? 500_000 : 1_000_000
        let sizes = [8, 1024]
        let entrants = ClientSender.ours.flatMap { sender in
            sizes.map { byteCount in
                Entrant("\(sender.contender.name), \(byteCount) bytes") {
                    try allocations(sender, warmup, count, byteCount)
                }
            }
        }
        var scenario = Scenario(
            name: "client/allocations", title: "allocations of \(count) messages after \(warmup)",
            unit: "calls/message", entrants: entrants)
        scenario.isExact = true
        scenario.hasWarmUp = false
        return scenario
    }

    private func allocations(
        _ sender: ClientSender, _ warmup: Int, _ count: Int, _ byteCount: Int
    ) throws -> Measurement {
        try Directory.withTemporaryFile { file in
            let arguments = [
                "--messages", "\(count)", "--bytes", "\(byteCount)", "--warmup", "\(warmup)",
            ]
            var trial = SinkTrial(
                sender.contender.adding(arguments),
                byteCount: UInt64((count + warmup) * byteCount), on: processors)
            trial.environment = try AllocationCounts.environment(file: file)
            trial.isControlled = true
            var counts: [AllocationCounts] = []
            _ = try trial.run { counts.append(try AllocationCounts(file: file)) }
            let calls = Double(counts[1].calls - counts[0].calls)
            return Measurement(
                calls / Double(count),
                metrics: [
                    "calls": calls, "messages": Double(count),
                    "live bytes": Double(counts[1].liveBytes),
                ])
        }
    }
}
