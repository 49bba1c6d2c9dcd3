// SPDX-License-Identifier: MIT

/// One execution of the program under test, step by step: its threads, its memory, and what became
/// of it. Who goes on and what a load answers is the explorer's choice.
///
/// Everything happens on one OS thread. A virtual thread runs until it is about to access an
/// atomic, says so, and is left; the explorer chooses, the access is made here, and the thread is
/// entered again. Thread 0 is the caller itself: it sets up before the others begin, and looks at
/// the result after they have ended.
final class Execution {
    let options: ModelOptions

    var memory = ModelMemory()
    var cells = CellTable()
    var heap = HeapRecord()
    /// The virtual threads; the caller is not among them: thread t is at index t - 1.
    var threads: ContiguousArray<VirtualThread> = []
    private(set) var threadCount = 0
    private var finalBodies: [() -> Void] = []
    var sleepers: ContiguousArray<Sleeper> = []

    /// The thread whose code runs; 0 for the caller.
    private(set) var running = 0
    /// The number of the present step; -1 before the threads begin.
    var step = -1
    var outcome = AtomicOutcome(value: AtomicBits(low: 0), isDone: false)
    var effect = StepEffect()
    var choices: ContiguousArray<Choice> = []
    var log: ContiguousArray<LogEntry> = []
    var checkers: [() -> String?] = []
    var weakenings = OrderingAudit()
    private(set) var fault: (kind: ModelFailure.Kind, message: String)?

    init(options: ModelOptions) {
        self.options = options
    }

    // MARK: - The course of an execution

    /// Runs `body`, which sets up and names the threads, and each thread up to its first step.
    func begin(_ body: (Model) -> Void) {
        memory.reset()
        cells.reset()
        log.removeAll(keepingCapacity: true)
        sleepers.removeAll(keepingCapacity: true)
        checkers.removeAll()
        fault = nil
        threadCount = 0
        running = 0
        step = -1
        body(Model(self))
        for thread in 1..<(threadCount + 1) where fault == nil {
            memory.synchronize(thread, with: 0)
            enter(thread)
        }
    }

    /// Runs what was to be run last, then lets go of everything, as thread 0.
    func end() {
        for thread in 1..<(threadCount + 1) { memory.synchronize(0, with: thread) }
        for body in finalBodies where fault == nil { body() }
        for check in checkers where fault == nil {
            if let message = check() { fail(.notLinearizable, message) }
        }
        if fault != nil { return abandon() }
        checkers.removeAll()
        finalBodies.removeAll()
        for thread in 0..<threadCount { threads[thread].body = nil }
        if fault != nil { return abandon() }
        heap.end()
    }

    /// Ends an execution whose threads stand where they stand. What they hold is lost on purpose:
    /// their structures are half changed, and ending them would only break more.
    func abandon() {
        let bodies = threads.map(\.body)
        // SAFETY: the count is never given back: see above.
        _ = unsafe Unmanaged.passRetained(LostBodies(bodies + finalBodies, checkers))
        checkers.removeAll()
        finalBodies.removeAll()
        for thread in 0..<threadCount {
            threads[thread].body = nil
            threads[thread].status = .finished
        }
        heap.abandon()
    }

    /// Notes the first fault.
    func fail(_ kind: ModelFailure.Kind, _ message: String) {
        if fault == nil { fault = (kind, message) }
    }

    /// Notes a fault and, on a virtual thread, does not go on.
    func stop(_ kind: ModelFailure.Kind, _ message: String) {
        fail(kind, message)
        if running > 0 { threads[running - 1].suspend() }
    }

    // MARK: - Threads

    /// Adds a thread. Only thread 0 does that, before the others begin.
    func addThread(name: String, _ body: @escaping () -> Void) {
        precondition(running == 0 && step < 0, "threads are named before they begin")
        precondition(threadCount + 1 < threadCountMax, "a model has at most seven threads")
        if threadCount == threads.count {
            threads.append(VirtualThread(stackByteCount: options.stackByteCount))
        }
        threads[threadCount].prepare(
            body, name: name, spuriousFailureMax: options.spuriousFailureMax)
        threadCount += 1
    }

