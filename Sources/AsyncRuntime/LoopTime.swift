// SPDX-License-Identifier: MIT

public import AtomicSupport
public import EventLoops
internal import CLinuxShims

/// Time on a loop: sleeping and deadlines on the loop's own timer wheel. `Task.sleep` comes back
/// through the global executor and costs four times as much.
public enum LoopTime {
    /// Sleeps; throws `SystemError` with `ECANCELED` when the task is cancelled. Call it on a loop.
    public static func sleep(for duration: Duration) async throws(SystemError) {
        try await sleep(until: .now.advanced(by: duration))
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
    public static func withDeadline<Value: Sendable>(
        after duration: Duration, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("LoopTime.withDeadline is called on a loop")
        }
        let deadline = MonotonicInstant.now.advanced(by: duration)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask(executorPreference: executor) { try await body() }
            group.addTask(executorPreference: executor) {
                try await sleep(until: deadline)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else {
                throw SystemError(.sleep, code: Int32(MILLRACE_ETIMEDOUT))
            }
            return value
        }
    }
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
