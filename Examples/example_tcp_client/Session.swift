// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import AtomicSupport
    internal import ConnectionPools
    internal import EventLoops
    internal import ExampleSupport
    internal import Glibc
    internal import Networking

    /// A client at work: the source is read on a thread of its own, outcomes are written on
    /// another, Ctrl-C ends both, and a status line tells how far it is.
    final class Session: Sendable {
        let command: TCPClient
        let client: PooledClient
        let recorder: OutcomeRecorder
        let producer: Producer
        let startedAt = MonotonicInstant.now
        private let interrupts = Atomic<Int>(0)
        private let sourceFailure = Failures()
        /// Reading, and writing outcomes, block: two threads.
        private let threads = BlockingPool(threadsMax: 2)
        private let home: LoopExecutor

        init(
            _ command: TCPClient, endpoint: Endpoint, executors: [LoopExecutor],
            configuration: ClientConfiguration, file: OutputFile?
        ) throws(PoolConfigurationError) {
            self.command = command
            let recorder = OutcomeRecorder(file)
            self.recorder = recorder
            home = executors[0]
            client = try PooledClient(
                to: endpoint, configuration: configuration, executors: executors
            ) { recorder.record($0) }
            producer = Producer(client: client, recorder: recorder, rate: command.rate)
        }

        /// Whether Ctrl-C was pressed.
        var wasInterrupted: Bool { interrupts.load(ordering: .relaxed) > 0 }
        /// What was wrong with the source, if something was.
        var failureText: String? { sourceFailure.text }

        /// Runs to the end: all messages of the source have their outcomes, and those are written.
        func run(
            _ makeSource:
                @escaping @Sendable (@escaping @Sendable () -> Bool) throws(SourceFailure) ->
                any MessageSource
        ) async {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask(executorPreference: self.home) { await self.watchSignals() }
                tasks.addTask(executorPreference: self.home) { await self.showStatus() }
                await withDiscardingTaskGroup { work in
                    work.addTask(executorPreference: self.home) { await self.runClient() }
                    work.addTask(executorPreference: self.home) {
                        await self.threads.run { self.recorder.writeLines() }
                    }
                    work.addTask(executorPreference: self.home) { await self.send(makeSource) }
                }
                tasks.cancelAll()
            }
        }

        private func runClient() async {
            await client.run()
            // Nobody sends what the source might still give: a silent terminal is not waited for.
            if !producer.isComplete && !producer.isStopped {
                sourceFailure.set("gave up before the end of the input")
            }
            producer.stop()
        }

        private func send(
            _ makeSource:
                @escaping @Sendable (@escaping @Sendable () -> Bool) throws(SourceFailure) ->
                any MessageSource
        ) async {
            await threads.run { self.produce(makeSource) }
            // What was read is delivered, however long it takes: attempts are bounded, and Ctrl-C
            // sets a limit.
            await client.close(within: .seconds(365 * 24 * 3600))
            recorder.end()
        }

        private func produce(
            _ makeSource: (@escaping @Sendable () -> Bool) throws(SourceFailure) ->
                any MessageSource
        ) {
            do throws(SourceFailure) {
                let source = try makeSource { self.producer.isStopped }
                try producer.run(source)
            } catch {
                sourceFailure.set(error.description)
            }
        }

        // MARK: Ctrl-C

        /// How long, after the second Ctrl-C, the reader of the outcomes may take.
        private static let outcomesPause: Duration = .seconds(2)

        private func watchSignals() async {
            await withDiscardingTaskGroup { limits in
                do throws(SystemError) {
                    let signals = try SignalStream([.interrupt, .terminate])
                    while true {  // Ends when the run is over and the task is cancelled.
                        _ = try await signals.next()
                        interrupt(&limits)
                    }
                } catch {
                    guard !error.isCancelled else { return }
                    // Deaf to Ctrl-C, it must not go on.
                    sourceFailure.set("cannot watch for Ctrl-C: \(error.reason)")
                    producer.stop()
                    client.requestShutdown()
                }
            }
        }

        private func interrupt(_ limits: inout DiscardingTaskGroup) {
            let (count, _) = interrupts.add(1, ordering: .relaxed)
            producer.stop()
            if count == 0 {
                limits.addTask(executorPreference: home) { await self.limitDrain() }
            } else {
                client.requestShutdown()
                limits.addTask(executorPreference: home) { await self.limitOutcomes() }
            }
        }

        /// The first Ctrl-C. What was read is sent and delivered; at the limit, the rest fails.
        private func limitDrain() async {
            let timeout = command.shutdownTimeout
            if !command.quiet {
                StatusLine.erase()
                command.report(
                    "stopping: delivers what was read, up to \(timeout); Ctrl-C again ends at once")
            }
            do throws(SystemError) {
                try await LoopTime.sleep(for: timeout.duration)
                client.requestClose(within: .zero)
            } catch {
                // Cancelled: delivered in time.
            }
        }

        /// The second Ctrl-C. Outcomes are still written, unless nobody reads them.
        private func limitOutcomes() async {
            do throws(SystemError) {
                try await LoopTime.sleep(for: Self.outcomesPause)
            } catch {
                return  // Cancelled: all is written.
            }
            StatusLine.erase()
            command.report("outcomes are not being read; the rest of them is not written")
            _exit(ExitStatus.interrupted.rawValue)
        }

        // MARK: Status

        /// Twice a second on a terminal; every five seconds a line elsewhere.
        private func showStatus() async {
            // Outcomes on the terminal would be written into the line.
            let isTaken = command.outcomes == "-" && StandardStream.output.isTerminal
            guard !command.quiet && !isTaken else { return }
            var line = StatusLine()
            defer { line.clear() }
            var before = (settled: 0, at: startedAt)
            do throws(SystemError) {
                while true {  // Ends when the run is over and the task is cancelled.
                    try await LoopTime.sleep(for: line.isVisible ? .milliseconds(500) : .seconds(5))
                    let now = (settled: recorder.settledCount, at: MonotonicInstant.now)
                    let text = status(since: before, now)
                    if line.isVisible { line.show(text) } else { command.report(text) }
                    before = now
                }
            } catch {
                // Cancelled: the run is over.
            }
        }

        private func status(
            since before: (settled: Int, at: MonotonicInstant),
            _ now: (settled: Int, at: MonotonicInstant)
        ) -> String {
            let statistics = client.statistics
            let seconds = Double(now.at.nanoseconds(since: before.at)) / 1e9
            let rate = Int(Double(now.settled - before.settled) / max(seconds, 0.001))
            let connections = NumberText.count(
                statistics.pool.openConnections, "connection", "connections")
            return "\(connections), \(NumberText.grouped(statistics.waiting)) queued, "
                + "\(NumberText.grouped(now.settled)) settled, "
                + "\(NumberText.grouped(statistics.resent)) re-sent, \(NumberText.grouped(rate))/s"
        }
    }

    /// The first thing that went wrong, kept for the end.
    final class Failures: @unchecked Sendable {
        // Edges: the lock's.
        private let block = SharedBlock(byteCount: CacheLine.byteCount)
        private var first: String?

        // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
        private var lock: InternalLock {
            unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
        }

        var text: String? { lock.withLock { first } }

        func set(_ text: String) {
            lock.withLock { first = first ?? text }
        }
    }
#endif
