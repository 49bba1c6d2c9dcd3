// SPDX-License-Identifier: MIT

public import AtomicSupport
internal import CLinuxShims
internal import ConcurrentQueues
public import TimerWheels

/// One thread that waits for the kernel, and everything that is done when the kernel answers.
///
/// | Guarantee | operations, timers                   | `post`                                     |
/// |-----------|--------------------------------------|--------------------------------------------|
/// | Threads   | the loop's own only                  | any                                        |
/// | Progress  | never wait                           | lock-free until the inbox is full, then a lock |
/// | Order     | as `EventBackend` promises; timers by deadline | FIFO for each thread while the inbox has room |
/// | Cost      | no allocation; one call into the backend | one system call only if the loop sleeps |
/// | Memory    | `LoopOptions`                        | the inbox; the overflow list when it is full |
///
/// A proactor: operations are submitted with a handler and a context, and the handler is called
/// with the completion. The two faces (tasks, fibers) put their own handlers on top. `run` turns
/// until `stop`, then cancels what is under way, reaps every completion, and returns; jobs posted
/// afterwards are refused.
///
/// ```swift
/// let loop = try EventLoop(choice: .automatic)
/// // on the loop's thread:
/// try loop.run()
/// ```
@safe
public final class EventLoop: @unchecked Sendable {
    // Layout: `sleepState` is 0 while the loop is awake and 1 while it sleeps or is about to.
    //
    // Invariants: I1  an operation is submitted only on the loop's thread
    //             I2  the loop sleeps only if the inbox was empty after `sleepState` became 1
    //             I3  heldBuffers = buffers given out by completions and not yet recycled
    //
    // Edges: E1  post exchange → exchange before sleeping: whoever comes second in the word's
    // modification order sees
    //            the other: either the poster finds 1 and wakes, or the loop finds the inbox filled. The jobs
    //            themselves travel over the inbox's own edges.
    //        E2  stop store → turn load; it carries nothing else.

    /// The limits.
    public let options: LoopOptions
    /// The name of the backend, and why it was chosen.
    public let selection: String

    let backend: any EventBackend
    private var operations: OperationTable
    private var wheel: TimerWheel<TimerJob>
    private let inbox: MPSCInbox<LoopJob>
    private let overflow = OverflowList()
    private let sleepState = Atomic<UInt32>(0)
    private let isStopRequested = Atomic<Bool>(false)
    private var batch: CompletionBatch
    private var turnWork: TurnWork?
    private var phase = Phase.idle
    var starved: [ReceiveStream] = []
    var heldBuffers = 0
    /// What the loop has done.
    public internal(set) var statistics = LoopStatistics()
    /// The time at the beginning of this turn.
    public private(set) var now = MonotonicInstant.now

    /// Called once in every turn; answers whether it has more to do at once.
    public typealias TurnWorkBody = @convention(c) (UnsafeMutableRawPointer) -> Bool

    @safe
    private struct TurnWork {
        let body: TurnWorkBody
        let context: UnsafeMutableRawPointer
    }

    private enum Phase { case idle, running, stopping, over }

    /// A loop on a backend that it chooses.
    public convenience init(
        choice: BackendChoice = .automatic, options: LoopOptions = LoopOptions()
    ) throws(SystemError) {
        self.init(try choice.open(options: options), options: options)
    }

    /// A loop on a given backend.
    public init(_ selected: SelectedBackend, options: LoopOptions = LoopOptions()) {
        self.options = options
        selection = selected.reason
        backend = selected.backend
        operations = OperationTable(capacity: options.operationsMax)
        wheel = TimerWheel(capacity: options.timersMax, origin: Self.tick(atOrBefore: .now))
        inbox = MPSCInbox(capacity: options.inboxCapacity)
        batch = CompletionBatch(capacity: options.completionQueueCapacity)
    }

    // MARK: Running

