// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// What a scenario is given: its seed, its time, and where to complain.
struct StressContext: Sendable {
    /// The seed of every random choice.
    let seed: UInt64

    /// When to stop starting new work.
    let deadline: MonotonicInstant

    private let failures: FailureLog

    init(seed: UInt64, deadline: MonotonicInstant) {
        self.seed = seed
        self.deadline = deadline
        failures = FailureLog()
    }

    /// Whether the time is up.
    var isOver: Bool { MonotonicInstant.now >= deadline }

    /// How many checks have failed.
    var failureCount: Int { failures.count }

    /// Records a failed check; the first few are printed.
    func check(_ condition: Bool, _ message: @autoclosure () -> String) {
        if !condition { failures.record(message()) }
    }
}

/// One race to run: who does what to which primitive.
struct Scenario: Sendable {
    /// Its name, by which the command line picks it.
    let name: String
    /// The room whose primitive it stresses.
    let room: String
    /// How many threads take part.
    let threads: Int
    /// What they do and what is checked, in one line.
    let summary: String
    /// Runs until the deadline; returns how many operations were done.
    let run: @Sendable (StressContext) -> UInt64

    init(
        name: String, room: String, threads: Int, summary: String,
        run: @escaping @Sendable (StressContext) -> UInt64
    ) {
        self.name = name
        self.room = room
        self.threads = threads
        self.summary = summary
        self.run = run
    }
}

private final class FailureLog: Sendable {
    // Relaxed: the number is read after the threads of the scenario were joined.
    private let failed = Atomic<Int>(0)

    var count: Int { failed.load(ordering: .relaxed) }

    func record(_ message: String) {
        let (before, _) = failed.add(1, ordering: .relaxed)
        if before < 10 { print("    FAILED: \(message)") }
    }
}
