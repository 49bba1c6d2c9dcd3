// SPDX-License-Identifier: MIT

public import AtomicSupport
internal import CLinuxShims
public import EventLoops

/// Where a task waits for one thing of a loop at a time: an operation, bytes of a stream, or a
/// timer; with a deadline and with the task's cancellation.
///
/// A connection keeps one for reading and one for writing, so that waiting allocates nothing.
/// Cancelling the task cancels the kernel's operation, and the task goes on only when the kernel
/// has let go of it. Every call on the loop's thread; a cancellation, which comes from any thread,
/// is posted to it.
@safe
public final class Suspension: @unchecked Sendable {
    // Threads: all fields belong to the loop's thread.
    // Invariants: I1  `continuation` is set exactly while a task waits
    //             I2  `round` grows with each wait, so that a late cancellation is recognised

    @safe
    private enum Subject {
        case none
        case operation(OperationID)
        case stream(Unmanaged<ReceiveStream>)
        case output(Unmanaged<SendStream>)
        case signal
        case time
    }

    /// The loop's executor.
    public let executor: LoopExecutor
    private var continuation: UnsafeContinuation<Int32, Never>?
    /// An address in the memory of the function that waits, for the cache's sake alone.
    private var frame: UInt = 0
    private var neighbours: (UInt, UInt) = (0, 0)
    private var subject = Subject.none
    private var timer: LoopTimer?
    private var round: UInt64 = 0
    private var interruption: Int32 = 0
    private var isSignalled = false
    /// The task whose cancellation comes by `cancelWatched`, and not by a handler for each wait.
    private var watchedTask: UInt = 0
    private var watchNumber: UInt64 = 0
    private var isWatchCancelled = false
    private var waitsWatched = false

    /// A place to wait, on a loop.
    public init(_ executor: LoopExecutor) {
        self.executor = executor
    }

    /// Names two objects that the task will look at when it goes on: their memory is asked for when
    /// its wait ends. They are not kept, and never looked at here.
    package func expectUse(of first: AnyObject, and second: AnyObject) {
        // SAFETY: only the addresses are taken.
        neighbours = unsafe (
            UInt(bitPattern: Unmanaged.passUnretained(first).toOpaque()),
            UInt(bitPattern: Unmanaged.passUnretained(second).toOpaque())
        )
    }

    /// Makes it a place where nobody has waited: no signal, no watch. Cancellations that are on
    /// their way find a later round (I2).
    package func reuse() {
        precondition(!isWaiting, "a task waits here")
        assert(timer == nil)
        isSignalled = false
        watchedTask = 0
        watchNumber &+= 1
        isWatchCancelled = false
        round &+= 1
    }

    /// Whether a task waits here.
    public var isWaiting: Bool {
        unsafe continuation != nil  // SAFETY: only compares with nil.
    }

    /// Performs an operation and answers its result: what the system call returns, or a negated
    /// errno. `ETIMEDOUT` if the deadline came first, `ECANCELED` if the task was cancelled.
    @unsafe
    public func perform(
        _ request: Request, until deadline: MonotonicInstant = .never
    ) async -> Int32 {
        // SAFETY: the caller vouches for the request's memory; the task does not go on before its
        // last completion.
        await wait(until: deadline) { unsafe self.start(request) }
    }

    /// Waits until the stream has bytes or its end; zero, or a negated errno as in `perform`.
    public func wait(
        for stream: ReceiveStream, until deadline: MonotonicInstant = .never
    ) async -> Int32 {
        await wait(until: deadline) { self.start(stream) }
    }

    /// Waits until the stream's layer is open, or its end is there; zero, or a negated errno as in
    /// `perform`.
    public func wait(
        forOpeningOf stream: ReceiveStream, until deadline: MonotonicInstant = .never
    ) async -> Int32 {
        await wait(until: deadline) {
            if stream.isOpenOrEnded { return 0 }
            // SAFETY: the waiting task's frame keeps the stream alive.
            self.subject = unsafe .stream(Unmanaged.passUnretained(stream))
            stream.whenOpen(self.finishing)
            return nil
        }
    }

    /// Waits until the stream takes bytes or, with `isEmpty`, until the kernel has taken all of
    /// them; in both cases also until sending has failed. Zero, or a negated errno as in `perform`.
    public func wait(
        for stream: SendStream, isEmpty: Bool, until deadline: MonotonicInstant = .never
    ) async -> Int32 {
        await wait(until: deadline) { self.start(stream, isEmpty: isEmpty) }
    }

    /// Sleeps until the deadline: zero; or `ECANCELED`, negated.
    public func sleep(until deadline: MonotonicInstant) async -> Int32 {
        let result = await wait(until: deadline) {
            self.subject = .time
            return nil
        }
        return result == -Int32(MILLRACE_ETIMEDOUT) ? 0 : result
    }

