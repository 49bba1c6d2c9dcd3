// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
public import EventLoops

/// A number of loops, each on a thread of its own, that run one async program.
///
/// ```swift
/// try LoopGroup.run(loops: 2) { group in
///     let listener = try StreamListener(on: .ipv4(host: "127.0.0.1", port: 0))
///     …
/// }
/// ```
public final class LoopGroup: Sendable {
    /// The loops, as executors of tasks. The program begins on the first.
    public let executors: [LoopExecutor]
    private let next = Atomic<Int>(0)

    /// The name of the backend, and why it was chosen.
    public var selection: String { executors[0].loop.selection }

    /// A group of loops that somebody else runs.
    package init(_ executors: [LoopExecutor]) {
        self.executors = executors
    }

    /// Begins a program on the first loop.
    package func begin(_ body: @escaping @Sendable () async -> Void) {
        Task(executorPreference: executors[0]) { await body() }
    }

    /// The loops in turn: spreads work that may run on any.
    public var nextExecutor: LoopExecutor {
        // Relaxed: the number carries nothing.
        let (number, _) = next.wrappingAdd(1, ordering: .relaxed)
        return executors[Int(UInt(bitPattern: number) % UInt(executors.count))]
    }

    /// Starts the loops, runs `body` on the first of them, waits for it, stops the loops in order,
    /// and gives back what `body` gave. The calling thread sleeps meanwhile; do not call it on a
    /// loop or in a task.
    ///
    /// SIGPIPE is ignored from here on. The signals in `signals` are blocked while the group runs,
    /// for `SignalStream`; threads started inside inherit that.
    public static func run<Value: Sendable>(
        loops: Int = 1, choice: BackendChoice = .automatic, options: LoopOptions = LoopOptions(),
        signals: SignalSet = [], _ body: @escaping @Sendable (LoopGroup) async throws -> Value
    ) throws -> Value {
        try run(
            loops: loops, options: options, signals: signals, backend: choice.open(options:), body)
    }

    /// The same, on backends that `backend` makes: for one that is not Millrace's own.
    ///
    /// ```swift
    /// try LoopGroup.run(loops: 2, backend: PollBackend.open) { group in … }
    /// ```
    ///
    /// - Parameters:
    ///   - loops: how many loops, each on a thread of its own.
    ///   - options: the limits of each loop.
    ///   - signals: blocked while the group runs, for `SignalStream`.
    ///   - backend: called once for each loop, on the calling thread, with `options`. What it
    ///     throws, `run` throws; then no thread was started.
    ///   - body: the program.
    /// - Returns: what `body` gave.
    public static func run<Value: Sendable>(
        loops: Int = 1, options: LoopOptions = LoopOptions(), signals: SignalSet = [],
        backend: (LoopOptions) throws(SystemError) -> SelectedBackend,
        _ body: @escaping @Sendable (LoopGroup) async throws -> Value
    ) throws -> Value {
        precondition(loops > 0, "a group needs at least one loop")
        precondition(EventLoop.current == nil, "a group is not started on a loop")
        millrace_signal_ignore_pipe()
        let previous = millrace_signals_block(signals.mask)
        defer { millrace_signals_restore(previous) }
        var executors: [LoopExecutor] = []
        for _ in 0..<loops {
            let loop = EventLoop(try backend(options), options: options)
            executors.append(LoopExecutor(loop))
        }
        let threads = try LoopThread.startAll(executors)
        let group = LoopGroup(executors)
        let outcome = MainOutcome<Value>()
        group.begin {
            do {
                outcome.set(.success(try await body(group)))
            } catch {
                outcome.set(.failure(error))
            }
        }
        let result = outcome.wait()
        for executor in executors { executor.loop.stop() }
        for thread in threads { thread.join() }
        return try result.get()
    }
}
