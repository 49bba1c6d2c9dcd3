// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import ConnectionPools
    internal import EventLoops
    internal import ExampleSupport
    internal import Networking

    /// The client against a receiver in the same process that breaks connections in every way it
    /// knows.
    struct Demonstration: Sendable {
        static let messageCountDefault = 1_000_000

        private let command: TCPClient
        private let group: LoopGroup
        private let file: OutputFile?

        init(_ command: TCPClient, _ group: LoopGroup, _ file: OutputFile?) {
            self.command = command
            self.group = group
            self.file = file
        }

        func run() async throws -> ExitStatus {
            let before = ProcessReadings.now()
            let receiver = try await makeReceiver()
            var configuration = try command.clientConfiguration()
            // The receiver stalls on purpose: patience is short, and so are the pauses.
            configuration.pool.answerTimeoutNanoseconds = 300_000_000
            configuration.pool.backoffInitialNanoseconds = 20_000_000
            let session = try Session(
                command, endpoint: .host("127.0.0.1", port: receiver.address.port),
                executors: Array(group.executors.dropLast()), configuration: configuration,
                file: file)
            introduce(receiver)
            await withDiscardingTaskGroup { tasks in
                tasks.addTask(executorPreference: receiver.executor) { await receiver.run() }
                let (count, size) = (command.messageCount, command.size)
                await session.run { _ throws(SourceFailure) in
                    MessageGenerator(count: count, byteCount: size)
                }
                receiver.executor.perform { receiver.stop() }
            }
            return conclude(session, receiver, before: before)
        }

        private func makeReceiver() async throws -> FaultyReceiver {
            let executor = group.executors[group.executors.count - 1]
            let count = command.messageCount
            return try await withTaskExecutorPreference(executor) {
                try FaultyReceiver(messageCount: count)
            }
        }

        private var stream: StandardStream { command.outcomes == "-" ? .error : .output }

        private func introduce(_ receiver: FaultyReceiver) {
            guard !command.quiet else { return }
            let count = NumberText.count(command.messageCount, "message", "messages")
            stream.writeLine(
                "\(count) of \(command.size) bytes to \(receiver.address), which resets, stalls, "
                    + "half-closes and refuses; \(group.selection)")
        }

        private func conclude(
            _ session: Session, _ receiver: FaultyReceiver, before: ProcessReadings
        ) -> ExitStatus {
            let report = SessionReport(command, session)
            let sent = session.producer.readCount
            let ok = session.recorder.settledCount - session.recorder.failedCount
            let arrived = receiver.arrivals.distinctCount
            let lost = max(0, ok - arrived)
            if !command.quiet {
                for line in report.lines { stream.writeLine(line) }
                for line in table(session, receiver, before: before) { stream.writeLine(line) }
            }
            for error in report.errors { command.report(error) }
            stream.writeLine("messages: \(sent) sent, \(arrived) arrived, \(lost) lost")
            return lost > 0 ? .failure : report.status
        }

        private func table(
            _ session: Session, _ receiver: FaultyReceiver, before: ProcessReadings
        ) -> [String] {
            let after = ProcessReadings.now()
            let strikes = Fault.allCases.map { $0.text(receiver.strikes[$0] ?? 0) }
            let rows = [
                ("sent", NumberText.grouped(session.producer.readCount)),
                ("arrived", NumberText.grouped(receiver.arrivals.distinctCount)),
                ("re-sent", NumberText.grouped(session.client.statistics.resent)),
                ("duplicates", NumberText.grouped(receiver.arrivals.duplicateCount)),
                ("failed", NumberText.grouped(session.recorder.failedCount)),
                ("faults", strikes.joined(separator: ", ")),
                ("before", before.summary),
                ("after", after.summary),
            ]
            return rows.map { name, value in
                "  " + name + String(repeating: " ", count: 12 - name.utf8.count) + value
            }
        }
    }
#endif
