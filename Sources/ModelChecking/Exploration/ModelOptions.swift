// SPDX-License-Identifier: MIT

/// The bounds of a model.
public struct ModelOptions: Sendable {
    /// Steps of one execution, beyond which it fails with `noProgress`.
    public var stepMax = 5_000
    /// Executions, beyond which the search stops and is not exhaustive.
    public var executionMax = Int.max
    /// Steps that one thread may take alone, while the others stand where they stand, until an
    /// operation (`Model.operation`, `History.record`) has ended: what lock-free code promises.
    /// Random explorations try it once in each execution; zero means that it is not asked.
    public var soloStepMax = 0
    /// How often the weak compare-exchanges of each thread fail for no reason, at most.
    public var spuriousFailureMax = 0
    /// How often a thread may, at one place of the code and with no write of its own in between,
    /// read a value again that has been replaced. It makes loops that wait finite; a program that
    /// counts its own repetitions is checked only up to this number of stale ones.
    public var staleRepeatMax = 1
    /// Whether a store may be put, in modification order, before others that its thread has not
    /// seen. Without it stores take effect in the order in which they are made, which no machine
    /// promises, but which makes fewer executions.
    public var movesStores = true
    /// Whether code that has a lock of its own should use `ModelLock` in its place, where the lock
    /// itself is checked elsewhere: `ModelLock.standsIn` tells it. A lock's attempts, sleeps and
    /// wakes are most of the executions of what it guards.
    public var locksAreSteps = false
    /// Bytes of each virtual thread's stack.
    public var stackByteCount = 256 * 1024

    /// The ordinary bounds.
    public init() {}

    /// The ordinary bounds, changed by `change`.
    public init(_ change: (inout ModelOptions) -> Void) { change(&self) }
}

/// Which executions are looked at.
public enum ExplorationStrategy: Sendable, Equatable {
    /// All that differ in what a load answers or in the order of two writes, each once or seldom
    /// more often.
    case exhaustive
    /// All orders of steps with at most so many preemptions, without any reduction: seldom better
    /// than `exhaustive`, which it can be compared with.
    case bounded(preemptionMax: Int)
    /// So many executions with every choice drawn from the seed.
    case random(seed: UInt64, iterations: Int)
    /// So many executions with threads by random priorities, which change at `changeCount` places.
    ///
    /// Source: S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatte, "A Randomized Scheduler
    /// with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
    case priorities(seed: UInt64, iterations: Int, changeCount: Int)
    /// Random ones first, which find most faults sooner, then all.
    case randomThenExhaustive(seed: UInt64, iterations: Int)
    /// The one that a failure has printed.
    case replay(ModelPath)
}

/// What an exploration has found.
public struct Exploration: Sendable {
    /// The first failure; the search ends with it.
    public var failure: ModelFailure?
    /// How many executions were made, the redundant ones among them.
    public var executionCount = 0
    /// How many of them turned out to be like others.
    public var redundantCount = 0
    /// How many steps were made in all.
    public var stepCount = 0
    /// The longest execution, in steps.
    public var longestExecution = 0
    /// Whether all executions within the bounds were looked at.
    public var isExhaustive = false

    /// Whether nothing failed.
    public var holds: Bool { failure == nil }
}

extension Exploration: CustomStringConvertible {
    /// One line, and the failure if there is one.
    public var description: String {
        let extent = isExhaustive ? "exhausted" : "not exhausted"
        let counts =
            "\(executionCount) executions (\(redundantCount) redundant), \(stepCount) steps,"
            + " longest \(longestExecution), \(extent)"
        guard let failure else { return "holds: \(counts)" }
        return "fails: \(counts)\n\(failure)"
    }
}

/// Runs a small concurrent program in many ways: `program` sets it up, names its threads by
/// `model.thread`, and says by `model.finally` what must hold when they have ended. It is called
/// once for each execution, on the calling thread, and must do the same each time.
///
/// - Complexity: exponential in the number of steps that conflict. Two or three threads with two or
///   three operations each are the usual size; most faults of lock-free code show there.
public func explore(
    _ strategy: ExplorationStrategy = .randomThenExhaustive(seed: 1, iterations: 200),
    options: ModelOptions = ModelOptions(), program body: (Model) -> Void
) -> Exploration {
    explore(strategy, with: Execution(options: options), body)
}

/// The same with an execution that was prepared.
func explore(
    _ strategy: ExplorationStrategy, with execution: Execution, _ body: (Model) -> Void
) -> Exploration {
    guard case .randomThenExhaustive(let seed, let iterations) = strategy else {
        var explorer = Explorer(strategy, execution)
        return explorer.run(body)
    }
    let first = explore(.random(seed: seed, iterations: iterations), with: execution, body)
    if first.failure != nil { return first }
    var second = explore(.exhaustive, with: execution, body)
    second.executionCount += first.executionCount
    second.stepCount += first.stepCount
    second.longestExecution = max(second.longestExecution, first.longestExecution)
    return second
}
