// SPDX-License-Identifier: MIT

internal import Foundation
internal import Glibc
internal import Mutating

/// How mutants are tried by one finder.
struct Trial {
    var finder: Finder
    /// Seconds for each scenario of stress; with the others, for each mutant at most.
    var seconds: Double
    /// How much of its work a storm does, in a thousand: large ones find little that small ones
    /// do not.
    static let share = 200
    /// How many seeds each storm has.
    var seedCount = 1000
    /// Seconds of processor time for each mutant, but with stress: others may be at work.
    private var processorSecondsMax: Double?

    init(finder: Finder, seconds: Double) {
        self.finder = finder
        self.seconds = seconds
    }

    /// Builds what it runs.
    func build(_ copy: inout Copy) throws {
        let tree = finder.subject.tree
        let log = "build-\(finder.rawValue).txt"
        switch finder {
        case .models:
            try copy.build(
                [
                    "--build-tests", "-c", "release", "-Xswiftc", "-enable-testing",
                    "--package-path",
                    "\(tree)/Tests/PrimitiveModels", "--scratch-path", scratch,
                ], log: log)
        case .stress:
            try copy.build(
                [
                    "-c", "release", "--package-path", tree, "--scratch-path", scratch, "--product",
                    "stress",
                ], log: log)
        case .tsan:
            try copy.build(
                [
                    "-c", "release", "--package-path", tree, "--scratch-path", scratch, "--product",
                    "stress", "--sanitize", "thread",
                ], log: log)
        case .storms:
            try copy.build(
                [
                    "-c", "release", "-Xswiftc", "-assert-config", "-Xswiftc", "Debug",
                    "--package-path", tree, "--scratch-path", scratch, "--product", "simulate",
                ], log: log)
        case .tests:
            try copy.build(
                [
                    "--build-tests", "-c", "release", "-Xswiftc", "-enable-testing",
                    // Assertions, and what checks a whole structure, are part of these tests.
                    "-Xswiftc", "-assert-config", "-Xswiftc", "Debug", "-Xswiftc", "-DDEBUG",
                    "--traits", "IOUring,TLS", "--package-path", tree, "--scratch-path", scratch,
                ], log: log)
        }
    }

    private var scratch: String { "\(Copy.folder)/\(finder.rawValue)" }

    /// Runs everything that looks at a target, with nothing switched on: it must pass.
    func control(_ target: Target) throws -> Finding {
        if finder == .models || finder == .tests { try requireTests(of: target) }
        var patient = self
        if isMeasured { patient.seconds = 600 }
        return try patient.run(number: 0, name: "nothing, in \(target.file)", target)
    }

    /// Whether how long it takes without a mutant says when one hangs.
    private var isMeasured: Bool { [.models, .storms, .tests].contains(finder) }

    /// How long something took: time of a processor, and time that went by.
    struct Duration {
        var processorSeconds: Double
        var seconds: Double
    }

    /// Tries one mutant; `control` is how long it takes without.
    func run(_ entry: Copy.Entry, control: Duration?) throws -> Finding {
        var limited = self
        if isMeasured, let control {
            let processorSecondsMax = 2 + 3 * control.processorSeconds
            limited.processorSecondsMax = processorSecondsMax
            // One that sleeps uses no time of a processor; one beside other work has a part of one.
            // Unit tests wait for clocks and peers: of them is known how long that takes.
            let patience = finder == .models ? 30.0 : 6.0
            let secondsMax =
                finder == .tests ? 20 + 3 * control.seconds : 10 + patience * processorSecondsMax
            limited.seconds = min(seconds, secondsMax)
        }
        return try limited.run(number: entry.number, name: entry.mutant.name, entry.target)
    }

