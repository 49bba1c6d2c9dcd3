// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims

/// Threads for calls that block: name resolution, reading files. A loop must not make such a call
/// itself.
///
/// At most `threadsMax` threads, started when they are needed; one that has had nothing to do for
/// `idleNanoseconds` ends. Work beyond that waits in line.
public final class BlockingPool: @unchecked Sendable {
    // Edges: E1 the lock's: carries the work.  E2 bell add → bell load   a bell that rang is seen
    // before sleeping.

    /// The pool that the package's own blocking calls use.
    public static let shared = BlockingPool(threadsMax: 4)

    /// How many threads there may be.
    public let threadsMax: Int
    /// How long a thread waits for work before it ends.
    public let idleNanoseconds: UInt64

    private let block = SharedBlock(byteCount: 2 * CacheLine.byteCount)
    private var waiting: [@Sendable () -> Void] = []
    private var threadCount = 0
    private var idleCount = 0

    /// A pool without threads yet.
    public init(threadsMax: Int, idleNanoseconds: UInt64 = 10_000_000_000) {
        precondition(threadsMax > 0, "a pool needs a thread")
        self.threadsMax = threadsMax
        self.idleNanoseconds = idleNanoseconds
    }

    // SAFETY: the zeroed words live in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    // SAFETY: as above.
    private var bell: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe block.pointer(at: CacheLine.byteCount, to: Atomic<UInt32>.self)
    }

    /// Runs `body` on one of the threads and comes back to the caller's executor with what it gave.
    /// A body that has begun runs to its end, also when the task is cancelled.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            submit { continuation.resume(returning: body()) }
        }
    }

    /// Runs `work` on one of the threads; nobody waits for it. In a simulated world
    /// (`LoopSimulation`) no thread takes part: the world runs it, later.
    package func submit(_ work: @escaping @Sendable () -> Void) {
        if Self.leaveToWorld(work) { return }
        let needsThread = lock.withLock {
            waiting.append(work)
            let needsThread = idleCount < waiting.count && threadCount < threadsMax
            if needsThread { threadCount += 1 }
            return needsThread
        }
        if needsThread && !startThread() {
            let isAlone = lock.withLock {
                threadCount -= 1
                return threadCount == 0
            }
            // No thread can be had and none is there: do the work here rather than never.
            while isAlone, let work = takeWork() { work() }  // Ends when the line is empty.
        }
        unsafe bell.pointee.add(1, ordering: .releasing)  // E2  SAFETY: see `bell`.
        unsafe Parking.wake(bell)  // SAFETY: see `bell`.
    }

    private static func leaveToWorld(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard unsafe millrace_world_current() != nil else { return false }  // SAFETY: compares.
        // SAFETY: the world calls back once, and then the reference is taken over.
        let box = unsafe Unmanaged.passRetained(BlockingWork(work)).toOpaque()
        return unsafe millrace_world_run_blocking(  // SAFETY: as above.
            { box in
                // SAFETY: only compares with nil.
                guard let box = unsafe box else { return }
                // SAFETY: as above.
                unsafe Unmanaged<BlockingWork>.fromOpaque(box).takeRetainedValue().body()
            }, box)
    }

    /// How many threads there are now.
    package var currentThreadCount: Int { lock.withLock { threadCount } }

    private func takeWork() -> (@Sendable () -> Void)? {
        lock.withLock { waiting.isEmpty ? nil : waiting.removeFirst() }
    }

    private func startThread() -> Bool {
        var handle: UInt64 = 0
        // SAFETY: the thread takes the reference over.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        // SAFETY: as above; the name is a literal.
        let status = unsafe millrace_thread_start_detached(
            &handle,
            { context in
                // SAFETY: only compares with nil.
                guard let context = unsafe context else { return }
                // SAFETY: the reference given to this thread.
                unsafe Unmanaged<BlockingPool>.fromOpaque(context).takeRetainedValue().work()
            }, context, "millrace-block")
        if status < 0 {
            // SAFETY: no thread has it.
            unsafe Unmanaged<BlockingPool>.fromOpaque(context).release()
        }
        return status >= 0
    }

    private func work() {
        while true {  // Ends after `idleNanoseconds` without work.
            // SAFETY: see `bell`.
            let rung = unsafe bell.pointee.load(ordering: .acquiring)  // E2
            if let work = takeWork() {
                work()
                continue
            }
            lock.withLock { idleCount += 1 }
            let deadline = MonotonicInstant.now.advanced(byNanoseconds: idleNanoseconds)
            // SAFETY: see `bell`.
            let wasRung = unsafe Parking.wait(on: bell, while: rung, until: deadline)
            let mayEnd = lock.withLock {
                idleCount -= 1
                guard !wasRung && waiting.isEmpty else { return false }
                threadCount -= 1
                return true
            }
            if mayEnd { return }
        }
    }
}

/// Work on its way through a world.
private final class BlockingWork: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}