    /// Waits until `signal` is called on the loop, or was called since the last wait: zero, or a
    /// negated errno as in `perform`.
    public func waitForSignal(until deadline: MonotonicInstant = .never) async -> Int32 {
        await wait(until: deadline) {
            if self.isSignalled {
                self.isSignalled = false
                return 0
            }
            self.subject = .signal
            return nil
        }
    }

    /// Lets the task that waits for a signal go on. If none does, the next wait for a signal ends
    /// at once: a signal between a task's look at its condition and its wait is not lost. Several
    /// such signals are one.
    public func signal() {
        if case .signal = subject { finish(0) } else { isSignalled = true }
    }

    /// Ends the wait of the task that waits here, if one does, as if that task were cancelled.
    public func cancel() {
        precondition(executor.loop.isCurrent, "waits are ended on the loop's own thread")
        interrupt(Int32(MILLRACE_ECANCELED))
    }

    // MARK: Watching for cancellation

    /// Says that somebody else watches for the cancellation of the calling task: its waits here
    /// need no handler of their own. Answers the number of this watch, for the two calls below; nil
    /// if the task is watched already, by whoever began before.
    public func watch() -> UInt64? {
        precondition(executor.loop.isCurrent, "waits are watched on the loop's own thread")
        guard watchedTask != Self.currentTask else { return nil }
        watchedTask = Self.currentTask
        watchNumber &+= 1
        isWatchCancelled = false
        return watchNumber
    }

    /// Watches the task that `other` watches, from now on.
    public func join(_ other: Suspension) {
        watchedTask = other.watchedTask
        watchNumber &+= 1
        isWatchCancelled = other.isWatchCancelled
    }

    /// The watched task was cancelled: its wait ends, and later ones do at once. With a number,
    /// only if that watch goes on.
    public func cancelWatched(_ number: UInt64? = nil) {
        guard watchedTask != 0, number == nil || number == watchNumber else { return }
        isWatchCancelled = true
        if waitsWatched { interrupt(Int32(MILLRACE_ECANCELED)) }
    }

    /// Nobody watches any more.
    public func endWatch(_ number: UInt64) {
        if watchNumber == number { watchedTask = 0 }
    }

    private static var currentTask: UInt {
        UInt(bitPattern: unsafe millrace_current_task())  // SAFETY: only the address is looked at.
    }

    // MARK: Suspending

    /// One frame for the task and no handler if it is watched: what a suspension must cost.
    @inline(__always)
    private func wait(
        until deadline: MonotonicInstant, start: () -> Int32?
    ) async -> Int32 {
        precondition(executor.loop.isCurrent, "waits are made on the loop's own thread")
        precondition(!isWaiting, "one task at a time waits here")
        round &+= 1
        waitsWatched = watchedTask != 0 && watchedTask == Self.currentTask
        guard waitsWatched else { return await waitWithHandler(until: deadline, start) }
        if isWatchCancelled { return -Int32(MILLRACE_ECANCELED) }
        var anchor: UInt8 = 0
        // SAFETY: resumed exactly once, by `finish` (I1); only the address is looked at.
        return unsafe await withUnsafeContinuation { continuation in
            frame = unsafe withUnsafePointer(to: &anchor) { UInt(bitPattern: $0) }
            unsafe begin(continuation, until: deadline, start)  // SAFETY: as above.
        }
    }

    @inline(never)
    private func waitWithHandler(
        until deadline: MonotonicInstant, _ start: () -> Int32?
    ) async -> Int32 {
        let round = round
        return await withTaskCancellationHandler {
            // SAFETY: resumed exactly once, by `finish` (I1).
            unsafe await withUnsafeContinuation { continuation in
                unsafe begin(continuation, until: deadline, start)  // SAFETY: as above.
            }
        } onCancel: {
            cancel(round: round)
        }
    }

    private func begin(
        _ continuation: UnsafeContinuation<Int32, Never>, until deadline: MonotonicInstant,
        _ start: () -> Int32?
    ) {
        unsafe self.continuation = unsafe continuation  // SAFETY: resumed once, by `finish`.
        interruption = 0
        if let result = start() {
            unsafe self.continuation = nil  // SAFETY: as above.
            unsafe continuation.resume(returning: result)  // SAFETY: as above; once.
        } else if deadline != .never {
            setTimer(deadline)
        }
    }

