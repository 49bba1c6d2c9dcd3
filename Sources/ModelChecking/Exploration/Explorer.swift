// SPDX-License-Identifier: MIT

/// Walks through the executions of one program.
final class Explorer {
    let strategy: ExplorationStrategy
    let execution: Execution
    /// The choices of the present execution.
    var path: ContiguousArray<ModelPath.Step> = []
    var result = Exploration()
    var reduction = Reduction()
    var random = SplitMix64(seed: 0)
    var priorities = ThreadPriorities()
    private var lastThread = 0
    private var isDraining = false
    private var seed: UInt64?
    /// Called after each execution that was not redundant, in the tests of the model itself.
    var observer: ((Execution) -> Void)?

    init(_ strategy: ExplorationStrategy, _ execution: Execution) {
        self.strategy = strategy
        self.execution = execution
    }

    /// Runs them until one fails, all were run, or there are enough.
    func run(_ body: (Model) -> Void) -> Exploration {
        switch strategy {
        case .exhaustive, .randomThenExhaustive:
            runAll(body)
        case .bounded(let preemptionMax):
            reduction.preemptionMax = preemptionMax
            runAll(body)
        case .random(let seed, let iterations):
            runRandom(seed, iterations, body) { _ in }
        case .priorities(let seed, let iterations, let changeCount):
            runRandom(seed, iterations, body) { explorer in
                explorer.priorities.draw(
                    from: &explorer.random, changeCount: changeCount,
                    stepCount: max(explorer.result.longestExecution, 20))
            }
        case .replay:
            runOnce(body)
        }
        return result
    }

    private func runAll(_ body: (Model) -> Void) {
        repeat {
            runOnce(body)
            if result.failure != nil { return }
            if result.executionCount >= execution.options.executionMax { return }
        } while reduction.nextExecution()
        result.isExhaustive = true
    }

    private func runRandom(
        _ seed: UInt64, _ iterations: Int, _ body: (Model) -> Void, _ prepare: (Explorer) -> Void
    ) {
        for iteration in 0..<UInt64(iterations) {
            // Each execution has a seed of its own, so that it can be run alone.
            self.seed = seed &+ iteration
            random = SplitMix64(seed: seed &+ iteration)
            prepare(self)
            runOnce(body)
            if result.failure != nil { return }
        }
    }

    private func runOnce(_ body: (Model) -> Void) {
        path.removeAll(keepingCapacity: true)
        reduction.beginExecution()
        lastThread = 0
        isDraining = false
        execution.withCurrent {
            execution.begin(body)
            while execution.fault == nil, let thread = nextThread() {
                takeStep(of: thread)
            }
            // A thread that has not ended is in a fault already: `nextThread` says so.
            if execution.fault == nil {
                execution.end()
            } else {
                execution.abandon()
            }
        }
        result.executionCount += 1
        result.stepCount += path.count
        result.longestExecution = max(result.longestExecution, path.count)
        if isDraining { result.redundantCount += 1 }
        if let fault = execution.fault, !isDraining {
            result.failure = ModelFailure(
                kind: fault.kind, message: fault.message, trace: execution.trace(),
                path: ModelPath(steps: Array(path)), seed: seed)
        } else if !isDraining {
            observer?(execution)
        }
    }

    // MARK: - One step

    /// The thread that goes on, and in `choiceOfStep` how; nil when there is none.
    private func nextThread() -> Int? {
        var enabled: UInt8 = 0
        var isAnyLeft = false
        for thread in 1..<(execution.threadCount + 1) {
            if execution.threads[thread - 1].status != .finished { isAnyLeft = true }
            if execution.isEnabled(thread) { enabled |= 1 &<< UInt8(thread) }
        }
        if !isAnyLeft { return nil }
        if enabled == 0 {
            execution.failForDeadlock()
            return nil
        }
        if path.count >= execution.options.stepMax {
            execution.fail(.noProgress, "an execution took \(path.count) steps and has not ended")
            return nil
        }
        return choose(among: enabled)
    }

    private func choose(among enabled: UInt8) -> Int? {
        let depth = path.count
        switch strategy {
        case .exhaustive, .randomThenExhaustive, .bounded:
            if isDraining { return drain(enabled) }
            switch reduction.choose(execution, depth, enabled, lastThread) {
            case .thread(let thread): return thread
            case .redundant:
                isDraining = true
                return drain(enabled)
            case .impossible:
                execution.fail(.nondeterminism, "the program did not repeat what it did before")
                return nil
            }
        case .random:
            let thread = random.bit(of: enabled)
            execution.listChoices(of: thread)
            reduction.choice = random.index(below: execution.choices.count)
            return thread
        case .priorities:
            let thread = priorities.next(enabled, step: depth)
            execution.listChoices(of: thread)
            reduction.choice = random.index(below: execution.choices.count)
            return thread
        case .replay(let path):
            guard depth < path.steps.count else { return drain(enabled) }
            let step = path.steps[depth]
            execution.listChoices(of: step.thread)
            guard step.thread <= execution.threadCount,
                enabled & (1 &<< UInt8(step.thread)) != 0,
                step.choice < execution.choices.count
            else {
                execution.fail(.nondeterminism, "the path does not fit the program")
                return nil
            }
            reduction.choice = step.choice
            return step.thread
        }
    }

    /// Goes on in the most ordinary way, to bring an execution to its end.
    private func drain(_ enabled: UInt8) -> Int {
        let isSame = enabled & (1 &<< UInt8(lastThread)) != 0 && lastThread > 0
        let thread = isSame ? lastThread : enabled.trailingZeroBitCount
        execution.listChoices(of: thread)
        reduction.choice = 0
        return thread
    }

    private func takeStep(of thread: Int) {
        let depth = path.count
        let choice = reduction.choice
        path.append(ModelPath.Step(thread: thread, choice: choice))
        execution.step = depth
        execution.perform(thread, execution.choices[choice])
        lastThread = thread
        switch strategy {
        case .exhaustive, .randomThenExhaustive:
            if !isDraining { reduction.note(execution.effect, of: thread, at: depth) }
        default:
            break
        }
        if execution.fault != nil { return }
        if execution.threads[thread - 1].status == .ready { execution.enter(thread) }
    }
}

extension Execution {
    /// Says who waits for what.
    func failForDeadlock() {
        let waiting = (1..<(threadCount + 1)).compactMap { thread -> String? in
            switch self.thread(thread).status {
            case .finished: return nil
            case .parked:
                return "\(name(of: thread)) sleeps at \(self.thread(thread).pending.site)"
            case .ready:
                return "\(name(of: thread)) spins at \(self.thread(thread).pending.site)"
            }
        }
        fail(
            .deadlock, "nobody can go on: " + waiting.joined(separator: ", "))
    }
}
