// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import Foundation
internal import Mutating

extension Finder: ExpressibleByArgument {}
extension Subject: ExpressibleByArgument {}

/// `mutation run`
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Tries the mutants, each in a process of its own.",
        discussion: """
            Results are added to .build-mutation/results, one line for each mutant; a run that was \
            stopped goes on where it was. Fails if a mutant was missed by the models or the \
            storms, and Tests/Mutation/equivalent.txt or storm-equivalent.txt does not explain it.
            """)

    /// Seconds for each scenario.
    static let stressSeconds = 0.4

    @Option(help: "Who is asked: \(Finder.allCases.map(\.rawValue).joined(separator: ", ")).")
    var with = Finder.models

    @Option(help: "Only mutants whose name contains this, or one of these between commas.")
    var only = ""

    @Option(help: "Only mutants that were not found by this finder.")
    var missedBy: Finder?

    @Option(help: "Only every so many-th of those made by rule; all of those written by hand.")
    var every = 1

    @Option(
        help: ArgumentHelp(
            "Seconds for each mutant at most (models, storms: 300; tests: 3600), or each scenario"
                + " (stress, tsan: 0.4)."))
    var seconds: Double?

    @Option(help: "Seeds for each mutant and storm.")
    var seeds = 1000

    @Flag(
        help: "Only the few of Tests/Mutation/planted.txt, and nothing is left from earlier runs.")
    var planted = false

    @Flag(help: "Forget earlier results.")
    var fresh = false

    @Flag(
        help: """
            Do not try those that were tried before on the same source, and by the same tests if \
            they were missed.
            """)
    var resume = false

    @Flag(help: "Only those that were never tried.")
    var untried = false

    @Flag(help: "Not those that are explained.")
    var open = false

    @Option(help: "So many at once.")
    var jobs = 1

    @Option(help: "Between two trials, wait while there is such a file.")
    var pauseWhile: String?

    func validate() throws {
        if let seconds, !(0.01...600 ~= seconds) {
            throw ValidationError("--seconds is between 0.01 and 600")
        }
        if every < 1 { throw ValidationError("--every is at least 1") }
        if !(1...1_000_000 ~= seeds) {
            throw ValidationError("--seeds is between 1 and 1,000,000")
        }
        if planted && with == .storms {
            throw ValidationError("--planted names mutants of the primitives")
        }
        if !(1...64 ~= jobs) { throw ValidationError("--jobs is between 1 and 64") }
    }

    private var usualSeconds: Double {
        switch with {
        case .models, .storms: 300
        case .stress, .tsan: Self.stressSeconds
        // Those of a server take minutes without a fault: what counts is three times their own.
        case .tests: 3_600
        }
    }

    func run() throws {
        var trial = Trial(finder: with, seconds: seconds ?? usualSeconds)
        trial.seedCount = seeds
        var copy = try Copy(with.subject)
        if planted { try copy.keepOnly(Self.plantedNames()) }
        say("    writing \(copy.compiled.count) mutants into \(with.subject.tree)")
        try copy.write()
        say("    compiling for \(with.rawValue)")
        try trial.build(&copy)
        var findings = try Findings(with)
        if fresh { try findings.clear() }
        let chosen = try choose(copy, findings)
        let sweep = Sweep(
            trial: trial, entries: chosen, findings: findings, keepsFindings: !planted,
            pauseWhile: pauseWhile)
        let missed = try sweep.run(jobs: jobs)
        say("\(chosen.count) mutants, \(copy.refused.count) do not compile, \(missed.count) missed")
        let isSample = with == .stress || with == .tsan
        if !isSample || planted { try judge(missed) }
    }

    private static func plantedNames() throws -> [String] {
        try readText("\(Target.folder)/planted.txt").split(separator: "\n")
            .filter { !$0.hasPrefix("#") }.map(String.init)
    }

    private func choose(_ copy: Copy, _ findings: Findings) throws -> [Copy.Entry] {
        var chosen = copy.compiled.filter { with.looks(at: $0.target) }
        chosen = chosen.filter { $0.mutant.kind == .catalogue || $0.number % every == 0 }
        let parts = only.split(separator: ",")
        if !parts.isEmpty {
            chosen = chosen.filter { entry in parts.contains { entry.mutant.name.contains($0) } }
        }
        if resume {
            let prints = try Fingerprints.ofTargets(with)
            chosen = chosen.filter { entry in
                guard let finding = findings.byName[entry.mutant.name] else { return true }
                return !(prints[entry.target.file]?.confirms(finding) ?? false)
            }
        }
        if untried { chosen = chosen.filter { findings.byName[$0.mutant.name] == nil } }
        if open {
            let explained = try Explanation.all(with.subject)
            chosen = chosen.filter { explained[$0.mutant.name] == nil }
        }
        if let missedBy {
            let others = try Findings(missedBy).byName
            chosen = chosen.filter { !(others[$0.mutant.name]?.isFound ?? false) }
        }
        // Those by hand first: they are asked for most.
        chosen =
            chosen.filter { $0.mutant.kind == .catalogue }
            + chosen.filter { $0.mutant.kind != .catalogue }
        if chosen.isEmpty { say("    there is nothing to try") }
        return chosen
    }

    private func judge(_ missed: [String]) throws {
        let explained = try Explanation.all(with.subject)
        let open = missed.filter { explained[$0] == nil }
        if open.isEmpty { return }
        say("not explained:\n" + open.map { "  \($0)" }.joined(separator: "\n"))
        throw ExitCode(1)
    }
}