    private func run(number: Int, name: String, _ target: Target) throws -> Finding {
        let environment = [
            "MILLRACE_MUTANT": "\(number)", "NO_COLOR": "1",
            "TSAN_OPTIONS": "halt_on_error=1 exitcode=66", "MILLRACE_MODEL_RANDOM": "2000",
            // What writes down a crash would take seconds, and can outlive it.
            "SWIFT_BACKTRACE": "enable=no",
        ]
        if finder == .models || finder == .tests {
            if target.tests.isEmpty {
                return Finding(name: name, verdict: .untested, seconds: 0, detail: "")
            }
            return try runTests(name, target, environment)
        }
        var last = Finding(name: name, verdict: .untested, seconds: 0, detail: "")
        var sum = 0.0
        for scenario in target.scenarios {
            last =
                finder == .storms
                ? try runStorm(name, scenario, environment)
                : try runStress(name, scenario, environment)
            sum += last.seconds
            last.seconds = sum
            if last.isFound { return last }
        }
        return last
    }

    // MARK: - Models and unit tests

    private func runTests(
        _ name: String, _ target: Target, _ environment: [String: String]
    ) throws -> Finding {
        var arguments = ["--testing-library", "swift-testing", "--no-parallel"]
        for test in target.tests { arguments += ["--filter", Self.pattern(test)] }
        // What the audits expect is not what a mutant must fail.
        arguments += ["--skip", "AuditModelTests", "--skip", "SpeedTests"]
        let program = limited(
            bundle, arguments, environment, secondsMax: seconds, kibibytesMax: 8_000_000)
        let outcome = try program.run { $0.contains(" recorded an issue") }
        var finding = Finding(
            name: name, verdict: .missed, seconds: outcome.processorSeconds, detail: "")
        finding.detail = Self.complaint(of: outcome.output)
        let isOutOfTime = outcome.isSignal && [SIGXCPU, SIGKILL].contains(outcome.status)
        if !finding.detail.isEmpty || outcome.isCutShort {
            finding.verdict = .failed
        } else if outcome.isTimedOut, outcome.processorSeconds > seconds / 4 {
            // It was at work all the time, and may be slow and nothing else.
            finding.detail = "\(Int(seconds)) s in \(Self.lastTest(of: outcome.output))"
        } else if outcome.isTimedOut || isOutOfTime {
            finding.verdict = .hung
            finding.detail =
                "\(shortened(finding.seconds)) in \(Self.lastTest(of: outcome.output))"
        } else if outcome.isSignal || outcome.status != 0 {
            finding.verdict = .crashed
            finding.detail = Self.lastTest(of: outcome.output)
        } else if outcome.output.contains("Test run with 0 tests") {
            finding.verdict = .untested
        }
        return finding
    }

    private var bundle: String {
        let package = finder == .models ? "primitive-models" : "millrace"
        return "\(scratch)/release/\(package)PackageTests.xctest"
    }

    /// A suite's name stands behind the point that ends the module's: PoolModelTests is not
    /// BufferPoolModelTests. With its module's name it stands first.
    private static func pattern(_ test: String) -> String {
        test.contains(".") ? "^\(test)" : "[.]\(test)"
    }

    /// A name that finds no test would make what it stands for look unneeded.
    private func requireTests(of target: Target) throws {
        let listing = try Program(
            path: bundle, arguments: ["--testing-library", "swift-testing", "--list-tests"],
            secondsMax: 60
        ).run()
        let tests = listing.output.split(separator: "\n")
        for name in target.tests {
            let pattern = Self.pattern(name)
            if !tests.contains(where: { $0.range(of: pattern, options: .regularExpression) != nil })
            {
                throw ToolError("\(target.file): there is no test '\(name)'")
            }
        }
    }

    /// Which test failed, after how many executions, and the first words of why.
    private static func complaint(of output: String) -> String {
        let lines = output.split(separator: "\n")
        guard let index = lines.firstIndex(where: { $0.contains(" recorded an issue") }) else {
            return ""
        }
        let head = lines[index].split(separator: "\"")
        let test = head.count > 1 ? String(head[1]) : "?"
        let rest = lines[index...].drop { !$0.contains("↳ fails: ") }
        guard let counts = rest.first, let reason = rest.dropFirst().first else { return test }
        let count = counts.drop { !$0.isNumber }.prefix { $0.isNumber }
        return "\(test): \(reason.drop { $0 == " " }.prefix(90)), execution \(count)"
    }

