// SPDX-License-Identifier: MIT

internal import EventLoops

/// An event loop as the executor of actors: their jobs run on the loop's thread, one at a time.
///
/// ```swift
/// actor Session {
///     let executor: LoopExecutor
///     nonisolated var unownedExecutor: UnownedSerialExecutor {
///         executor.serial.asUnownedSerialExecutor()
///     }
/// }
/// ```
///
/// Tasks that use such an actor should also prefer the loop's `LoopExecutor`: without the
/// preference, a task that was suspended comes back through the global executor first.
public final class LoopSerialExecutor: SerialExecutor {
    private unowned let owner: LoopExecutor

    init(_ owner: LoopExecutor) {
        self.owner = owner
    }

    /// Takes a job from the runtime; any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        owner.enqueue(LoopTask(job: UnownedJob(job), isIsolated: true))
    }

    /// Traps unless the calling thread runs the loop.
    public func checkIsolated() {
        precondition(owner.loop.isCurrent, "not on the loop's thread")
    }

    /// Whether the calling thread runs the loop.
    public func isIsolatingCurrentContext() -> Bool? {
        owner.loop.isCurrent
    }
}
