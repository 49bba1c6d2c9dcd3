// SPDX-License-Identifier: MIT

public import AsyncRuntime
internal import AtomicSupport
public import Networking
internal import WaitPrimitives

/// Sends messages to one destination over a bounded pool of connections, and reconnects when they
/// break.
///
/// | Guarantee | `trySend` / `send`                                                             |
/// |-----------|--------------------------------------------------------------------------------|
/// | Progress  | `trySend` never waits; `send` waits while the queue is full (backpressure)     |
/// | Order     | on one connection, and on those that follow it, the queue's; several           |
/// |           | connections take messages in order, and may deliver them in another            |
/// | Outcome   | exactly one for each message taken, also when the client gives up or closes    |
/// | Repeats   | a message may arrive twice only if a connection that carried it broke          |
/// | Cost      | a copy of the bytes, a slot of the pool, a push; no allocation up to 64 bytes  |
/// | Memory    | `PoolConfiguration`, `ClientConfiguration`                                     |
/// | Threads   | any may send; outcomes are told on the loops' threads                          |
///
/// `run` does the work: it owns the connections as child tasks and returns when the client has
/// finished, by `close`, `shutdownNow`, or giving up, and every byte of memory is back.
///
/// ```swift
/// try LoopGroup.run { group in
///     let client = try PooledClient(to: endpoint, executors: group.executors) { settled in … }
///     await withDiscardingTaskGroup { tasks in
///         tasks.addTask { await client.run() }
///         _ = try? await client.send(Array("hello\n".utf8))
///         await client.close()
///     }
/// }
/// ```
public final class PooledClient: Sendable {
    let core: ClientCore

    /// A client that has not connected yet.
    ///
    /// - Parameters:
    ///   - endpoint: the destination; a name is resolved anew for each attempt.
    ///   - configuration: the limits and the delivery mode.
    ///   - executors: the loops that connections are spread over; the first is the client's home.
    ///   - onOutcomes: told what has settled, in batches (all delivered, or all failed), on the
    ///     loops' threads, from several at a time if there are several loops. It must not block; it
    ///     may call `trySend`, `requestClose` and `requestShutdown`.
    public init(
        to endpoint: Endpoint, configuration: ClientConfiguration = ClientConfiguration(),
        executors: [LoopExecutor],
        onOutcomes: @escaping @Sendable (Span<SettledMessage>) -> Void = { _ in }
    ) throws(PoolConfigurationError) {
        core = try ClientCore(
            endpoint: endpoint, configuration: configuration, executors: executors,
            onOutcomes: onOutcomes)
    }

    // MARK: Running

    /// Runs the client to its end. Call it once. Cancelling the task is `shutdownNow`.
    public func run() async {
        await withTaskExecutorPreference(core.home) { await self.runAtHome() }
    }

    private func runAtHome() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { tasks in
                while true {  // Ends when the machine has finished.
                    for worker in core.takePendingWorkers() {
                        tasks.addTask(executorPreference: worker.executor) { await worker.run() }
                    }
                    if core.isFinished { break }
                    _ = await core.runPoint.waitForSignal()
                }
            }
        } onCancel: {
            requestShutdown()
        }
        await core.drainMemory()
        core.finished.done()
    }

    /// Whether the client has finished: nothing is queued, connected or allocated any more.
    public func waitUntilFinished() async {
        _ = try? await core.finished.wait()
    }

    // MARK: Sending

    /// Takes a message if there is room; false if the queue is full. Throws when the client takes
    /// no more.
    public func trySend(
        _ message: RawSpan, ticket: MessageTicket
    ) throws(PoolError) -> Bool {
        // SAFETY: copied while lent.
        try unsafe message.withUnsafeBytes { bytes throws(PoolError) in
            unsafe try core.trySend(bytes, ticket: ticket)  // SAFETY: as above.
        }
    }

    /// Takes a message, waiting while the queue is full. Throws when the client takes no more;
    /// `cancelled` also when the task is cancelled while it waits.
    ///
    /// - Parameters:
    ///   - message: its bytes, which are copied before this returns.
    ///   - ticket: the number under which the outcome is told; nil takes the next of the client's
    ///     own.
    ///   - keepsOutcome: whether the outcome is kept for `outcome(of:)`; until it is asked for, or
    ///     the client is gone.
    @discardableResult
    public func send(
        _ message: [UInt8], ticket: MessageTicket? = nil, keepsOutcome: Bool = false
    ) async throws(PoolError) -> MessageTicket {
        let ticket = ticket ?? core.makeTicket()
        if keepsOutcome && !core.registry.open(ticket) { throw .ticketInUse }
        do throws(PoolError) {
            while true {  // Ends when there is room, or the client takes no more.
                if try trySend(message, ticket, keepsOutcome) { return ticket }
                let key = core.spaceEvents.prepareWait()
                if try trySend(message, ticket, keepsOutcome) {
                    core.spaceEvents.cancelWait(key)
                    return ticket
                }
                guard await core.waitForSpace(key) else { throw PoolError.cancelled }
            }
        } catch {
            if keepsOutcome { core.registry.discard(ticket) }
            throw error
        }
    }

    private func trySend(
        _ message: [UInt8], _ ticket: MessageTicket, _ isAwaited: Bool
    ) throws(PoolError) -> Bool {
        // SAFETY: copied while lent.
        try unsafe message.span.bytes.withUnsafeBytes { bytes throws(PoolError) in
            unsafe try core.trySend(bytes, ticket: ticket, isAwaited: isAwaited)
        }
    }

    /// Takes a message, blocking the calling thread while the queue is full. Not for loops and
    /// tasks.
    @available(*, noasync, message: "this blocks the thread: tasks use send")
    public func blockingSend(
        _ message: RawSpan, ticket: MessageTicket
    ) throws(PoolError) {
        while true {  // Ends as `send` does.
            if try trySend(message, ticket: ticket) { return }
            let key = core.spaceEvents.prepareWait()
            if try core.trySendPrepared(message, ticket, key) { return }
        }
    }

    /// Waits for the outcome of a message that was sent with `keepsOutcome`; once for each. Nil for
    /// a ticket that is not kept.
    public func outcome(of ticket: MessageTicket) async -> MessageOutcome? {
        await core.registry.outcome(of: ticket)
    }

    // MARK: Ending

    /// Takes no more messages, delivers those that were taken until the limit, fails the rest, and
    /// returns when the client has finished. Without a limit,
    /// `PoolConfiguration.drainTimeoutNanoseconds` counts.
    public func close(within limit: Duration? = nil) async {
        requestClose(within: limit)
        await waitUntilFinished()
    }

    /// Fails everything that is not delivered at once, and returns when the client has finished.
    public func shutdownNow() async {
        requestShutdown()
        await waitUntilFinished()
    }

    /// Begins what `close` waits for. Any thread.
    public func requestClose(within limit: Duration? = nil) {
        let deadline = limit.map { MonotonicInstant.now.advanced(by: $0) }
        core.report(.closeRequested(deadline: deadline))
    }

    /// Begins what `shutdownNow` waits for. Any thread.
    public func requestShutdown() {
        core.report(.shutdownRequested)
    }

    /// What the client has done so far.
    public var statistics: ClientStatistics { core.statistics }
}
