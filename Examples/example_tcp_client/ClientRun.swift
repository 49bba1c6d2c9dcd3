// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import AtomicSupport
    internal import ConnectionPools
    internal import EventLoops
    internal import ExampleSupport
    internal import Networking

    /// One run against a given destination: from the first line to the summary.
    struct ClientRun: Sendable {
        let command: TCPClient
        let group: LoopGroup
        let file: OutputFile?

        init(_ command: TCPClient, _ group: LoopGroup, _ file: OutputFile?) {
            self.command = command
            self.group = group
            self.file = file
        }

        func run() async throws -> ExitStatus {
            guard let endpoint = command.to?.endpoint else { return .wrongUsage }
            do throws(Resolver.Failure) {
                _ = try await Resolver.resolve(endpoint)
            } catch {
                command.report("cannot resolve \(error)")
                return .failure
            }
            let session: Session
            do {
                session = try Session(
                    command, endpoint: endpoint, executors: group.executors,
                    configuration: try command.clientConfiguration(), file: file)
            } catch PoolConfigurationError.serverName {
                command.report("no certificate names '\(endpoint)': say --server-name NAME")
                return .failure
            }
            if !command.quiet { command.report("\(endpoint); \(group.selection)") }
            await session.run { isStopped throws(SourceFailure) in
                if let count = command.messages {
                    return MessageGenerator(count: count, byteCount: command.size)
                }
                return try LineReader(command.input ?? "-", isStopped: isStopped)
            }
            return finish(session)
        }

        private func finish(_ session: Session) -> ExitStatus {
            let report = SessionReport(command, session)
            if !command.quiet {
                let stream: StandardStream = command.outcomes == "-" ? .error : .output
                for line in report.lines { stream.writeLine(line) }
            }
            for error in report.errors { command.report(error) }
            return report.status
        }
    }
#endif
