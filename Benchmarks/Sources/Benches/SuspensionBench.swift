// SPDX-License-Identifier: MIT

package import BenchSupport

/// What it costs that a task waits on a loop and goes on, by the way in which it waits.
package struct SuspensionBench: Bench {
    package let name = "suspension"
    package let summary = "tasks on a loop: what a wait costs, by its parts"

    package init() {}

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let ways: [(name: String, arguments: [String])] = [
            ("unsafe continuation", ["--way", "bare"]),
            ("checked continuation", ["--way", "checked"]),
            ("watched suspension", ["--way", "watched"]),
            ("suspension with handler", ["--way", "handler"]),
            ("nothing to wait for", ["--way", "ready"]),
            ("Task.yield", ["--way", "yield"]),
        ]
        let rounds = options.isTiny ? 20_000 : 4_000_000
        var first: String?
        let entrants = ways.map { way in
            var entrant = Entrant(way.name) {
                try measure(way.arguments, rounds: rounds, on: processors)
            }
            entrant.baseline = first
            first = first ?? way.name
            return entrant
        }
        var scenario = Scenario(
            name: "suspension/waits", title: "500 tasks on one loop, each waits and goes on",
            unit: "CPU ns/wait", entrants: entrants)
        scenario.hasWarmUp = !options.isTiny
        return [scenario]
    }

    private func measure(
        _ arguments: [String], rounds: Int, on processors: Processors
    ) throws -> Measurement {
        let program = try Contender("suspend", "suspend_async", isPeer: false).path()
        let child = try ChildProcess(
            program, arguments + ["--rounds", "\(rounds)"], cpu: processors.contender)
        guard let line = try child.readLine(withinSeconds: 60),
            let result = KeyValues(line, word: "result")
        else { throw BenchError("suspend_async gave no result") }
        let status = try child.wait(withinSeconds: 10)
        guard status == 0 else { throw BenchError("suspend_async ended with status \(status)") }
        guard try result.number("rounds") == UInt64(rounds) else {
            throw BenchError("suspend_async made another number of waits")
        }
        return Measurement(Double(try result.number("nanoseconds")) / Double(rounds))
    }
}
