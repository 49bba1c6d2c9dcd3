// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// One cancellation handler for everything that a task waits for in some places, in the place of
/// one for each wait: a handler costs about as much as the suspension itself.
///
/// Inside `run`, the waits that the calling task makes in the given suspensions end with
/// `ECANCELED` when that task is cancelled, as they do without a scope. Waits of other tasks there,
/// children too, keep their own handlers.
public final class TaskScope: @unchecked Sendable {
    // Threads: all fields belong to the loop's thread.
    private let executor: LoopExecutor
    private let task: UInt
    private var suspensions: [Suspension]
    private(set) var isCancelled = false

    private init(_ executor: LoopExecutor, _ suspensions: [Suspension]) {
        self.executor = executor
        self.suspensions = suspensions
        task = Self.currentTask
    }

    /// Runs `body` with one cancellation handler for its waits in the suspensions. On their loop.
    public static func run<Value, Failure: Error>(
        over suspensions: [Suspension], _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard let executor = suspensions.first?.executor else { return try await body() }
        precondition(executor.loop.isCurrent, "a scope is opened on its loop")
        let scope = TaskScope(executor, suspensions)
        for suspension in suspensions { suspension.enter(scope) }
        let outcome: Result<Value, Failure> = await withTaskCancellationHandler {
            do throws(Failure) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            executor.perform { scope.cancel() }
        }
        scope.end()
        return try outcome.get()
    }

    var isOfCurrentTask: Bool { task == Self.currentTask }

    private func cancel() {
        isCancelled = true
        for suspension in suspensions { suspension.scopeWasCancelled() }
    }

    /// Later waits of the task are not this scope's any more.
    private func end() {
        for suspension in suspensions { suspension.leave(self) }
        suspensions = []
    }

    private static var currentTask: UInt {
        UInt(bitPattern: unsafe millrace_current_task())  // SAFETY: only the address is looked at.
    }
}
