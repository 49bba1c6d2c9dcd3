// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import BenchSupport
internal import Benches

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs the benches whose name contains FILTER.",
        discussion: """
            Contenders take turns; values are medians, ratios are taken round by round to the best \
            peer, with an interval that holds their median with 95 % confidence. A contender whose \
            work is wrong ends the run.

            Exit status: 0, 1 if a bench failed, 2 on wrong usage.
            """)

    @Argument(
        help: """
            Part of a name that 'bench list' shows, or 'primitives' for all benches of primitives; \
            without it, everything runs.
            """)
    var filter: String?

    @Flag(help: "Everything small and once: to see that it works.")
    var tiny = false

    @Option(help: ArgumentHelp("Only these entrants, with commas between.", valueName: "names"))
    var only: String?

    @Option(help: ArgumentHelp("How often the contenders take turns.", valueName: "n"))
    var alternations: Int?

    @Option(help: ArgumentHelp("How long each trial measures.", valueName: "s"))
    var seconds: Double?

    @Option(help: ArgumentHelp("Write all trials to a file.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Draw a chart of each scenario in a folder.", valueName: "folder"))
    var svg: String?

    @Flag(
        help:
            "With the peers that are installed for it: nginx, Go, SwiftNIO, crossbeam, …"
    )
    var peers = false

    @Flag(help: "Count instructions too, with valgrind.")
    var instructions = false

    func validate() throws {
        if let alternations, !(1...10_000).contains(alternations) {
            throw ValidationError("--alternations takes a number from 1 to 10000.")
        }
        if let seconds, !(0.01...3600).contains(seconds) {
            throw ValidationError("--seconds takes a number from 0.01 to 3600.")
        }
    }

    func run() throws {
        var options = RunOptions()
        options.isTiny = tiny
        options.alternations = alternations
        options.seconds = seconds
        let chosen = BenchCatalog.chosen(by: filter)
        options.filter = chosen.filter
        options.entrants = only?.split(separator: ",").map(String.init) ?? []
        options.withPeers = peers
        options.countsInstructions = instructions || filter?.contains("instructions") == true
        let runner = try BenchRunner(chosen.benches, options)
        let scenarios: [Scenario]
        do {
            scenarios = try runner.scenarios()
        } catch {
            Terminal.complain("bench: \(error)")
            throw ExitCode(2)
        }
        do {
            // Before the work rather than after it.
            if let json { try runner.emptyResult().write(to: json) }
            let result = try runner.run(scenarios) { if let json { try $0.write(to: json) } }
            if let svg { try result.writeCharts(to: svg) }
        } catch {
            Terminal.complain("bench: \(error)")
            throw ExitCode.failure
        }
    }
}
