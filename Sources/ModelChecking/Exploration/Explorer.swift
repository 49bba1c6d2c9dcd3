// SPDX-License-Identifier: MIT

/// Walks through the executions of one program.
@safe
struct Explorer: ~Copyable {
    let strategy: ExplorationStrategy
    let execution: Execution
    private let model: Model
    private let place: UnsafeMutablePointer<ExecutionState>
    /// The choices of the present execution.
    var path = PlainBuffer<ModelPath.Step>(capacity: 64)
    var result = Exploration()
    var reduction = Reduction()
    var random = SplitMix64(seed: 0)
    var priorities = ThreadPriorities()
    private var lastThread = 0
    private var isDraining = false
    private var seed: UInt64?
    private var solo = 0
    private var soloStart = 0
    private var soloOperation = 0
    private var soloStepCount = 0
    /// Called after each execution that was not redundant, in the tests of the model itself.
    var observer: ((Execution) -> Void)?

    init(_ strategy: ExplorationStrategy, _ execution: Execution) {
        self.strategy = strategy
        self.execution = execution
        model = Model(execution)
        unsafe place = execution.place  // SAFETY: lives as long as `execution`.
    }

    /// What the present execution has come to.
    private var state: ExecutionState {
        @inline(__always) unsafeAddress {
            unsafe UnsafePointer(place)  // SAFETY: lives as long as `execution`.
        }
        @inline(__always) nonmutating unsafeMutableAddress {
            unsafe place  // SAFETY: as above; no access spans a switch of fibers.
        }
    }

