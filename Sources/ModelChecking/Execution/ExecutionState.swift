// SPDX-License-Identifier: MIT

/// What an execution has come to: its memory, where its threads stand, and what was done.
///
/// It is a value that is never copied, so that a step touches it in place; who goes on and what a
/// load answers is the explorer's choice.
@safe
struct ExecutionState: ~Copyable {
    let options: ModelOptions
    /// Whose state it is.
    var execution: Unmanaged<Execution>?
    var memory = ModelMemory()
    var cells = CellTable()
    var heap = HeapRecord()
    /// All threads; 0 is the caller, who sets up and tears down.
    var threads = PlainBuffer<ThreadState>(capacity: threadCountMax)
    var threadCount = 0
    var sleepers = PlainBuffer<Sleeper>()
    var audit = OrderingAudit()

    /// The thread whose code runs.
    var running = 0
    /// The number of the present step; -1 before the threads begin.
    var step = -1
    /// What the step answers.
    var outcome = AtomicOutcome(value: AtomicBits(low: 0), isDone: false)
    /// What of it matters for the search.
    var effect = StepEffect()
    /// The ways in which the thread that was asked for can go on.
    var choices = PlainBuffer<Choice>()
    var log = PlainBuffer<LogEntry>(capacity: 64)
    /// The first fault.
    private(set) var fault: (kind: ModelFailure.Kind, message: String)?
    /// Whether there has been a fault.
    private(set) var hasFailed = false

    init(options: ModelOptions) {
        self.options = options
        for _ in 0..<threadCountMax { threads.append(ThreadState()) }
    }

    /// Begins an execution with empty memory and no threads.
    mutating func begin() {
        memory.reset()
        memory.addThread(0)
        cells.reset()
        log.removeAll()
        sleepers.removeAll()
        if hasFailed { fault = nil }
        hasFailed = false
        threadCount = 0
        running = 0
        step = -1
    }

    /// Notes the first fault.
    mutating func fail(_ kind: ModelFailure.Kind, _ message: String) {
        if hasFailed { return }
        fault = (kind, message)
        hasFailed = true
    }

    /// How a thread is called in messages.
    func name(of thread: Int) -> String {
        if thread == 0 { return "the caller (T0)" }
        let name = threads[thread].name
        return name.isEmpty ? "T\(thread)" : "T\(thread) (\(name))"
    }

    // MARK: - What the code under test does

    /// Notes the next step of the running thread. False if it cannot be taken.
    mutating func announce(_ operation: borrowing AtomicOperation) -> Bool {
        let location = operation.byteCount > 0 ? location(of: operation) : -1
        if audit.isActive && running > 0 {
            threads[running].announce(audit.weakened(operation), at: location)
        } else {
            threads[running].announce(operation, at: location)
        }
        return !hasFailed
    }

    /// Takes the announced step of thread 0, which no other disturbs.
    mutating func takeAlone() {
        if threads[0].pending.kind == .lock, !isFree(threads[0].location) {
            return fail(.deadlock, "\(name(of: 0)) takes a lock that was not given back")
        }
        listChoices(of: 0)
        perform(0, choices[0])
    }

    /// The atomic of an operation, made if it is new.
    private mutating func location(of operation: borrowing AtomicOperation) -> Int {
        // A wake uses the address as a name only, also when what lay there is gone.
        let named = operation.kind == .wake ? memory.location(named: operation.address) : -1
        if named >= 0 { return named }
        let known = memory.location(at: operation.address, byteCount: operation.byteCount)
        if known >= 0 { return known }
        let location = memory.addLocation(
            at: operation.address, byteCount: operation.byteCount)
        checkHeap(operation.address, operation.site)
        return location
    }

    /// Notes a plain access of the running thread. False if it is a fault.
    mutating func touch(
        _ access: CellAccess, _ address: UInt, isTrivial: Bool, _ site: CodeSite
    ) -> Bool {
        record(access, address, site)
        checkHeap(address, site)
        let fault = cells.touch(
            access, address, isTrivial: isTrivial, by: running, at: memory.clocks[running], site)
        if let fault {
            let (kind, message) = describe(fault, access, site)
            fail(kind, message)
        }
        return !hasFailed
    }

    private mutating func checkHeap(_ address: UInt, _ site: CodeSite) {
        if !heap.mayBeWrong(address, by: running, at: memory.clocks[running]) { return }
        if let message = heap.problem(using: address, by: running, at: memory.clocks[running]) {
            fail(.useAfterFree, "\(name(of: running)) \(message) (\(site))")
        }
    }

    /// Notes that memory was given back. False if that is a fault.
    mutating func noteDeallocation(_ start: UInt, _ site: CodeSite) -> Bool {
        guard let range = heap.range(at: start) else {
            fail(.useAfterFree, "\(name(of: running)) gives memory back a second time (\(site))")
            return false
        }
        heap.markEnd(of: start, by: running, site)
        let fault = cells.endCells(
            in: range, by: running, at: memory.clocks[running], checksLeaks: !hasFailed)
        if let user = memory.end(range, by: running) {
            fail(
                .useAfterFree,
                "\(name(of: running)) gives memory back (\(site)) that \(name(of: user)) has used,"
                    + " and nothing orders the two")
        }
        if let fault {
            let (kind, message) = describeEnd(fault, site)
            fail(kind, message)
        }
        return !hasFailed
    }

    /// Whether a thread has not ended.
    var isAnyThreadLeft: Bool {
        threads.indices.contains { threads[$0].status != .finished && $0 > 0 && $0 <= threadCount }
    }

    /// Says who waits for what.
    mutating func failForDeadlock() {
        var waiting: [String] = []
        for thread in 1..<(threadCount + 1) where threads[thread].status != .finished {
            let isAtLock = threads[thread].pending.kind == .lock
            let verb =
                threads[thread].status == .parked
                ? "sleeps" : isAtLock ? "waits for a lock" : "spins"
            waiting.append("\(name(of: thread)) \(verb) at \(threads[thread].pending.site)")
        }
        fail(.deadlock, "nobody can go on: " + waiting.joined(separator: ", "))
    }
}