    private func start(_ request: Request) -> Int32? {
        // SAFETY: `self` is kept alive by the waiting task's frame until the last completion
        // resumes it.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let id = unsafe executor.loop.submit(request, context: context) {  // SAFETY: as above.
            context, id, result, flags in
            let isLast = !Completion(id: id, result: result, flags: flags).hasMore
            precondition(isLast, "a stream of completions is not for one suspension")
            // SAFETY: as above.
            unsafe Unmanaged<Suspension>.fromOpaque(context)._withUnsafeGuaranteedRef {
                $0.finish(result)
            }
        }
        guard let id else { return -executor.loop.refusalCode }
        subject = .operation(id)
        return nil
    }

    private func start(_ stream: ReceiveStream) -> Int32? {
        if stream.isReady { return 0 }
        // SAFETY: the waiting task's frame keeps the stream alive.
        subject = unsafe .stream(Unmanaged.passUnretained(stream))
        stream.whenReady(finishing)
        return nil
    }

    private func start(_ stream: SendStream, isEmpty: Bool) -> Int32? {
        if stream.breakage != nil { return 0 }
        if isEmpty ? stream.pendingByteCount == 0 : stream.failure != nil || stream.room > 0 {
            return 0
        }
        // SAFETY: the waiting task's frame keeps the stream alive.
        subject = unsafe .output(Unmanaged.passUnretained(stream))
        if isEmpty { stream.whenEmpty(finishing) } else { stream.whenRoom(finishing) }
        return nil
    }

    /// The job that lets the waiting task go on.
    private var finishing: LoopJob {
        // SAFETY: `self` is kept alive by the waiting task's frame.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        return unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            unsafe Unmanaged<Suspension>.fromOpaque(context)._withUnsafeGuaranteedRef {
                $0.finish(0)
            }
        }
    }

    private func setTimer(_ deadline: MonotonicInstant) {
        // SAFETY: `finish` cancels the timer before the task goes on.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        // SAFETY: as above.
        timer = unsafe executor.loop.schedule(at: deadline, context: context) {
            context, isStopped in
            // SAFETY: as above.
            let suspension = unsafe Unmanaged<Suspension>.fromOpaque(context).takeUnretainedValue()
            suspension.timer = nil
            suspension.interrupt(
                Int32(isStopped ? MILLRACE_ECANCELED : MILLRACE_ETIMEDOUT))
        }
        if timer == nil { interrupt(executor.loop.refusalCode) }
    }

    private func finish(_ result: Int32) {
        // SAFETY: taken out once, below.
        guard let continuation = unsafe continuation else { return }
        unsafe self.continuation = nil  // SAFETY: resumed below, once.
        subject = .none
        if let timer {
            executor.loop.cancel(timer)
            self.timer = nil
        }
        // The kernel answers EINTR for an operation that it had handed to a worker thread.
        let isInterrupted =
            interruption != 0
            && (result == -Int32(MILLRACE_ECANCELED) || result == -Int32(MILLRACE_EINTR))
        // SAFETY: taken out above, so resumed once.
        unsafe executor.resume(
            continuation, returning: isInterrupted ? -interruption : result, frame: frame,
            neighbours: neighbours)
    }

    /// Ends the wait for a reason. An operation is cancelled and tells when it is over; the rest
    /// ends at once.
    private func interrupt(_ reason: Int32) {
        guard isWaiting else { return }
        if interruption == 0 { interruption = reason }
        // SAFETY: a stream is alive while it is waited for.
        switch subject {
        case .none: break
        case .operation(let id): executor.loop.cancel(id)
        case .stream(let stream):
            unsafe stream.takeUnretainedValue().cancelWaiter()  // SAFETY: as above.
            finish(-Int32(MILLRACE_ECANCELED))
        case .output(let stream):
            unsafe stream.takeUnretainedValue().cancelWaiter()  // SAFETY: as above.
            finish(-Int32(MILLRACE_ECANCELED))
        case .signal, .time: finish(-Int32(MILLRACE_ECANCELED))
        }
    }

    private func cancel(round: UInt64) {
        // SAFETY: the job releases the reference.
        let request = unsafe Unmanaged.passRetained(Cancellation(self, round: round)).toOpaque()
        let job = unsafe LoopJob(context: request) { context in  // SAFETY: as above.
            // SAFETY: as above.
            let request = unsafe Unmanaged<Cancellation>.fromOpaque(context).takeRetainedValue()
            guard request.round == request.suspension.round else { return }
            request.suspension.interrupt(Int32(MILLRACE_ECANCELED))
        }
        if !executor.loop.post(job) {
            // SAFETY: the job does not run.
            unsafe Unmanaged<Cancellation>.fromOpaque(request).release()
        }
    }
}

/// A cancellation on its way to the loop.
private final class Cancellation: Sendable {
    let suspension: Suspension
    let round: UInt64

    init(_ suspension: Suspension, round: UInt64) {
        self.suspension = suspension
        self.round = round
    }
}
