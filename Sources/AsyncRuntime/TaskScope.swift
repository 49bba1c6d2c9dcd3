// SPDX-License-Identifier: MIT

internal import EventLoops

/// One cancellation handler for everything that a task waits for in some places, in the place of
/// one for each wait: a handler costs about as much as the suspension itself.
public enum TaskScope {
    /// Runs `body` with one cancellation handler for its waits in the suspensions, which belong to
    /// one loop: when the calling task is cancelled, they end with `ECANCELED`, as they do without
    /// a scope. Waits of other tasks there, children too, keep their own handlers. On their loop.
    public static func run<Value, Failure: Error>(
        over suspensions: [Suspension], _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard let executor = suspensions.first?.executor else { return try await body() }
        let watches = suspensions.map { CancellationWatch($0, $0.watch()) }
        let outcome: Result<Value, Failure> = await withTaskCancellationHandler {
            do throws(Failure) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            executor.perform { for watch in watches { watch.cancel() } }
        }
        for watch in watches { watch.end() }
        return try outcome.get()
    }
}

/// A suspension that a scope watches, and the number of that watch.
private struct CancellationWatch: Sendable {
    private let suspension: Suspension
    private let number: UInt64?

    init(_ suspension: Suspension, _ number: UInt64?) {
        self.suspension = suspension
        self.number = number
    }

    func cancel() {
        if let number { suspension.cancelWatched(number) }
    }

    func end() {
        if let number { suspension.endWatch(number) }
    }
}
