// SPDX-License-Identifier: MIT

import Glibc
import ModelChecking
import Testing

/// What threads of a model have seen, for the check at the end. The model's threads are fibers
/// of one thread: this needs no protection.
final class Tally {
    var values: [Int] = []

    func add(_ value: Int) { values.append(value) }
}

/// A first-in first-out queue of so many places.
struct BoundedFIFO: SequentialSpecification {
    enum Operation {
        case push(Int)
        case pop
    }

    var capacity: Int
    /// Whether "full" and "empty" may be answered while another operation is under way.
    var mayRefuseEarly: Bool
    var initialState: [Int] { [] }

    /// A push answers its element if it was refused, a pop what it took.
    func apply(_ operation: Operation, _ result: Int?, to queue: inout [Int]) -> Bool {
        switch operation {
        case .push(let element):
            if queue.count == capacity { return result == element }
            queue.append(element)
            return result == nil
        case .pop:
            return result == (queue.isEmpty ? nil : queue.removeFirst())
        }
    }

    func mayRefuse(_ operation: Operation, _ result: Int?) -> Bool {
        if !mayRefuseEarly { return false }
        switch operation {
        case .push: return result != nil
        case .pop: return result == nil
        }
    }
}

extension ModelAudit {
    /// The survivors as text, to be compared with those that are known and explained.
    var survivorNames: [String] {
        survivors.map { "\($0.operation) \($0.order) → \($0.weakerOrder)" }.sorted()
    }
}

/// How much is explored, by the environment.
enum ModelRun {
    /// Whether sizes are explored that take minutes: MILLRACE_MODEL_LONG=1.
    static let isLong = value("MILLRACE_MODEL_LONG") != nil

    /// How many executions a random exploration of a large size makes: MILLRACE_MODEL_RANDOM,
    /// 10,000,000 in a long run.
    static let randomCount =
        value("MILLRACE_MODEL_RANDOM").flatMap { Int($0) } ?? (isLong ? 10_000_000 : 20_000)

    /// Whether each exploration says how large it was: MILLRACE_MODEL_COUNTS=1.
    static let printsCounts = value("MILLRACE_MODEL_COUNTS") != nil

    /// A bound for each search, to try out how large a program is: MILLRACE_MODEL_MAX.
    static let executionMax = value("MILLRACE_MODEL_MAX").flatMap { Int($0) } ?? .max

    /// How many executions a long run tries before it turns to random ones.
    static let longExecutionMax = executionMax == .max ? 8_000_000 : executionMax

    /// The same for a search with a lock as one step that is known to end, and for others.
    static let lockStepExecutionMax = (ends: 8_000_000, else: min(longExecutionMax, 2_000_000) * 3)

    private static func value(_ name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }  // SAFETY: nobody sets any.
        return unsafe String(cString: text)  // SAFETY: as above; the text ends with a zero.
    }
}

/// Explores all executions of a program of some size.
func exhaust(
    _ size: Any..., options: ModelOptions = ModelOptions(), function: String = #function,
    program: (Model) -> Void
) -> Exploration {
    var options = options
    // A long run bounds only what is known to be large.
    if !ModelRun.isLong { options.executionMax = min(options.executionMax, ModelRun.executionMax) }
    return timed(function, size) { explore(options: options, program: program) }
}

/// Explores a program that is too large to be exhausted on every run: in a long run all executions,
/// if they are no more than eight million or MILLRACE_MODEL_MAX; else random ones and such by
/// random priorities.
func exhaustIfLong(
    _ size: Any..., options: ModelOptions = ModelOptions(), function: String = #function,
    program: (Model) -> Void
) -> Exploration {
    let function = "\(function) \(size)"
    if !ModelRun.isLong { return sample(options: options, function: function, program: program) }
    var bounded = options
    bounded.executionMax = min(options.executionMax, ModelRun.longExecutionMax)
    let result = exhaust(options: bounded, function: function, program: program)
    if !result.holds || result.isExhaustive { return result }
    return sample(options: options, function: function, program: program)
}

/// Explores a program whose waiters meet at an `InternalLock`, what of the lock's own makes it
/// too large: all executions with the lock as one step (`ModelLock`), and with the lock as it is
/// what `exhaustIfLong` looks at. The lock alone is exhausted by itself (`WaitModelTests.lock`).
/// One that is `large` also with the lock as one step is looked at so in a long run only, up to
/// three times as many executions as the lock as it is; if it is known to end, to its end.
func exhaustAroundLock(
    _ size: Any..., isLarge: Bool = false, ends: Bool = false, function: String = #function,
    program: (Model) -> Void
) -> Exploration {
    let function = "\(function) \(size)"
    let real = exhaustIfLong(function: function, program: program)
    if !real.holds || isLarge && !ModelRun.isLong { return real }
    let options = ModelOptions {
        $0.locksAreSteps = true
        let max = ModelRun.lockStepExecutionMax
        $0.executionMax = ends || !isLarge ? max.ends : max.else
    }
    return timed("\(function), the lock as one step", []) {
        explore(.exhaustive, options: options, program: program)
    }
}

/// Explores a program that is too large to be exhausted: random executions and such by random
/// priorities.
func sample(
    _ size: Any..., options: ModelOptions = ModelOptions(), function: String = #function,
    program: (Model) -> Void
) -> Exploration {
    let count = ModelRun.randomCount
    let result = timed(function, size) {
        explore(.random(seed: 1, iterations: count), options: options, program: program)
    }
    if !result.holds { return result }
    return timed("\(function), PCT", size) {
        explore(
            .priorities(seed: 1, iterations: count, changeCount: 3), options: options,
            program: program)
    }
}

/// Says how large an exploration was, if that is wanted.
private func timed(
    _ function: String, _ size: [Any], _ body: () -> Exploration
) -> Exploration {
    let start = ContinuousClock.now
    let result = body()
    if ModelRun.printsCounts {
        let name = size.isEmpty ? function : "\(function) \(size)"
        print("\(name): \(result), \(ContinuousClock.now - start)")
    }
    return result
}