    /// The loop that the calling thread runs.
    public static var current: EventLoop? {
        guard let pointer = unsafe millrace_current_loop() else { return nil }
        // SAFETY: `run` sets the pointer to itself and clears it before it returns.
        return unsafe Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Whether the calling thread runs this loop.
    public var isCurrent: Bool {
        // SAFETY: compares addresses.
        unsafe millrace_current_loop() == Unmanaged.passUnretained(self).toOpaque()
    }

    /// Gives the loop a function to call in every turn: where an executor runs its jobs.
    @unsafe
    public func setTurnWork(
        context: UnsafeMutableRawPointer, _ body: @escaping TurnWorkBody
    ) {
        precondition(phase == .idle, "turn work is set before the loop runs")
        turnWork = unsafe TurnWork(body: body, context: context)  // SAFETY: the caller vouches.
    }

    /// The context given to `setTurnWork`.
    @unsafe
    public var turnWorkContext: UnsafeMutableRawPointer? { unsafe turnWork?.context }

    /// Turns until `stop`, then ends in order. Call it once, on the thread that shall be the
    /// loop's.
    public func run() throws(SystemError) {
        precondition(phase == .idle, "a loop runs once")
        precondition(Self.current == nil, "the thread already runs a loop")
        try backend.attach()
        phase = .running
        // SAFETY: cleared before `self` can go away.
        unsafe millrace_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
        defer { millrace_set_current_loop(nil) }
        while phase == .running {  // Ends with `stop`.
            turn()
            if isStopRequested.load(ordering: .acquiring) { phase = .stopping }  // E2
        }
        finish()
    }

    /// Asks the loop to end. Any thread; more than once is the same as once.
    public func stop() {
        isStopRequested.store(true, ordering: .releasing)  // E2
        backend.wake()
    }

    private func turn() {
        statistics.turns &+= 1
        now = .now
        runPostedJobs()
        // Timers before the turn's work: the tasks that they resume run before the loop sleeps.
        fireTimers()
        let hasMore = runTurnWork()
        rearmStarved()
        wait(mayBlock: !hasMore && phase == .running)
        dispatch()
    }

    private func runTurnWork() -> Bool {
        guard let work = turnWork else { return false }
        return unsafe work.body(work.context)  // SAFETY: vouched for by `setTurnWork`.
    }

    private func wait(mayBlock: Bool) {
        var deadline = MonotonicInstant(nanoseconds: 0)
        if mayBlock {
            deadline = nextDeadline
            _ = sleepState.exchange(1, ordering: .acquiringAndReleasing)  // E1
            let isBusy = !inbox.isEmpty || !overflow.isEmpty
            if isBusy || isStopRequested.load(ordering: .acquiring) {  // E2
                deadline = MonotonicInstant(nanoseconds: 0)
            }
        }
        backend.wait(until: deadline, into: &batch)
        // Relaxed: a poster that still reads 1 wakes once for nothing.
        if mayBlock { sleepState.store(0, ordering: .relaxed) }
    }

    private func dispatch() {
        for index in 0..<batch.count {
            let completion = batch[index]
            if completion.buffer != nil { heldBuffers += 1 }
            // SAFETY: hands the pointers on.
            guard let (handler, context) = unsafe operations.take(completion) else {
                statistics.staleCompletions &+= 1
                if let buffer = completion.buffer { recycle(buffer) }
                continue
            }
            statistics.completions &+= 1
            // SAFETY: the submitter vouched for both until the last completion.
            unsafe handler(context, completion.id.rawValue, completion.result, completion.flags)
        }
        batch.removeAll()
    }

    /// Cancels what is under way and turns until nothing is: every completion is reaped, every
    /// timer answered. Jobs that never come to rest are left after `stopGraceNanoseconds`.
    private func finish() {
        let patience = MonotonicInstant.now.advanced(byNanoseconds: options.stopGraceNanoseconds)
        while true {  // Ends: nothing new is accepted, and each operation answers its cancellation.
            cancelEverything()
            turn()
            guard operations.count == 0 && wheel.isEmpty else { continue }
            if inbox.isEmpty && overflow.isEmpty && !runTurnWork() { break }
            if now >= patience { break }
        }
        phase = .over
        _ = inbox.close()
        runPostedJobs()
        for job in overflow.takeAll(closing: true) { job() }
        _ = runTurnWork()
        assert(heldBuffers == 0, "a receive buffer was not given back")
    }

    private func cancelEverything() {
        operations.forEach { backend.cancel($0) }
        while let timer = wheel.popExpired(now: .max) {  // Ends: no timer is added while stopping.
            // SAFETY: vouched for by `schedule`.
            unsafe timer.handler(timer.context, true)
        }
    }

    // MARK: Operations

    /// Starts an operation; its handler is called on this thread with each completion. Nil if the
    /// table is full (`LoopOptions.operationsMax`) or the loop is stopping: then nothing was
    /// started.
    @unsafe
    @discardableResult
    public func submit(
        _ request: Request, context: UnsafeMutableRawPointer,
        _ handler: @escaping CompletionHandler
    ) -> OperationID? {
        assert(isCurrent, "operations are submitted on the loop's thread")
        guard phase == .running || phase == .idle else { return nil }
        // SAFETY: the caller vouches for context and handler.
        guard let id = unsafe operations.insert(handler, context) else { return nil }
        statistics.submitted &+= 1
        unsafe backend.submit(request, as: id)  // SAFETY: the caller vouches for the request's memory.
        return id
    }

    /// Asks that an operation end. It completes once more: with `ECANCELED`, or with what happened
    /// first.
    public func cancel(_ id: OperationID) {
        assert(isCurrent, "operations are cancelled on the loop's thread")
        if operations.contains(id) { backend.cancel(id) }
    }

    /// Cancels every operation on the descriptor and closes it.
    public func close(_ descriptor: Int32) {
        assert(isCurrent, "descriptors are closed on the loop's thread")
        backend.cancelAll(on: descriptor)
        // SAFETY: the request names no memory; the handler ignores the context.
        let id = unsafe submit(
            .close(descriptor: descriptor), context: Unmanaged.passUnretained(self).toOpaque(),
            { _, _, _, _ in })
        if id == nil { _ = millrace_close(descriptor) }
    }

    /// How many operations are under way.
    public var operationCount: Int { operations.count }

    // MARK: Posting

    /// Hands a job to the loop's thread; false if the loop is over and the job will not run. Any
    /// thread.
    @discardableResult
    public func post(_ job: LoopJob) -> Bool {
        let outcome = inbox.tryPush(job)
        let isPushed = outcome.isPushed
        let needsWake = outcome.needsWake
        if !isPushed {
            guard overflow.append(job) else { return false }
        }
        if needsWake || !isPushed { wakeIfAsleep() }
        return true
    }

    private func wakeIfAsleep() {
        if sleepState.exchange(0, ordering: .acquiringAndReleasing) == 1 {  // E1
            backend.wake()
        }
    }

    private func runPostedJobs() {
        if !inbox.isEmpty {
            let count = inbox.drain { job in job() }
            statistics.jobs &+= UInt64(count)
        }
        guard !overflow.isEmpty else { return }
        for job in overflow.takeAll() {
            job()
            statistics.jobs &+= 1
        }
    }

    // MARK: Timers

    /// A tick of the wheel is 2¹⁸ ns, about a quarter of a millisecond.
    private static var tickShift: UInt64 { 18 }

    private static func tick(atOrBefore instant: MonotonicInstant) -> UInt64 {
        instant.nanoseconds &>> tickShift
    }

    private static func tick(atOrAfter instant: MonotonicInstant) -> UInt64 {
        let tick = instant.nanoseconds &>> tickShift
        return tick &<< tickShift == instant.nanoseconds ? tick : tick &+ 1
    }

    /// Sets a timer; its handler is called on this thread at the deadline or up to a tick (0.26 ms)
    /// and a turn later, never earlier. Nil if `LoopOptions.timersMax` are set or the loop is
    /// stopping.
    @unsafe
    public func schedule(
        at deadline: MonotonicInstant, context: UnsafeMutableRawPointer,
        _ handler: @escaping TimerHandler
    ) -> LoopTimer? {
        assert(isCurrent, "timers are set on the loop's thread")
        guard phase == .running || phase == .idle else { return nil }
        // SAFETY: the caller vouches for context and handler.
        let job = unsafe TimerJob(handler: handler, context: context)
        return wheel.insert(deadline: Self.tick(atOrAfter: deadline), payload: job)
    }

    /// Takes a timer away; false if it has come to its end already (or its handler is being
    /// called).
    @discardableResult
    public func cancel(_ timer: LoopTimer) -> Bool {
        assert(isCurrent, "timers are cancelled on the loop's thread")
        return wheel.cancel(timer) != nil
    }

    /// How many timers are set.
    public var timerCount: Int { wheel.count }

    private var nextDeadline: MonotonicInstant {
        guard let tick = wheel.nextDeadline() else { return .never }
        let (nanoseconds, overflow) = tick.multipliedReportingOverflow(by: 1 &<< Self.tickShift)
        return overflow ? .never : MonotonicInstant(nanoseconds: nanoseconds)
    }

    private func fireTimers() {
        let tick = Self.tick(atOrBefore: now)
        while let timer = wheel.popExpired(now: tick) {  // Ends: a timer set here is due later or is counted once.
            statistics.timersFired &+= 1
            // SAFETY: vouched for by `schedule`.
            unsafe timer.handler(timer.context, false)
        }
    }

    // MARK: Buffers

    /// Gives a receive buffer back.
    func recycle(_ buffer: UInt16) {
        heldBuffers -= 1
        assert(heldBuffers >= 0, "a buffer was given back twice")
        backend.recycle(buffer)
    }

    /// Starts streams again that found no buffer, in the order in which they ran dry, as far as
    /// buffers are free.
    private func rearmStarved() {
        var free = backend.buffers.count - heldBuffers
        while free > 0 && !starved.isEmpty {
            starved.removeFirst().rearm()
            free -= 1
        }
    }
}
