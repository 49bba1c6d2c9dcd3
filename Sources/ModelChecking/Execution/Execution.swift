// SPDX-License-Identifier: MIT

/// One execution after the other of the program under test.
///
/// Everything happens on one OS thread. A virtual thread runs until it is about to access an
/// atomic, says so, and is left; the explorer chooses, the access is made in the state, and the
/// thread is entered again. Thread 0 is the caller itself: it sets up before the others begin, and
/// looks at the result after they have ended.
///
/// No access to `state` is open while a fiber is entered or left.
@safe
final class Execution {
    /// The state lies beside the object, so that no step pays for checks of exclusive access.
    private let place: UnsafeMutablePointer<ExecutionState>
    /// The virtual threads; the caller is not among them: thread t is at index t - 1.
    private var fibers: ContiguousArray<VirtualFiber> = []
    private var finalBodies: [() -> Void] = []
    private var checkers: [() -> String?] = []

    init(options: ModelOptions) {
        // SAFETY: freed in `deinit`.
        unsafe place = .allocate(capacity: 1)
        unsafe place.initialize(to: ExecutionState(options: options))
    }

    deinit {
        unsafe place.deinitialize(count: 1)  // SAFETY: initialized in `init`.
        unsafe place.deallocate()  // SAFETY: allocated in `init`.
    }

    /// What the present execution has come to.
    var state: ExecutionState {
        @inline(__always) unsafeAddress {
            unsafe UnsafePointer(place)  // SAFETY: lives as long as the object.
        }
        @inline(__always) unsafeMutableAddress {
            unsafe place  // SAFETY: as above; one thread, and no access spans a switch of fibers.
        }
    }

    // MARK: - The course of an execution

    /// Runs `body`, which sets up and names the threads, and each thread up to its first step.
    func begin(_ body: (Model) -> Void) {
        state.begin()
        body(Model(self))
        for thread in 1..<(state.threadCount + 1) where !state.hasFailed {
            state.memory.synchronize(thread, with: 0)
            enter(thread)
        }
    }

    /// Runs what was to be run last, then lets go of everything, as thread 0.
    func end() {
        for thread in 1..<(state.threadCount + 1) { state.memory.synchronize(0, with: thread) }
        for body in finalBodies where !state.hasFailed { body() }
        for check in checkers where !state.hasFailed {
            if let message = check() { state.fail(.notLinearizable, message) }
        }
        if state.hasFailed { return abandon() }
        checkers.removeAll()
        finalBodies.removeAll()
        for fiber in fibers { fiber.body = nil }
        if state.hasFailed { return abandon() }
        if let site = state.heap.firstLeak {
            state.fail(.lifetime, "memory allocated at \(site) was never given back")
        }
        state.heap.end()
    }

    /// Ends an execution whose threads stand where they stand. What they hold is lost on purpose:
    /// their structures are half changed, and ending them would only break more.
    func abandon() {
        let bodies = fibers.map(\.body)
        // SAFETY: the count is never given back: see above.
        _ = unsafe Unmanaged.passRetained(LostBodies(bodies + finalBodies, checkers))
        checkers.removeAll()
        finalBodies.removeAll()
        for fiber in fibers { fiber.body = nil }
        state.heap.abandon()
    }

    /// Notes a fault and, on a virtual thread, does not go on.
    func stop(_ kind: ModelFailure.Kind, _ message: String) {
        state.fail(kind, message)
        halt()
    }

    /// Leaves the running thread for good, after a fault. Thread 0 goes on.
    private func halt() {
        let running = state.running
        if running > 0 { fibers[running - 1].suspend() }
    }

    // MARK: - Threads

    /// Adds a thread. Only thread 0 does that, before the others begin.
    func addThread(name: String, _ body: @escaping () -> Void) {
        precondition(state.running == 0 && state.step < 0, "threads are named before they begin")
        precondition(state.threadCount + 1 < threadCountMax, "a model has at most seven threads")
        let index = state.threadCount
        if index == fibers.count {
            fibers.append(VirtualFiber(stackByteCount: state.options.stackByteCount))
        }
        fibers[index].prepare(body)
        state.threadCount = index + 1
        let spuriousFailureMax = state.options.spuriousFailureMax
        state.threads[index + 1].begin(name: name, spuriousFailureMax: spuriousFailureMax)
    }

    /// Adds something to be run when all threads have ended.
    func addFinally(_ body: @escaping () -> Void) {
        precondition(state.running == 0, "what comes last is named before the threads begin")
        finalBodies.append(body)
    }

    /// Adds a check of the whole execution, which answers what is wrong.
    func addChecker(_ check: @escaping () -> String?) {
        checkers.append(check)
    }

    /// Runs a thread up to its next step, or to its end.
    func enter(_ thread: Int) {
        state.running = thread
        fibers[thread - 1].resume()
        state.running = 0
    }

    /// The body of the running thread, on its fiber.
    func runBody() {
        let thread = state.running
        fibers[thread - 1].body?()
        state.threads[thread].status = .finished
    }

    // MARK: - What the code under test does

    /// An access of the running thread: waits for the explorer to choose this thread, and answers
    /// what the access did.
    func take(_ operation: AtomicOperation) -> AtomicOutcome {
        let thread = state.running
        let isAllowed = state.announce(operation)
        if thread > 0 {
            fibers[thread - 1].suspend()
        } else if isAllowed {
            state.takeAlone()
        }
        return state.outcome
    }

    /// The running thread begins an operation.
    func beginOperation() {
        state.threads[state.running].reads.removeAll()
        state.threads[state.running].isInOperation = true
    }

    /// The running thread has ended an operation.
    func endOperation() {
        state.threads[state.running].isInOperation = false
    }

    /// A plain access of the running thread.
    func touch(_ access: CellAccess, _ address: UInt, isTrivial: Bool, _ site: CodeSite) {
        if !state.touch(access, address, isTrivial: isTrivial, site) { halt() }
    }

    /// The running thread has allocated memory.
    func noteAllocation(_ range: Range<UInt>, _ site: CodeSite) {
        let running = state.running
        let time = state.memory.clocks[running][running]
        state.heap.add(range, by: running, at: time, site)
    }

    /// The running thread gives memory back.
    func noteDeallocation(_ start: UInt, _ site: CodeSite) {
        if !state.noteDeallocation(start, site) { halt() }
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