    /// Adds something to be run when all threads have ended.
    func addFinally(_ body: @escaping () -> Void) {
        precondition(running == 0, "what comes last is named before the threads begin")
        finalBodies.append(body)
    }

    /// Runs a thread up to its next step, or to its end.
    func enter(_ thread: Int) {
        running = thread
        threads[thread - 1].resume()
        running = 0
    }

    /// The body of the running thread, on its fiber.
    func runBody() {
        let thread = threads[running - 1]
        thread.body?()
        thread.status = .finished
    }

    /// An access of the running thread: waits for the explorer to choose this thread, and answers
    /// what the access did.
    func take(_ operation: AtomicOperation) -> AtomicOutcome {
        if running > 0 {
            let thread = threads[running - 1]
            announce(operation, by: thread)
            thread.suspend()
            return outcome
        }
        return takeAlone(operation)
    }

    private func announce(_ operation: AtomicOperation, by thread: VirtualThread) {
        thread.pending = weakenings.weakened(operation)
        thread.location = operation.byteCount > 0 ? location(of: operation) : -1
    }

    /// The atomic of an operation, made if it is new.
    private func location(of operation: AtomicOperation) -> Int {
        // A wake uses the address as a name only, also when what lay there is gone.
        let named = operation.kind == .wake ? memory.location(named: operation.address) : -1
        if named >= 0 { return named }
        let known = memory.location(at: operation.address, byteCount: operation.byteCount)
        if known >= 0 { return known }
        let location = memory.addLocation(
            at: operation.address, byteCount: operation.byteCount)
        if let message = heap.problem(
            using: operation.address, by: running, at: memory.clocks[running])
        {
            stop(.useAfterFree, "\(name(of: running)) \(message) (\(operation.site))")
        }
        return location
    }

    /// An access of thread 0, which no other disturbs.
    private func takeAlone(_ operation: AtomicOperation) -> AtomicOutcome {
        alone.pending = operation
        alone.location = operation.byteCount > 0 ? location(of: operation) : -1
        listChoices(of: 0)
        perform(0, choices[0])
        return outcome
    }

    /// Thread 0's place for its next step.
    private lazy var alone = VirtualThread(stackByteCount: 1)

    /// A thread, thread 0 among them.
    func thread(_ number: Int) -> VirtualThread {
        number == 0 ? alone : threads[number - 1]
    }

    /// How a thread is called in messages.
    func name(of thread: Int) -> String {
        if thread == 0 { return "the caller (T0)" }
        let name = threads[thread - 1].name
        return name.isEmpty ? "T\(thread)" : "T\(thread) (\(name))"
    }

    /// A plain access of the running thread.
    func touch(_ access: CellAccess, _ address: UInt, isTrivial: Bool, _ site: CodeSite) {
        record(access, address, site)
        if let message = heap.problem(using: address, by: running, at: memory.clocks[running]) {
            stop(.useAfterFree, "\(name(of: running)) \(message) (\(site))")
        }
        guard
            let fault = cells.touch(
                access, address, isTrivial: isTrivial, by: running, at: memory.clocks[running],
                site)
        else { return }
        let (kind, message) = describe(fault, access, site)
        stop(kind, message)
    }
}

/// What an abandoned execution leaves behind.
private final class LostBodies {
    private let bodies: [(() -> Void)?]
    private let checkers: [() -> String?]

    init(_ bodies: [(() -> Void)?], _ checkers: [() -> String?]) {
        self.bodies = bodies
        self.checkers = checkers
    }
}

/// A thread that sleeps on a word.
struct Sleeper {
    var thread: Int
    var location: Int
}
