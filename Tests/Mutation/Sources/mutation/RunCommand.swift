// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import Foundation
internal import Mutating

extension Finder: ExpressibleByArgument {}

/// `mutation run`
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Tries the mutants, each in a process of its own.",
        discussion: """
            Results are added to .build-mutation/results, one line for each mutant; a run that was \
            stopped goes on where it was. Fails if a mutant was missed by the models and \
            Tests/Mutation/equivalent.txt does not explain it.
            """)

    /// Seconds for each scenario.
    static let stressSeconds = 0.4

    @Option(help: "Who is asked: \(Finder.allCases.map(\.rawValue).joined(separator: ", ")).")
    var with = Finder.models

    @Option(help: "Only mutants whose name contains this.")
    var only = ""

    @Option(help: "Only mutants that were not found by this finder.")
    var missedBy: Finder?

    @Option(help: "Seconds for each mutant (models: 60), or each scenario (stress, tsan: 0.4).")
    var seconds: Double?

    @Flag(
        help: "Only the few of Tests/Mutation/planted.txt, and nothing is left from earlier runs.")
    var planted = false

    @Flag(help: "Forget earlier results.")
    var fresh = false

    @Flag(help: "Do not try those that were tried before.")
    var resume = false

    func validate() throws {
        if let seconds, !(0.01...600 ~= seconds) {
            throw ValidationError("--seconds is between 0.01 and 600")
        }
    }

    func run() throws {
        let trial = Trial(
            finder: with, seconds: seconds ?? (with == .models ? 60 : Self.stressSeconds))
        var copy = try Copy()
        say("    writing \(copy.entries.count) mutants into \(Copy.tree)")
        try copy.write()
        say("    compiling for \(with.rawValue)")
        try trial.build(&copy)
        var findings = try Findings(with)
        if fresh { try findings.clear() }
        let chosen = try choose(copy, findings)
        let limits = try control(trial, chosen)
        var missed: [String] = []
        for (index, entry) in chosen.enumerated() {
            let finding = try trial.run(entry, secondsMax: limits[entry.target.file])
            if !planted { try findings.add(finding) }
            if !finding.isFound { missed.append(entry.mutant.name) }
            let time = String(format: "%5.1f s", finding.seconds)
            say(
                "\(index + 1)/\(chosen.count) \(finding.verdict.rawValue) \(time)"
                    + "  \(entry.mutant.name)  \(finding.detail)")
        }
        say("\(chosen.count) mutants, \(copy.refused.count) do not compile, \(missed.count) missed")
        if with == .models || planted { try judge(missed) }
    }

    private func choose(_ copy: Copy, _ findings: Findings) throws -> [Copy.Entry] {
        var chosen = copy.compiled
        if planted {
            let names = try readText("\(Target.folder)/planted.txt").split(separator: "\n")
                .filter { !$0.hasPrefix("#") }.map(String.init)
            for name in names where !chosen.contains(where: { $0.mutant.name == name }) {
                throw ToolError("planted.txt: there is no mutant '\(name)'")
            }
            chosen = chosen.filter { names.contains($0.mutant.name) }
        }
        if !only.isEmpty { chosen = chosen.filter { $0.mutant.name.contains(only) } }
        if resume { chosen = chosen.filter { findings.byName[$0.mutant.name] == nil } }
        if let missedBy {
            let others = try Findings(missedBy).byName
            chosen = chosen.filter { !(others[$0.mutant.name]?.isFound ?? false) }
        }
        if chosen.isEmpty { say("    there is nothing to try") }
        return chosen
    }

    /// What fails with nothing switched on would find every mutant. How long that takes says when
    /// a mutant's run may be called hung: the seconds by file.
    private func control(_ trial: Trial, _ chosen: [Copy.Entry]) throws -> [String: Double] {
        var limits: [String: Double] = [:]
        for entry in chosen where limits[entry.target.file] == nil {
            let finding = try trial.control(entry.target)
            say("    control \(String(format: "%5.1f s", finding.seconds)) \(entry.target.file)")
            if finding.isFound {
                throw ToolError(
                    "\(entry.target.file): fails with nothing planted: \(finding.verdict.rawValue)"
                        + " \(finding.detail)")
            }
            if finding.verdict == .untested { say("    nothing looks at \(entry.target.file)") }
            limits[entry.target.file] = 5 + 4 * finding.seconds
        }
        return limits
    }

    private func judge(_ missed: [String]) throws {
        let explained = try Explanation.all()
        let open = missed.filter { explained[$0] == nil }
        if open.isEmpty { return }
        say("not explained:\n" + open.map { "  \($0)" }.joined(separator: "\n"))
        throw ExitCode(1)
    }
}
