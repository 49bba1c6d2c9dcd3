// SPDX-License-Identifier: MIT

package import BenchSupport

/// What it costs to hand jobs to a loop: no system call while it is awake, and one, whoever posts,
/// when it sleeps. Counted where the program leaves for the kernel, and exact: another number ends
/// the bench.
package struct WakeupsBench: Bench {
    package let name = "wakeups"
    package let summary = "posting to a loop: writes to its eventfd, counted"

    package init() {}

    /// Who posts: threads at the same moment, and how many jobs each.
    private struct Crowd {
        let threads: Int
        let jobs: Int
    }

    package func scenarios(_ options: RunOptions, on processors: Processors) -> [Scenario] {
        let rounds = options.isTiny ? 20 : 1_000
        // More than the inbox holds, too.
        let crowds = [
            Crowd(threads: 1, jobs: 1), Crowd(threads: 1, jobs: 5_000),
            Crowd(threads: 8, jobs: 1), Crowd(threads: 8, jobs: 200),
        ]
        return [
            scenario("awake", "posting to a loop that is awake", crowds, rounds: 1, isAwake: true),
            scenario(
                "asleep", "posting to a loop that sleeps", crowds, rounds: rounds, isAwake: false),
        ]
    }

    private func scenario(
        _ name: String, _ title: String, _ crowds: [Crowd], rounds: Int, isAwake: Bool
    ) -> Scenario {
        let entrants = ["io_uring", "epoll"].flatMap { backend in
            crowds.map { crowd in
                let jobs = crowd.jobs == 1 ? "1 job" : "\(crowd.jobs) jobs"
                let threads = crowd.threads == 1 ? "1 thread" : "\(crowd.threads) threads"
                return Entrant("\(backend), \(threads), \(jobs)") {
                    try count(backend, crowd, rounds: rounds, isAwake: isAwake)
                }
            }
        }
        var scenario = Scenario(
            name: "wakeups/\(name)", title: title, unit: "eventfd writes/round",
            entrants: entrants)
        scenario.isExact = true
        scenario.hasWarmUp = false
        return scenario
    }

    private func count(
        _ backend: String, _ crowd: Crowd, rounds: Int, isAwake: Bool
    ) throws -> Measurement {
        var arguments = [
            "--backend", backend, "--threads", "\(crowd.threads)", "--jobs", "\(crowd.jobs)",
            "--rounds", "\(rounds)",
        ]
        if isAwake { arguments.append("--awake") }
        return try Directory.withTemporaryFile { file in
            let process = try ChildProcess(
                try Directory.program("post_jobs"), arguments, cpu: nil,
                environment: try CallCounts.environment(file: file))
            let before = try meet(process, "ready", file)
            let after = try meet(process, "done", file)
            guard let line = try process.readLine(withinSeconds: 60),
                let result = KeyValues(line, word: "result"),
                try process.wait(withinSeconds: 10) == 0
            else { throw BenchError("post_jobs failed") }
            let writes = after.eventWrites - before.eventWrites
            let jobs = try result.number("jobs")
            guard jobs == UInt64(rounds * crowd.threads * crowd.jobs) else {
                throw BenchError("post_jobs posted \(jobs) jobs")
            }
            try check(writes, try result.number("wakeups"), rounds: rounds, isAwake: isAwake)
            return Measurement(
                Double(writes) / Double(rounds),
                metrics: [
                    "rounds": Double(rounds), "jobs": Double(jobs), "writes": Double(writes),
                    "loop's own count": Double(try result.number("wakeups")),
                    // The C library's own, as of a line that is printed, do not pass by.
                    "other writes": Double(after.otherWrites - before.otherWrites),
                ])
        }
    }

    /// Waits until the program says the word, reads the counts, and lets it go on.
    private func meet(_ process: ChildProcess, _ word: String, _ file: String) throws -> CallCounts
    {
        guard try process.readLine(withinSeconds: 60) == word else {
            throw BenchError("post_jobs did not say '\(word)'")
        }
        let counts = try CallCounts(file: file)
        try process.writeLine("go")
        return counts
    }

    private func check(
        _ writes: UInt64, _ own: UInt64, rounds: Int, isAwake: Bool
    ) throws(BenchError) {
        let due = isAwake ? 0 : UInt64(rounds)
        guard writes == due, own == due else {
            throw BenchError(
                "\(due) writes to the eventfd were due: \(writes) were made, the loop says \(own)")
        }
    }
}
