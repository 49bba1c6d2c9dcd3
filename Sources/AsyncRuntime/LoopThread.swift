// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

/// The thread that runs one loop.
struct LoopThread {
    private let handle: UInt64

    /// Starts a thread for each executor; when one cannot be started, those that were are stopped
    /// again.
    static func startAll(_ executors: [LoopExecutor]) throws(SystemError) -> [LoopThread] {
        var started: [LoopThread] = []
        for executor in executors {
            do {
                started.append(try LoopThread(executor))
            } catch {
                for running in executors { running.loop.stop() }
                for thread in started { thread.join() }
                throw error
            }
        }
        return started
    }

    private init(_ executor: LoopExecutor) throws(SystemError) {
        var handle: UInt64 = 0
        // SAFETY: the thread takes the reference over.
        let context = unsafe Unmanaged.passRetained(executor).toOpaque()
        // SAFETY: as above; the name is a literal.
        let status = unsafe millrace_thread_start(
            &handle,
            { context in
                // SAFETY: only compares with nil.
                guard let context = unsafe context else { return }
                // SAFETY: the reference given to this thread.
                let executor = unsafe Unmanaged<LoopExecutor>.fromOpaque(context)
                    .takeRetainedValue()
                do {
                    try executor.loop.run()
                } catch {
                    preconditionFailure("a loop's backend could not be attached: \(error)")
                }
            }, context, "millrace-loop")
        guard status >= 0 else {
            // SAFETY: no thread has it.
            unsafe Unmanaged<LoopExecutor>.fromOpaque(context).release()
            throw SystemError(.startThread, code: -status)
        }
        self.handle = handle
    }

    func join() {
        millrace_thread_join(handle)
    }
}
