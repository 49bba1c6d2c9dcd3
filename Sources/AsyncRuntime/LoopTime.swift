// SPDX-License-Identifier: MIT

public import AtomicSupport
public import EventLoops
internal import CLinuxShims

/// Time on a loop: sleeping and deadlines on the loop's own timer wheel. `Task.sleep` comes back
/// through the global executor and costs four times as much.
public enum LoopTime {
    /// Sleeps; throws `SystemError` with `ECANCELED` when the task is cancelled. Call it on a loop.
    public static func sleep(for duration: Duration) async throws(SystemError) {
        try await LoopTime.sleep(until: .now.advanced(by: duration))
    }

    /// Sleeps until a point in time, as `sleep(for:)`.
    public static func sleep(until deadline: MonotonicInstant) async throws(SystemError) {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("LoopTime.sleep is called on a loop")
        }
        let result = await Suspension(executor).sleep(until: deadline)
        if result < 0 { throw SystemError(.sleep, code: -result) }
    }

    /// Runs `body` and cancels it when the duration is over; then throws `SystemError` with
    /// `ETIMEDOUT`. It returns when `body` has ended: what `body` had begun in the kernel is over.
    /// If the deadline comes first, what `body` still gives is dropped: one that takes a permit or
    /// an element gives it back, or keeps it elsewhere.
    public static func withDeadline<Value: Sendable>(
        after duration: Duration, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("LoopTime.withDeadline is called on a loop")
        }
        let deadline = MonotonicInstant.now.advanced(by: duration)
        return try await withThrowingTaskGroup(of: Race<Value>.self) { group in
            group.addTask(executorPreference: executor) { .value(try await body()) }
            group.addTask(executorPreference: executor) {
                let result = await Suspension(executor).sleep(until: deadline)
                return result == 0 ? .deadline : .cancelled(-result)
            }
            defer { group.cancelAll() }
            while let first = try await group.next() {  // Two turns at most.
                switch first {
                case .value(let value): return value
                case .deadline: throw SystemError(.sleep, code: Int32(MILLRACE_ETIMEDOUT))
                // The caller was cancelled, and so was `body`, which says what becomes of it.
                case .cancelled(let code) where code == Int32(MILLRACE_ECANCELED): continue
                case .cancelled(let code): throw SystemError(.sleep, code: code)
                }
            }
            preconditionFailure("`body` is one of the group's two tasks")
        }
    }
}

/// Which of the two came first.
private enum Race<Value: Sendable>: Sendable {
    case value(Value)
    case deadline
    case cancelled(Int32)
}

extension MonotonicInstant {
    /// The point a duration after this one; a negative duration counts as none.
    public func advanced(by duration: Duration) -> MonotonicInstant {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return self }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return .never }
        return advanced(byNanoseconds: whole).advanced(
            byNanoseconds: UInt64(attoseconds) / 1_000_000_000)
    }
}
