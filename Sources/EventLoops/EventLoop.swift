// SPDX-License-Identifier: MIT

public import AtomicSupport
internal import CLinuxShims
internal import ConcurrentQueues
public import TimerWheels

/// One thread that waits for the kernel, and everything that is done when the kernel answers.
///
/// | Guarantee | operations, timers                | `post`                                  |
/// |-----------|-----------------------------------|-----------------------------------------|
/// | Threads   | the loop's own only               | any                                     |
/// | Progress  | never wait                        | lock-free until the inbox is full, then |
/// |           |                                   | a lock                                  |
/// | Order     | as `EventBackend` promises;       | FIFO for each thread                    |
/// |           | timers by deadline                |                                         |
/// | Cost      | no allocation; one call into the  | one system call only if the loop sleeps |
/// |           | backend                           |                                         |
/// | Memory    | `LoopOptions`                     | the inbox; the overflow list when it is |
/// |           |                                   | full                                    |
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
    //
    // Edges: E1  post or stop exchange → exchange before sleeping: whoever comes second in the
    //            word's modification order sees the other: either the poster finds 1 and wakes, or
    //            the loop finds the inbox filled (stop: always wakes, and the loop finds itself
    //            stopped). The jobs themselves travel over the inbox's edges.
    //            Every write of the word is a read-modify-write, so that none cuts the chain
    //            between a poster and the loop's next exchange.
    //        E2  stop store → load behind a turn   carries what was done before the stop to whom
    //            `run` returns to

    /// The limits.
    public let options: LoopOptions
    /// The name of the backend, and why it was chosen.
    public let selection: String

    let backend: any EventBackend
    let buffers: ReceiveBuffers
    private let operations: LoopOwned<OperationTable>
    private let wheel: LoopOwned<TimerWheel<TimerJob>>
    private let inbox: MPSCInbox<LoopJob>
    private let overflow = OverflowList()
    private let sleepState = Atomic<UInt32>(0)
    private let isStopRequested = Atomic<Bool>(false)
    private let wakeCount = Atomic<Int>(0)
    private let batch: LoopOwned<CompletionBatch>
    private var turnWork: TurnWork?
    private var phase = Phase.idle
    private var closesUnderWay = 0
    private var closeCount: UInt32 = 0
    let ledger: LoopOwned<BufferLedger>
    let sendBlocks: LoopOwned<SendBlocks>
    private var turnStart = MonotonicInstant.now
    let queuedSends = LoopOwned([SendStream]())
    var starved: [ReceiveStream] = []
    var firstStream: ReceiveStream?
    var counters = LoopStatistics()
    /// The time at the beginning of this turn.
    public var now: MonotonicInstant { turnStart }

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
        buffers = selected.backend.buffers
        operations = LoopOwned(OperationTable(capacity: options.operationsMax))
        wheel = LoopOwned(
            TimerWheel(capacity: options.timersMax, origin: Self.tick(atOrBefore: .now)))
        inbox = MPSCInbox(capacity: options.inboxCapacity)
        batch = LoopOwned(CompletionBatch(capacity: options.completionQueueCapacity))
        ledger = LoopOwned(BufferLedger(count: selected.backend.buffers.count))
        sendBlocks = LoopOwned(
            SendBlocks(
                byteCount: options.sendBlockByteCount, idleMax: options.idleSendBlocksMax))
    }

    // MARK: Running

    /// The loop that the calling thread runs.
    public static var current: EventLoop? {
        // SAFETY: reads a thread-local word.
        guard let pointer = unsafe millrace_current_loop() else { return nil }
        // SAFETY: `run` sets the pointer to itself and clears it before it returns.
        return unsafe Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    #if Model
        /// Frees the calling thread from the loop that it runs: a model that fails leaves its
        /// threads where they are.
        static func leaveCurrent() { millrace_set_current_loop(nil) }
    #endif

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
    // SAFETY: hands the pointer on.
    public var turnWorkContext: UnsafeMutableRawPointer? { unsafe turnWork?.context }

    /// Turns until `stop`, then ends in order. Call it once, on the thread that shall be the
    /// loop's. SIGPIPE is ignored in the whole process from here on.
    public func run() throws(SystemError) {
        precondition(phase == .idle, "a loop runs once")
        precondition(Self.current == nil, "the thread already runs a loop")
        millrace_signal_ignore_pipe()
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

    /// Asks the loop to end. Any thread; more than once is the same as once. What was done before
    /// is seen behind `run`.
    public func stop() {
        isStopRequested.store(true, ordering: .releasing)  // E2
        // A wake-up orders nothing: without this the loop might sleep on, woken, and not see it.
        _ = sleepState.exchange(0, ordering: .releasing)  // E1
        backend.wake()
    }

    private func turn() {
        counters.turns &+= 1
        turnStart = .now
        runPostedJobs()
        // Before the turn work: a timer makes tasks ready, and the loop must not sleep on them.
        fireTimers()
        let hasMore = runTurnWork()
        let isFed = rearmStarved()
        let isSent = sendQueued()
        wait(mayBlock: !hasMore && isFed && isSent && phase != .over)
        dispatch()
    }

    private func runTurnWork() -> Bool {
        guard let work = turnWork else { return false }
        return unsafe work.body(work.context)  // SAFETY: vouched for by `setTurnWork`.
    }

    private func wait(mayBlock: Bool) {
        var deadline = MonotonicInstant(nanoseconds: 0)
        if mayBlock {
            counters.sleeps &+= 1
            deadline = phase == .running ? nextDeadline : now.advanced(byNanoseconds: 10_000_000)
            _ = sleepState.exchange(1, ordering: .acquiring)  // E1
            let isBusy = !inbox.isEmpty || !overflow.isEmpty
            // Relaxed: E1 shows it, and `run` looks again.
            let isLeaving = phase == .running && isStopRequested.load(ordering: .relaxed)
            if isBusy || isLeaving { deadline = MonotonicInstant(nanoseconds: 0) }
        }
        backend.wait(until: deadline, into: &batch.value)
        // Relaxed, but an exchange: a store would cut a poster's release sequence (E1), and the
        // next
        // exchange could miss the job. A poster that still reads 1 wakes once for nothing.
        if mayBlock { _ = sleepState.exchange(0, ordering: .relaxed) }
    }

    private func dispatch() {
        let count = batch.value.count
        counters.completionsMax = max(counters.completionsMax, count)
        for index in 0..<count {
            let completion = batch.value[index]
            if completion.id.index == OperationID.closingIndex {
                closesUnderWay -= 1
                continue
            }
            // SAFETY: hands the pointers on.
            guard let (handler, context) = unsafe operations.value.take(completion) else {
                counters.staleCompletions &+= 1
                dropBuffer(of: completion)
                continue
            }
            counters.completions &+= 1
            // SAFETY: the submitter vouched for both until the last completion.
            unsafe handler(context, completion.id.rawValue, completion.result, completion.flags)
        }
        batch.value.removeAll()
    }

    /// Cancels what is under way and turns until nothing is: every completion is reaped, every
    /// timer answered. Jobs that never come to rest are left after `stopGraceNanoseconds`.
    private func finish() {
        let patience = MonotonicInstant.now.advanced(byNanoseconds: options.stopGraceNanoseconds)
        var nextCancellation = MonotonicInstant(nanoseconds: 0)
        while true {  // Ends: nothing new is accepted, and each operation answers its cancellation.
            if now >= nextCancellation {
                cancelEverything()
                nextCancellation = now.advanced(byNanoseconds: 100_000_000)
            }
            turn()
            refuseStarved()
            guard operationCount == 0 && wheel.value.isEmpty else { continue }
            let hasMore = runTurnWork()
            if now >= patience { break }
            if inbox.isEmpty && overflow.isEmpty && !hasMore && closesUnderWay == 0 { break }
        }
        phase = .over
        while let stream = firstStream { unlist(stream) }  // Ends: each turn takes one away.
        _ = inbox.close()
        runPostedJobs()
        for job in overflow.close() { job() }
        _ = runTurnWork()
        while closesUnderWay > 0 {  // Ends: the backend completes what was submitted.
            backend.wait(until: now.advanced(byNanoseconds: 10_000_000), into: &batch.value)
            dispatch()
        }
    }

    /// Streams that wait for a buffer have no operation that would be cancelled.
    private func refuseStarved() {
        let streams = starved
        starved = []
        for stream in streams { stream.rearm() }
    }

    /// Whether the loop has ended or only runs its last jobs: nothing can wait on it any more.
    public var isOver: Bool { phase == .over }

    /// Why `submit` and `schedule` answer nil now: `ECANCELED` when the loop is stopping, else
    /// `ENOBUFS`, a limit.
    public var refusalCode: Int32 {
        Int32(phase == .stopping || phase == .over ? MILLRACE_ECANCELED : MILLRACE_ENOBUFS)
    }

    private func cancelEverything() {
        operations.value.forEach { backend.cancel($0) }
        // Ends: no timer is added while stopping.
        while let timer = wheel.value.popExpired(now: .max) {
            // SAFETY: vouched for by `schedule`.
            unsafe timer.handler(timer.context, true)
        }
    }

    /// What the loop has done. Read it on the loop's thread.
    public var statistics: LoopStatistics {
        var all = counters
        all.wakeUps = UInt64(wakeUps)
        all.backend = backend.statistics
        return all
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
        let inserted = unsafe operations.value.insert(handler, context, on: request.descriptor)
        guard let id = inserted else { return nil }
        counters.submitted &+= 1
        // SAFETY: the caller vouches for the request's memory.
        unsafe backend.submit(request, as: id)
        return id
    }

    /// Asks that an operation end. It completes once more: with `ECANCELED`, or with what happened
    /// first.
    public func cancel(_ id: OperationID) {
        assert(isCurrent, "operations are cancelled on the loop's thread")
        if operations.value.ask(id) { backend.cancel(id) }
    }

    /// Cancels every operation on the descriptor and closes it. It takes no place in the table of
    /// operations: closing works at every limit, and while the loop stops.
    public func close(_ descriptor: Int32) {
        assert(isCurrent, "descriptors are closed on the loop's thread")
        // Looking for a descriptor's operations costs the kernel a walk over all operations.
        if operations.value.hasUnasked(on: descriptor) { backend.cancelAll(on: descriptor) }
        closeCount &+= 1
        closesUnderWay += 1
        let id = OperationID(index: OperationID.closingIndex, generation: closeCount)
        unsafe backend.submit(.close(descriptor: descriptor), as: id)  // SAFETY: names no memory.
    }

    /// How many operations are under way; closing is one.
    public var operationCount: Int { operations.value.count + closesUnderWay }

    // MARK: Posting

    /// Hands a job to the loop's thread; false if the loop is over and the job will not run. Any
    /// thread.
    @discardableResult
    public func post(_ job: LoopJob) -> Bool {
        // While jobs wait in the overflow list, later ones go behind them: a thread's order holds.
        if !overflow.isEmpty && overflow.append(job) {
            wakeIfAsleep()
            return true
        }
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
        if sleepState.exchange(0, ordering: .releasing) == 1 {  // E1
            wakeCount.add(1, ordering: .relaxed)
            backend.wake()
        }
    }

    /// How often a poster found the loop asleep; any thread. Relaxed: it is a number for people.
    package var wakeUps: Int { wakeCount.load(ordering: .relaxed) }

    /// Runs what was posted. The overflow list's jobs were posted after those of the inbox, and
    /// stay
    /// in the list until the inbox is drained: so no later job of the same thread goes to the inbox
    /// and overtakes them.
    private func runPostedJobs() {
        let overflowed = overflow.count
        if !inbox.isEmpty {
            let count = inbox.drain { job in job() }
            counters.jobs &+= UInt64(count)
        }
        guard overflowed > 0 else { return }
        for job in overflow.take(overflowed) {
            job()
            counters.jobs &+= 1
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
        return wheel.value.insert(deadline: Self.tick(atOrAfter: deadline), payload: job)
    }

    /// Takes a timer away; false if it has come to its end already (or its handler is being
    /// called).
    @discardableResult
    public func cancel(_ timer: LoopTimer) -> Bool {
        assert(isCurrent, "timers are cancelled on the loop's thread")
        return wheel.value.cancel(timer) != nil
    }

    /// How many timers are set.
    public var timerCount: Int { wheel.value.count }

    private var nextDeadline: MonotonicInstant {
        guard let tick = wheel.value.nextDeadline() else { return .never }
        let (nanoseconds, overflow) = tick.multipliedReportingOverflow(by: 1 &<< Self.tickShift)
        return overflow ? .never : MonotonicInstant(nanoseconds: nanoseconds)
    }

    private func fireTimers() {
        let tick = Self.tick(atOrBefore: now)
        // Ends: a timer set here is due later or is counted once.
        while let timer = wheel.value.popExpired(now: tick) {
            counters.timersFired &+= 1
            // SAFETY: vouched for by `schedule`.
            unsafe timer.handler(timer.context, false)
        }
    }
}
