// SPDX-License-Identifier: MIT

internal import AtomicSupport
public import EventLoops

/// An event loop that runs tasks: give it as a task's executor preference, and the task and what it
/// awaits run on the loop's thread.
///
/// ```swift
/// try LoopGroup.run { group in
///     await withDiscardingTaskGroup { tasks in
///         tasks.addTask(executorPreference: group.executors[0]) { await serve() }
///     }
/// }
/// ```
///
/// The executor of actors is a second object, `serial`: the runtime asks a class that is both
/// through one and the same method, so it could not tell a job that is isolated to the loop from
/// one that merely prefers it.
///
/// Jobs that come when the loop is over run on the global concurrent executor: a task is never left
/// hanging.
public final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    // Threads: `ready` is touched on the loop's thread only; other threads go through the loop's
    // inbox.

    /// The loop.
    public let loop: EventLoop
    private let ready = JobQueue()
    private let resumptions = Resumptions()
    private var serialExecutor: LoopSerialExecutor?
    private let countsForeign: Bool
    private let foreign = Atomic<Int>(0)

    /// How many jobs run before the loop looks at the kernel again, so that busy tasks do not
    /// starve the sockets.
    private static var turnBudget: Int { 1024 }

    /// Makes the loop run tasks. One executor for a loop, before it runs.
    public convenience init(_ loop: EventLoop) {
        self.init(loop, countsForeign: false)
    }

    /// The same; with `countsForeign` it counts the jobs that come from other threads.
    package init(_ loop: EventLoop, countsForeign: Bool) {
        self.loop = loop
        self.countsForeign = countsForeign
        // SAFETY: the group that owns the loop keeps the executor alive until the loop is over.
        unsafe loop.setTurnWork(context: Unmanaged.passUnretained(self).toOpaque()) { context in
            // SAFETY: as above.
            unsafe Unmanaged<LoopExecutor>.fromOpaque(context).takeUnretainedValue().runReady()
        }
        serialExecutor = LoopSerialExecutor(self)
    }

    /// The executor of the loop that the calling thread runs.
    public static var current: LoopExecutor? {
        // SAFETY: the context that `init` set; only its owner takes it apart.
        guard let context = unsafe EventLoop.current?.turnWorkContext else { return nil }
        // SAFETY: set by `init`; alive while the loop runs.
        return unsafe Unmanaged<LoopExecutor>.fromOpaque(context).takeUnretainedValue()
    }

    /// The loop as the executor of actors.
    public var serial: LoopSerialExecutor {
        guard let serialExecutor else { preconditionFailure("set in init") }
        return serialExecutor
    }

    /// Takes a job from the runtime; any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        enqueue(LoopTask(job: UnownedJob(job), isIsolated: false))
    }

    /// Runs `body` on the loop's thread: at once if that is the calling one, else soon. False if
    /// the loop is over; then it does not run. Allocates when it has to travel.
    @discardableResult
    public func perform(_ body: @escaping @Sendable () -> Void) -> Bool {
        if loop.isCurrent {
            body()
            return true
        }
        // SAFETY: the job takes the reference over.
        let box = unsafe Unmanaged.passRetained(Closure(body)).toOpaque()
        let job = unsafe LoopJob(context: box) { context in  // SAFETY: as above.
            // SAFETY: as above.
            unsafe Unmanaged<Closure>.fromOpaque(context).takeRetainedValue().body()
        }
        if loop.post(job) { return true }
        unsafe Unmanaged<Closure>.fromOpaque(box).release()  // SAFETY: the job does not run.
        return false
    }

    func enqueue(_ task: LoopTask) {
        if loop.isCurrent && !loop.isOver {
            ready.append(task)
            return
        }
        if countsForeign && !loop.isCurrent { foreign.add(1, ordering: .relaxed) }
        if !loop.post(Self.posted(task)) { runElsewhere(task) }
    }

    /// How often another thread than the loop's handed a job over, if that is counted. Relaxed: it
    /// is a number for people.
    package var foreignCount: Int { foreign.load(ordering: .relaxed) }

    /// Runs what is ready, at most the budget; answers whether more is. When the loop is over, what
    /// is left goes to the global executor.
    private func runReady() -> Bool {
        if !resumptions.isEmpty { resumptions.resumeAll() }
        if loop.isOver {
            while let task = ready.popFirst() { runElsewhere(task) }  // Ends: nothing is added.
            return false
        }
        var left = min(ready.count, Self.turnBudget)
        while left > 0, let task = ready.popFirst() {
            run(task)
            left -= 1
        }
        return ready.count > 0 || !resumptions.isEmpty
    }

    /// Lets a task go on in this turn or the next; at once if the loop is over.
    func resume(
        _ continuation: UnsafeContinuation<Int32, Never>, returning result: Int32, frame: UInt,
        neighbours: (UInt, UInt)
    ) {
        if loop.isOver {
            unsafe continuation.resume(returning: result)  // SAFETY: the caller's, once.
        } else {
            // SAFETY: as above.
            unsafe resumptions.append(
                continuation, result, frame: frame, neighbours: neighbours)
        }
    }

    private func run(_ task: LoopTask) {
        // SAFETY: the executors are alive: this runs on them. The job came from the runtime, once.
        if task.isIsolated {
            unsafe task.job.runSynchronously(
                isolatedTo: serial.asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        } else {
            unsafe task.job.runSynchronously(on: asUnownedTaskExecutor())  // SAFETY: as above.
        }
    }

    /// The loop is over: nothing of it can be touched any more, but the job's task must be able to
    /// end.
    private func runElsewhere(_ task: LoopTask) {
        let job = task.job
        globalConcurrentExecutor.enqueue(ExecutorJob(job))
    }

    /// The job as it travels through the inbox: the runtime's pointer, its lowest bit set for an
    /// isolated one.
    private static func posted(_ task: LoopTask) -> LoopJob {
        // SAFETY: an UnownedJob is one pointer to an object aligned to 16 bytes.
        var bits = unsafe unsafeBitCast(task.job, to: UInt.self)
        assert(bits & 1 == 0)
        if task.isIsolated { bits |= 1 }
        // SAFETY: only taken apart again below.
        guard let context = unsafe UnsafeMutableRawPointer(bitPattern: bits) else {
            preconditionFailure("a job is never nil")
        }
        // SAFETY: the context is bits, not memory.
        return unsafe LoopJob(context: context) { context in
            let bits = UInt(bitPattern: context)
            // SAFETY: the bits that were put together above.
            let job = unsafe unsafeBitCast(bits & ~1, to: UnownedJob.self)
            LoopExecutor.current?.ready.append(LoopTask(job: job, isIsolated: bits & 1 == 1))
        }
    }
}

/// A closure on its way to a loop.
private final class Closure: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}
