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
    let place: UnsafeMutablePointer<ExecutionState>
    /// The virtual threads; the caller is not among them: thread t is at index t - 1.
    private var fibers: ContiguousArray<VirtualFiber> = []
    private var finalBodies: [() -> Void] = []
    private var checkers: [() -> String?] = []

    init(options: ModelOptions) {
        // SAFETY: freed in `deinit`.
        unsafe place = .allocate(capacity: 1)
        unsafe place.initialize(to: ExecutionState(options: options))
        // SAFETY: initialized above; the state ends before the object does.
        unsafe place.pointee.execution = Unmanaged.passUnretained(self)
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
    func begin(_ body: (Model) -> Void, _ model: Model) {
        state.begin()
        body(model)
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
        if !checkers.isEmpty { checkers.removeAll(keepingCapacity: true) }
        if !finalBodies.isEmpty { finalBodies.removeAll(keepingCapacity: true) }
        for index in 0..<state.threadCount { fibers[index].body = nil }
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
    func halt() {
        let running = state.running
        if running > 0 { leave(running) }
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
        unsafe state.threads[index + 1].fiber = fibers[index].fiber  // SAFETY: never let go of.
        state.threadCount = index + 1
        state.memory.addThread(index + 1)
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
        unsafe place.enter(thread)  // SAFETY: the thread's fiber is in `fibers`.
    }

    /// Leaves the running thread.
    @inline(__always)
    private func leave(_ thread: Int) {
        // SAFETY: the thread's fiber is in `fibers`, and runs.
        if let fiber = unsafe state.threads[thread].fiber { unsafe VirtualFiber.suspend(fiber) }
    }

    /// The body of the running thread, on its fiber.
    func runBody() {
        let thread = state.running
        fibers[thread - 1].body?()
        state.threads[thread].status = .finished
    }

    // MARK: - What the code under test does

    /// The running thread begins an operation.
    func beginOperation() {
        state.threads[state.running].beginOperation()
    }

    /// The running thread has ended an operation.
    func endOperation() {
        state.threads[state.running].operation = 0
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

extension UnsafeMutablePointer where Pointee == ExecutionState {
    /// Runs a thread up to its next step, or to its end. No access to the state is open meanwhile.
    @inline(__always)
    func enter(_ thread: Int) {
        unsafe pointee.running = thread  // SAFETY: the execution is alive, with its fibers.
        if let fiber = unsafe pointee.threads[thread].fiber { unsafe VirtualFiber.resume(fiber) }
        unsafe pointee.running = 0  // SAFETY: as above.
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
