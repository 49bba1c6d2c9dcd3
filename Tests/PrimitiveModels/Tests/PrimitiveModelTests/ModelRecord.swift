// SPDX-License-Identifier: MIT

import Glibc
import ModelChecking
import Testing

/// What the explorations of a run were, a line of JSON each, in the file that
/// MILLRACE_MODEL_RESULTS names: docs/verification.md is made of them.
enum ModelRecord {
    private static let path: String? = {
        // SAFETY: nobody sets variables; the text ends with a zero.
        guard let text = unsafe getenv("MILLRACE_MODEL_RESULTS") else { return nil }
        // SAFETY: as above.
        return unsafe String(cString: text)
    }()

    static func add(
        _ result: Exploration, _ strategy: ExplorationStrategy, _ options: ModelOptions,
        seconds: Double
    ) {
        write([
            ("kind", quoted("exploration")), ("suite", quoted(suite)), ("test", quoted(test)),
            ("size", quoted(arguments)), ("strategy", quoted(name(of: strategy))),
            ("options", quoted(differences(options))),
            ("executions", "\(result.executionCount)"), ("redundant", "\(result.redundantCount)"),
            ("steps", "\(result.stepCount)"), ("exhausted", "\(result.isExhaustive)"),
            ("failure", quoted(result.failure.map { "\($0.kind)" } ?? "")),
            ("seconds", "\(seconds)"),
        ])
    }

    static func add(_ weakening: ModelAudit.Weakening) {
        write([
            ("kind", quoted("weakening")), ("suite", quoted(suite)), ("test", quoted(test)),
            ("site", quoted("\(weakening.site)")), ("operation", quoted(weakening.operation)),
            ("order", quoted("\(weakening.order)")),
            ("weaker", quoted("\(weakening.weakerOrder)")),
            ("failure", quoted(weakening.exploration.failure.map { "\($0.kind)" } ?? "")),
            ("executions", "\(weakening.exploration.executionCount)"),
            ("exhausted", "\(weakening.exploration.isExhaustive)"),
        ])
    }

    // MARK: - What is written

    private static var suite: String {
        let name = Test.current?.sourceLocation.fileID.split(separator: "/").last ?? "?"
        return String(name.split(separator: ".").first ?? "?")
    }

    private static var test: String { Test.current?.displayName ?? Test.current?.name ?? "?" }

    /// The arguments of the test that runs. The library has no public name for them.
    private static var arguments: String {
        guard let testCase = Test.Case.current else { return "" }
        var found: [String] = []
        collect(Mirror(reflecting: testCase), into: &found)
        return found.joined(separator: ", ")
    }

    private static func collect(_ mirror: Mirror, into found: inout [String]) {
        for child in mirror.children {
            if child.label == "value" {
                found.append("\(child.value)")
            } else if ["_kind", "arguments", "parameterized"].contains(child.label ?? "") {
                collect(Mirror(reflecting: child.value), into: &found)
            } else if mirror.displayStyle == .collection {
                collect(Mirror(reflecting: child.value), into: &found)
            }
        }
    }

    private static func name(of strategy: ExplorationStrategy) -> String {
        switch strategy {
        case .exhaustive, .randomThenExhaustive: "exhaustive"
        case .bounded(let preemptionMax): "at most \(preemptionMax) preemptions"
        case .random: "random"
        case .priorities: "priorities"
        case .replay: "replay"
        }
    }

    private static func differences(_ options: ModelOptions) -> String {
        var words: [String] = []
        if options.spuriousFailureMax > 0 {
            words.append("\(options.spuriousFailureMax) spurious failure")
        }
        if options.soloStepMax > 0 { words.append("alone in \(options.soloStepMax) steps") }
        if options.locksAreSteps { words.append("the lock as one step") }
        if options.executionMax < .max { words.append("at most \(options.executionMax)") }
        return words.joined(separator: ", ")
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped.replacing("\n", with: " "))\""
    }

    private static func write(_ fields: [(name: String, value: String)]) {
        guard let path else { return }
        let line = "{" + fields.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + "}\n"
        // SAFETY: the path is a string that ends with a zero.
        let file = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT, 0o644)
        precondition(file >= 0, "MILLRACE_MODEL_RESULTS: cannot write \(path)")
        let bytes = Array(line.utf8)
        // SAFETY: the bytes are there while they are written; one call keeps the line whole.
        let count = unsafe Glibc.write(file, bytes, bytes.count)
        precondition(count == bytes.count, "MILLRACE_MODEL_RESULTS: cannot write \(path)")
        close(file)
    }
}

/// The checker's `explore`, noted in the record.
func explore(
    _ strategy: ExplorationStrategy = .randomThenExhaustive(seed: 1, iterations: 200),
    options: ModelOptions = ModelOptions(), program body: (Model) -> Void
) -> Exploration {
    let start = ContinuousClock.now
    let result = ModelChecking.explore(strategy, options: options, program: body)
    ModelRecord.add(
        result, strategy, options, seconds: (ContinuousClock.now - start) / .seconds(1))
    return result
}

/// The checker's `audit`, noted in the record.
func audit(
    _ strategy: ExplorationStrategy = .randomThenExhaustive(seed: 1, iterations: 200),
    options: ModelOptions = ModelOptions(), program body: (Model) -> Void
) -> ModelAudit {
    let result = ModelChecking.audit(strategy, options: options, program: body)
    for weakening in result.weakenings { ModelRecord.add(weakening) }
    return result
}