    /// Runs them until one fails, all were run, or there are enough.
    mutating func run(_ body: (Model) -> Void) -> Exploration {
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
                explorer.priorities.draw(from: &explorer.random, changeCount: changeCount)
            }
        case .replay:
            runOnce(body)
        }
        return result
    }

    private mutating func runAll(_ body: (Model) -> Void) {
        repeat {
            runOnce(body)
            if result.failure != nil { return }
            if result.executionCount >= state.options.executionMax { return }
        } while reduction.nextExecution()
        result.isExhaustive = true
    }

    private mutating func runRandom(
        _ seed: UInt64, _ iterations: Int, _ body: (Model) -> Void,
        _ prepare: (inout Explorer) -> Void
    ) {
        for iteration in 0..<UInt64(iterations) {
            // Each execution has a seed of its own, so that it can be run alone.
            self.seed = seed &+ iteration
            random = SplitMix64(seed: seed &+ iteration)
            (solo, soloStart) = (0, random.step())
            prepare(&self)
            runOnce(body)
            if result.failure != nil { return }
        }
    }

    private mutating func runOnce(_ body: (Model) -> Void) {
        path.removeAll()
        reduction.beginExecution()
        lastThread = 0
        isDraining = false
        execution.withCurrent {
            execution.begin(body, model)
            while !state.hasFailed, let thread = nextThread() {
                takeStep(of: thread)
            }
            // A thread that has not ended is in a fault already: `nextThread` says so.
            if !state.hasFailed {
                execution.end()
            } else {
                execution.abandon()
            }
        }
        result.executionCount += 1
        result.stepCount += path.count
        result.longestExecution = max(result.longestExecution, path.count)
        if isDraining { result.redundantCount += 1 }
        // A redundant execution is real, too: a failure of it counts.
        if let fault = state.fault {
            result.failure = ModelFailure(
                kind: fault.kind, message: fault.message, trace: state.trace(),
                path: ModelPath(steps: path.array), seed: seed)
        } else if !isDraining {
            observer?(execution)
        }
    }

    // MARK: - Progress of one thread alone

    /// The thread that runs alone at this step, if one does: from a random step on, until its
    /// operation has ended.
    private mutating func soloThread(_ enabled: UInt8, _ depth: Int) -> Int? {
        let stepMax = state.options.soloStepMax
        if stepMax == 0 { return nil }
        if solo == 0, depth >= soloStart {
            soloStart = .max
            let thread = random.bit(of: enabled)
            soloOperation = state.threads[thread].operation
            if soloOperation == 0 { return nil }
            (solo, soloStepCount) = (thread, 0)
        }
        if solo == 0 { return nil }
        // The next operation may have begun without a step in between.
        let hasEnded = state.threads[solo].operation != soloOperation
        if state.threads[solo].status == .finished || hasEnded {
            solo = 0
            return nil
        }
        soloStepCount += 1
        if soloStepCount > stepMax || enabled & (1 &<< UInt8(solo)) == 0 {
            state.fail(
                .noProgress,
                "\(state.name(of: solo)) cannot end its operation alone in \(stepMax)"
                    + " steps: it is at \(state.threads[solo].pending.site)")
        }
        return solo
    }

    // MARK: - One step

    /// The thread that goes on, and in `choiceOfStep` how; nil when there is none.
    private mutating func nextThread() -> Int? {
        var enabled: UInt8 = 0
        for thread in 1..<(state.threadCount + 1) where state.isEnabled(thread) {
            enabled |= 1 &<< UInt8(thread)
        }
        if enabled == 0 {
            if state.isAnyThreadLeft { state.failForDeadlock() }
            return nil
        }
        if path.count >= state.options.stepMax {
            state.fail(
                .noProgress, "an execution took \(path.count) steps and has not ended")
            return nil
        }
        return choose(among: enabled)
    }

    private mutating func choose(among enabled: UInt8) -> Int? {
        let depth = path.count
        switch strategy {
        case .exhaustive, .randomThenExhaustive, .bounded:
            if isDraining { return drain(enabled) }
            // SAFETY: the state lives as long as `execution`.
            let place = unsafe place
            switch unsafe reduction.choose(&place.pointee, depth, enabled, lastThread) {
            case .thread(let thread): return thread
            case .redundant:
                isDraining = true
                return drain(enabled)
            case .impossible:
                state.fail(
                    .nondeterminism, "the program did not repeat what it did before")
                return nil
            }
        case .random:
            return atRandom(soloThread(enabled, depth) ?? random.bit(of: enabled))
        case .priorities:
            return atRandom(
                soloThread(enabled, depth) ?? priorities.next(enabled, step: depth))
        case .replay(let path):
            guard depth < path.steps.count else { return drain(enabled) }
            let step = path.steps[depth]
            state.listChoices(of: step.thread)
            guard step.thread <= state.threadCount,
                enabled & (1 &<< UInt8(step.thread)) != 0,
                step.choice < state.choices.count
            else {
                state.fail(.nondeterminism, "the path does not fit the program")
                return nil
            }
            reduction.choice = step.choice
            return step.thread
        }
    }

    /// The thread, with a choice at random.
    private mutating func atRandom(_ thread: Int) -> Int? {
        if state.hasFailed { return nil }
        state.listChoices(of: thread)
        reduction.choice = random.index(below: state.choices.count)
        return thread
    }

    /// Goes on in the most ordinary way, to bring an execution to its end.
    private mutating func drain(_ enabled: UInt8) -> Int {
        let isSame = enabled & (1 &<< UInt8(lastThread)) != 0 && lastThread > 0
        let thread = isSame ? lastThread : enabled.trailingZeroBitCount
        state.listChoices(of: thread)
        reduction.choice = 0
        return thread
    }

    private mutating func takeStep(of thread: Int) {
        let depth = path.count
        let choice = reduction.choice
        path.append(ModelPath.Step(thread: thread, choice: choice))
        state.step = depth
        state.perform(thread, state.choices[choice])
        lastThread = thread
        switch strategy {
        case .exhaustive, .randomThenExhaustive:
            if !isDraining { reduction.note(state.effect, of: thread, at: depth) }
        default:
            break
        }
        if state.hasFailed { return }
        // SAFETY: as above; no access to it is open.
        if state.threads[thread].status == .ready { unsafe place.enter(thread) }
    }
}
