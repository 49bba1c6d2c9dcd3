// SPDX-License-Identifier: MIT

internal import BenchSupport

/// A scenario in which threads do one thing over and over: programs with `--work`.
///
/// One thread counts by its CPU time, several by the wall time from the first's begin to the last's
/// end.
struct WorkScenario {
    let name: String
    let title: String
    let unit: String
    var threads = 1
    /// How many operations, and how many when it is only to be seen that it works.
    var count = 4_000_000
    var tinyCount = 4_000
    /// Places, or pending timers.
    var size = 1024
    var tinySize: Int?
    let entrants: [WorkEntrant]

    func scenario(_ options: RunOptions, on processors: Processors) -> Scenario {
        let chosen = entrants.filter { options.withPeers || !$0.isForeign }
        let names = Set(chosen.map(\.name))
        var scenario = Scenario(
            name: name, title: title, unit: unit,
            entrants: chosen.map { work in
                var entrant = Entrant(work.name) {
                    try measure(work, options, on: processors)
                }
                entrant.isPeer = work.isPeer
                entrant.baseline = work.baseline.flatMap { names.contains($0) ? $0 : nil }
                return entrant
            })
        scenario.isContended = threads > 1
        scenario.hasWarmUp = !options.isTiny
        let programs = Set(chosen.filter(\.isForeign).map(\.program)).sorted()
        if !programs.isEmpty { scenario.prepare = { try Peers.check(programs) } }
        return scenario
    }

    private func measure(
        _ entrant: WorkEntrant, _ options: RunOptions, on processors: Processors
    ) throws -> Measurement {
        let count = options.isTiny ? tinyCount : count
        let size = options.isTiny ? tinySize ?? size : size
        let program = entrant.isForeign ? Peers.path(entrant.program) : entrant.program
        let contender = Contender(entrant.name, program, isPeer: false)
        let child = try ChildProcess(
            contender.path(),
            [
                "--work", entrant.work, "--threads", "\(entrant.threads ?? threads)", "--count",
                "\(count)",
                "--size", "\(size)",
            ], cpu: threads == 1 ? processors.contender : nil, name: entrant.name)
        guard let line = try child.readLine(withinSeconds: 120),
            let result = KeyValues(line, word: "result"),
            try child.wait(withinSeconds: 10) == 0
        else { throw BenchError("\(entrant.name) gave no result") }
        guard try result.number("checksum") == UInt64(count) * UInt64(count - 1) / 2 else {
            throw BenchError("\(entrant.name) did not complete each operation once")
        }
        let time = try result.number(threads == 1 ? "cpu_ns" : "nanoseconds")
        return Measurement(Double(time) / Double(count))
    }
}
