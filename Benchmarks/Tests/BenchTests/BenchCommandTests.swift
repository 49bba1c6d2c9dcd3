// SPDX-License-Identifier: MIT

import BenchSupport
import Benches
import Foundation
import Testing

@Suite(.serialized) struct BenchCommandTests {
    /// All scenarios of all benches, but those that need a program that may be missing.
    private static var scenarioNames: [String] {
        var options = RunOptions()
        options.isTiny = true
        guard let processors = try? Processors.chosen() else { return [] }
        return BenchCatalog.all.flatMap { $0.scenarios(options, on: processors) }.map(\.name)
    }

    private func run(
        _ arguments: [String], peers: String = "/nowhere"
    ) throws -> (status: Int32, output: [String]) {
        let process = try ChildProcess(
            try Directory.program("bench"), arguments, cpu: nil,
            environment: ["BENCH_PEERS": peers])
        var lines: [String] = []
        while let line = try process.readLine(withinSeconds: 120) { lines.append(line) }
        return (try process.wait(withinSeconds: 10), lines)
    }

    @Test(arguments: scenarioNames)
    func runsTiny(scenario: String) throws {
        // The bench has rotted: it no longer runs, or its output cannot be read back.
        try Directory.withTemporaryFile { file in
            let folder = file + ".charts"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let (status, output) = try run(
                ["run", scenario, "--tiny", "--json", file, "--svg", folder])
            #expect(status == 0)
            #expect(output.contains { $0.hasPrefix("\(scenario): ") })
            let result = try RunResult.read(from: file)
            #expect(result.isTiny)
            #expect(result.scenarios.map(\.name) == [scenario])
            #expect(result.environment.kernel != "unknown")
            let charts = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(charts == [scenario.replacingOccurrences(of: "/", with: "-") + ".svg"])
        }
    }

    /// Where `./dev bench --peers` has built the peers, if it has.
    private static let peers = ProcessInfo.processInfo.environment["BENCH_PEERS"]

    @Test(
        .enabled(if: peers != nil),
        arguments: ["queues/", "stealing/", "channels/", "pools/", "waits/"])
    func peersRunTiny(bench: String) throws {
        // A peer has rotted, or does something else than ours.
        try Directory.withTemporaryFile { file in
            let arguments = ["run", bench, "--tiny", "--peers", "--json", file]
            #expect(try run(arguments, peers: Self.peers ?? "").status == 0)
            let scenarios = try RunResult.read(from: file).scenarios
            #expect(!scenarios.isEmpty)
            for scenario in scenarios {
                #expect(scenario.rows.contains { $0.isPeer }, "\(scenario.name)")
            }
        }
    }

    @Test func onlySomeTakePart() throws {
        // A run of two entrants would take as long as one of all, or a misspelt name be ignored.
        try Directory.withTemporaryFile { file in
            let arguments = ["run", "queues/one-16", "--tiny", "--json", file, "--only"]
            #expect(try run(arguments + ["spsc,mpmc"]).status == 0)
            let rows = try RunResult.read(from: file).scenarios.flatMap(\.rows)
            #expect(rows.map(\.entrant) == ["mpmc", "spsc"])
            #expect(try run(arguments + ["mpmc,nobody"]).status == 2)
        }
    }

    @Test func primitivesHaveOneName() throws {
        // The figures of a family would be forgotten.
        try Directory.withTemporaryFile { file in
            let families: [(entrant: String, bench: String)] = [
                ("mpmc", "queues/"), ("deque", "stealing/"), ("rendezvous", "channels/"),
                ("lease", "pools/"), ("wheel", "timers/"), ("oneshot", "waits/"),
            ]
            let names = families.map(\.entrant).joined(separator: ",")
            let (status, output) = try run(
                ["run", "primitives", "--tiny", "--json", file, "--only", names])
            #expect(status == 0)
            let scenarios = try RunResult.read(from: file).scenarios.map(\.name)
            for family in families {
                #expect(scenarios.contains { $0.hasPrefix(family.bench) }, "\(family.bench)")
            }
            #expect(output.contains { $0.contains("\(scenarios.count) scenarios, ") })
        }
    }

    @Test func echoesDoNotAllocate() throws {
        // An allocation for each request has crept into a server, or into what it is built on.
        try Directory.withTemporaryFile { file in
            let (status, _) = try run(["run", "echo/allocations", "--tiny", "--json", file])
            #expect(status == 0)
            let rows = try RunResult.read(from: file).scenarios.flatMap(\.rows)
            #expect(rows.count == 11)
            for row in rows { #expect(row.value.median < 0.05, "\(row.entrant)") }
        }
    }

    @Test func hellosDoNotAllocate() throws {
        // An allocation for each request has crept into the HTTP server. Rows: C, then two with
        // handlers on the loop.
        try Directory.withTemporaryFile { file in
            let (status, _) = try run(["run", "http/allocations", "--tiny", "--json", file])
            #expect(status == 0)
            let rows = try RunResult.read(from: file).scenarios.flatMap(\.rows)
            #expect(rows.count == 5)
            for row in rows where !row.entrant.hasPrefix("task") {
                #expect(row.value.median < 0.05, "\(row.entrant)")
            }
        }
    }

    @Test func missingPeersAreAnError() throws {
        // Peers that were asked for would be left out without a word.
        let (status, output) = try run(["run", "http/hello", "--tiny", "--peers"])
        #expect(status == 1)
        #expect(!output.contains { $0.hasPrefix("http/hello: ") })
    }

    @Test func messagesDoNotAllocate() throws {
        // An allocation for each message, or for each time that a connection or a sender waits, has
        // crept into the pooled client. Of 500,000 messages at most 8,192 (0.016) are the first
        // large one of their slot.
        try Directory.withTemporaryFile { file in
            let (status, _) = try run(["run", "client/allocations", "--tiny", "--json", file])
            #expect(status == 0)
            let rows = try RunResult.read(from: file).scenarios.flatMap(\.rows)
            #expect(rows.count == 12)
            for row in rows { #expect(row.value.median < 0.02, "\(row.entrant)") }
        }
    }

    @Test func unknownBenchesAreRefused() throws {
        // A misspelt name would run nothing and look like success.
        let (status, _) = try run(["run", "ecco", "--tiny"])
        #expect(status == 2)
    }

    @Test(arguments: [
        ["run", "--alternations", "0"], ["run", "--seconds", "never"], ["fly"],
        ["run", "--seconds", "nan"],
    ])
    func wrongUsageIsRefused(arguments: [String]) throws {
        // Wrong usage would trap, or run something else.
        let (status, _) = try run(arguments)
        #expect(status == 2)
    }

    @Test(arguments: [["--help"], ["run", "--help"], ["list"]])
    func helpIsThere(arguments: [String]) throws {
        // Nobody could find out what there is.
        let (status, output) = try run(arguments)
        #expect(status == 0)
        #expect(!output.isEmpty)
    }

    @Test func failuresEndWithOne() throws {
        // A bench that failed would look like success to a script.
        let (status, _) = try run(
            ["run", "echo/pingpong", "--tiny", "--json", "/nowhere/at/all.json"])
        #expect(status == 1)
    }
}
