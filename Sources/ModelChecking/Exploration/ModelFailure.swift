// SPDX-License-Identifier: MIT

/// What an execution did that it must not do.
public struct ModelFailure: Sendable {
    /// The kinds of failure.
    public enum Kind: Sendable, Equatable {
        /// Two plain accesses to one place, one of them a write, and nothing orders them.
        case dataRace
        /// A value was overwritten while it lived, taken where none was, or left behind.
        case lifetime
        /// Memory was used after it was given back, or may still be used by another thread.
        case useAfterFree
        /// Threads sleep or spin, and nobody is left who would wake them.
        case deadlock
        /// An execution, or an operation that ran alone, took more steps than allowed.
        case noProgress
        /// A check of the program under test did not hold.
        case check
        /// The operations fit no order that the specification allows.
        case notLinearizable
        /// The program did not do the same when its choices were the same.
        case nondeterminism
    }

    /// What kind it is.
    public var kind: Kind
    /// What happened, in a sentence.
    public var message: String
    /// The steps that led there.
    public var trace: ModelTrace
    /// The choices that led there: `explore(.replay(path))` takes them again.
    public var path: ModelPath
    /// The seed of the random run that found it, if it was one.
    public var seed: UInt64?
}

extension ModelFailure: CustomStringConvertible {
    /// The message, the path and the trace, one step a line.
    public var description: String {
        let seedLine = seed.map { "seed \($0)\n" } ?? ""
        return "\(kind): \(message)\n\(seedLine)replay \"\(path)\"\n\(trace)"
    }
}

/// The choices of an execution: at each step which thread went on, and what it saw.
public struct ModelPath: Sendable, Equatable {
    /// One step of a path.
    struct Step: Sendable, Equatable {
        var thread: Int
        var choice: Int
    }

    var steps: [Step]

    init(steps: [Step]) { self.steps = steps }

    /// A path as a failure prints it: nil if the text is none.
    public init?(_ text: String) {
        steps = []
        for word in text.split(separator: " ") {
            let parts = word.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count <= 2, let thread = Int(parts[0]), thread > 0,
                thread < threadCountMax
            else { return nil }
            guard let choice = parts.count == 2 ? Int(parts[1]) : 0, choice >= 0 else { return nil }
            steps.append(Step(thread: thread, choice: choice))
        }
    }
}

extension ModelPath: CustomStringConvertible {
    /// The numbers of the threads in their order; `2.1` is a step of thread 2 with its second-best
    /// choice, e.g. the value before the newest.
    public var description: String {
        steps.map { $0.choice == 0 ? "\($0.thread)" : "\($0.thread).\($0.choice)" }
            .joined(separator: " ")
    }
}
