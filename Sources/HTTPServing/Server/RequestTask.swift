// SPDX-License-Identifier: MIT

internal import AsyncRuntime

/// A task that answers requests of any connection of its loop, one after the other, and waits for
/// the next one in between: to make a task for each request costs four allocations and more than
/// the rest of a small answer. A task that was cancelled is not used again.
///
/// Threads: the loop's.
@safe
final class RequestTask: @unchecked Sendable {
    // Invariants: I1  it stands among the worker's idle tasks exactly while it waits in `next`
    //             I2  `task` is the one that runs `run`, and set only inside of it

    /// Where the request that is being answered waits.
    let suspension: Suspension
    private var exchange: HTTPExchange?
    private var task: UnsafeCurrentTask?
    private var isCancelled = false

    init(_ executor: LoopExecutor) {
        suspension = Suspension(executor)
    }

    /// The next request, for a task that waits or has not begun.
    func give(_ exchange: HTTPExchange) {
        assert(self.exchange == nil, "one request at a time")
        self.exchange = exchange
        suspension.signal()
    }

    /// Cancels the task for good: its request is for nobody.
    func cancel() {
        isCancelled = true
        unsafe task?.cancel()  // SAFETY: set only while the task runs (I2).
    }

    /// Answers requests until the worker keeps it no longer.
    func run(for worker: HTTPWorker) async {
        // SAFETY: taken away again below.
        unsafe task = withUnsafeCurrentTask { unsafe $0 }
        if isCancelled { cancel() }
        await TaskScope.run(over: [suspension]) {
            while let exchange = await next() {  // Ends when it is cancelled, or not kept.
                await exchange.run()
                guard !Task.isCancelled, worker.keep(self) else { return }
            }
        }
        unsafe task = nil  // SAFETY: nothing is done with it.
        worker.drop(self)
    }

    private func next() async -> HTTPExchange? {
        _ = await suspension.waitForSignal()
        defer { exchange = nil }
        return exchange
    }
}
