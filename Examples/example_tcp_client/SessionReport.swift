// SPDX-License-Identifier: MIT

#if Examples
    internal import AtomicSupport
    internal import ConnectionPools
    internal import ExampleSupport

    /// What is said at the end of a run, and how the process ends.
    struct SessionReport {
        private let command: TCPClient
        private let session: Session
        private let statistics: ClientStatistics

        init(_ command: TCPClient, _ session: Session) {
            self.command = command
            self.session = session
            statistics = session.client.statistics
        }

        private var settled: Int { session.recorder.settledCount }
        private var failed: Int { session.recorder.failedCount }

        /// The summary.
        var lines: [String] {
            let nanoseconds = MonotonicInstant.now.nanoseconds(since: session.startedAt)
            let seconds = Double(nanoseconds) / 1e9
            let rate = Int(Double(settled) / max(seconds, 1e-6))
            let pool = statistics.pool
            return [
                "messages: \(NumberText.grouped(session.producer.readCount)) read, "
                    + "\(NumberText.grouped(settled - failed)) ok, "
                    + "\(NumberText.grouped(failed)) failed, "
                    + "\(NumberText.grouped(statistics.resent)) re-sent, in "
                    + "\(NumberText.duration(.nanoseconds(Int64(nanoseconds)))) "
                    + "(\(NumberText.grouped(rate))/s)",
                "connections: \(NumberText.count(pool.attempts, "attempt", "attempts")), "
                    + "\(NumberText.grouped(pool.connects)) connected, "
                    + "\(NumberText.grouped(pool.connectFailures)) failed to connect",
                "'ok' means: \(meaning)",
            ]
        }

        private var meaning: String {
            switch command.deliveryMode {
            case .written:
                "this machine's kernel took every byte; a peer that dies may still lose the message"
            case .acknowledged:
                "the peer's kernel has every byte; its program may not have read them"
            case .confirmed:
                "the peer's program answered"
            }
        }

        /// What went wrong, for standard error.
        var errors: [String] {
            var result: [String] = []
            if let text = session.failureText { result.append(text) }
            if let failure = session.recorder.writeFailure { result.append("\(failure)") }
            for (word, count) in session.recorder.failureCounts.sorted(by: { $0.key < $1.key }) {
                let text = NumberText.count(count, "message", "messages")
                result.append("\(text) failed: \(word)\(explanation(word))")
            }
            return result
        }

        private func explanation(_ word: String) -> String {
            guard word == FailureReason.gaveUp.word else { return "" }
            let attempts = NumberText.count(statistics.pool.attempts, "attempt", "attempts")
            let destination = command.to?.description ?? "the receiver"
            return " (\(attempts) to connect to \(destination)\(lastError))"
        }

        /// What the last connection or attempt died of.
        private var lastError: String {
            guard let error = statistics.pool.lastError else { return "" }
            return "; the last: \(error.reason.word)\(error.security.map { ": \($0)" } ?? "")"
        }

        /// How the process ends.
        var status: ExitStatus {
            let isIncomplete = session.failureText != nil || session.recorder.writeFailure != nil
            if failed > 0 && session.wasInterrupted { return .interrupted }
            return failed > 0 || isIncomplete ? .failure : .success
        }
    }
#endif
