// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims

/// A number of threads that start their work at the same moment and are waited for.
///
/// Each thread is a real one (`pthread_create`), not a task: tests of blocking code and of thread-
/// local state need threads of their own, and a cooperative pool may have fewer threads than the
/// test has roles.
public enum ThreadTeam {
    /// Runs `body(index)` on `count` threads, released together once all have started, and returns
    /// when all have ended.
    ///
    /// - Parameters:
    ///   - count: how many threads, at least one.
    ///   - isPinned: whether thread `i` is bound to processor `i` modulo the number of processors.
    ///   - body: what each thread does; it gets the thread's number, from zero.
    public static func run(
        count: Int, isPinned: Bool = false, _ body: @escaping @Sendable (Int) -> Void
    ) {
        precondition(count > 0, "a team needs at least one thread")
        let gate = StartGate(count: count)
        let handles = (0..<count).map { index in
            start {
                if isPinned { _ = millrace_thread_pin(Int32(index) % millrace_processor_count()) }
                gate.arriveAndWait()
                body(index)
            }
        }
        for handle in handles { millrace_thread_join(handle) }
    }

    /// The same from a task, which is suspended until all have ended: it keeps no thread of the
    /// pool, on which the tasks may wait that the team waits for.
    ///
    /// - Parameters:
    ///   - count: how many threads, at least one.
    ///   - isPinned: whether thread `i` is bound to processor `i` modulo the number of processors.
    ///   - body: what each thread does; it gets the thread's number, from zero.
    public static func run(
        count: Int, isPinned: Bool = false, _ body: @escaping @Sendable (Int) -> Void
    ) async {
        var handle: UInt64 = 0
        await withCheckedContinuation { continuation in
            handle = start {
                run(count: count, isPinned: isPinned, body)
                continuation.resume()
            }
        }
        millrace_thread_join(handle)
    }

    private static func start(_ body: @escaping @Sendable () -> Void) -> UInt64 {
        // SAFETY: released by the thread.
        let box = unsafe Unmanaged.passRetained(ThreadBody(body))
        var handle: UInt64 = 0
        // SAFETY: the thread takes the box over; the name is a string literal.
        let status = unsafe millrace_thread_start(
            &handle,
            { context in
                // SAFETY: the pointer is the box that was retained for this thread, taken once.
                guard let context = unsafe context else { return }
                unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().body()
            }, box.toOpaque(), "team")
        precondition(status == 0, "a thread could not be started")
        return handle
    }
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}

/// Holds threads back until all are there, so that short bodies overlap.
private final class StartGate: Sendable {
    // Edges: E1  last arrival → spinning load; it carries nothing that the bodies need.
    private let missing: Atomic<Int>

    init(count: Int) {
        missing = Atomic(count)
    }

    func arriveAndWait() {
        missing.subtract(1, ordering: .acquiringAndReleasing)  // E1
        var backoff = Backoff()
        // Ends when the last thread has started.
        while missing.load(ordering: .acquiring) > 0 {  // E1
            backoff.snooze()
        }
    }
}