    private static func lastTest(of output: String) -> String {
        let last = output.split(separator: "\n").last { $0.contains(" started.") } ?? ""
        let parts = last.split(separator: "\"")
        return parts.count > 1 ? String(parts[parts.count - 2]) : ""
    }

    // MARK: - Stress

    private func runStress(
        _ name: String, _ scenario: String, _ environment: [String: String]
    ) throws -> Finding {
        let program = limited(
            "\(scratch)/release/stress",
            [scenario, "--seconds", "\(seconds)", "--seed", "1"], environment,
            secondsMax: 5 + 8 * seconds, kibibytesMax: finder == .tsan ? nil : 8_000_000)
        let outcome = try program.run {
            $0.contains("FAILED") || $0.contains("WARNING: ThreadSanitizer")
        }
        var finding = Finding(name: name, verdict: .missed, seconds: outcome.seconds, detail: "")
        let lines = outcome.output.split(separator: "\n")
        if let line = lines.first(where: { $0.contains("WARNING: ThreadSanitizer") }) {
            finding.verdict = .race
            finding.detail = "\(line.drop { $0 != "T" }.prefix(60))"
        } else if let line = lines.first(where: { $0.contains("FAILED") }) {
            finding.verdict = .failed
            finding.detail = "\(line.drop { $0 == " " }.prefix(80))"
        } else if outcome.isTimedOut {
            finding.verdict = .hung
        } else if outcome.isSignal || outcome.status != 0 {
            finding.verdict = .crashed
        }
        if finding.isFound, finding.detail.isEmpty {
            let last = lines.last { $0.hasPrefix("==>") } ?? ""
            finding.detail = "in \(last.split(separator: " ").dropFirst(2).first ?? "?")"
        }
        return finding
    }

    // MARK: - Storms

    private func runStorm(
        _ name: String, _ storm: String, _ environment: [String: String]
    ) throws -> Finding {
        let program = limited(
            "\(scratch)/release/simulate",
            [storm, "--seeds", "1..\(seedCount)", "--share", "\(Self.share)", "--jobs", "1"],
            environment, secondsMax: seconds, kibibytesMax: 8_000_000)
        let outcome = try program.run { $0.hasPrefix("    seed ") }
        var finding = Finding(
            name: name, verdict: .missed, seconds: outcome.processorSeconds, detail: "")
        let lines = outcome.output.split(separator: "\n")
        if let line = lines.first(where: { $0.hasPrefix("    seed ") }) {
            finding.verdict = .failed
            finding.detail = "\(storm), \(line.drop { $0 == " " }.prefix(100))"
        } else if outcome.isTimedOut, outcome.processorSeconds > seconds / 4 {
            // It was at work all the time, and may be slow and nothing else.
            finding.detail = "\(Int(seconds)) s in \(storm)"
        } else if outcome.isTimedOut || outcome.isSignal && outcome.status == SIGXCPU {
            finding.verdict = .hung
            finding.detail = "\(storm), after \(shortened(finding.seconds))"
        } else if outcome.isSignal || outcome.status != 0 {
            finding.verdict = .crashed
            let reason = lines.last { $0.contains("Fatal error") } ?? ""
            finding.detail = "\(storm): \(reason.prefix(100))"
        }
        return finding
    }

    /// A program that cannot take all memory.
    private func limited(
        _ path: String, _ arguments: [String], _ environment: [String: String],
        secondsMax: Double, kibibytesMax: Int?
    ) -> Program {
        var limit = kibibytesMax.map { "ulimit -v \($0);" } ?? ""
        if let processorSecondsMax { limit += " ulimit -t \(Int(processorSecondsMax));" }
        return Program(
            path: "/bin/sh",
            arguments: ["-c", "ulimit -c 0; \(limit) exec nice \"$@\"", "sh", path] + arguments,
            environment: environment, secondsMax: secondsMax)
    }
}
