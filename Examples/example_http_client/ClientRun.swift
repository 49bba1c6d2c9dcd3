// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import EventLoops
    internal import ExampleSupport
    internal import HTTPClients

    /// All transfers, so many at once, until they have ended or a signal comes.
    struct ClientRun: Sendable {
        private enum Event: Sendable {
            case ended(ExitStatus)
            case interrupted
            case other
        }

        /// Which jobs are left, and how the others ended. The loop's only.
        private final class State: @unchecked Sendable {
            var next = 0
            var hasFailure = false
            var hasRefusal = false
        }

        private let command: HTTPClientCommand
        private let jobs: [TransferJob]
        private let progress: Progress

        init(_ command: HTTPClientCommand, _ jobs: [TransferJob]) {
            self.command = command
            self.jobs = jobs
            progress = Progress(transferCount: jobs.count)
        }

        func run(_ client: HTTPClient) async -> ExitStatus {
            await withTaskGroup(of: Event.self) { tasks in
                tasks.addTask { .ended(await self.transfer(client)) }
                tasks.addTask { await self.awaitSignal() }
                if showsProgress { tasks.addTask { await self.showProgress() } }
                var status = ExitStatus.failure
                while let event = await tasks.next() {  // One turn for each task.
                    switch event {
                    case .ended(let end):
                        status = status == .interrupted ? status : end
                        tasks.cancelAll()
                    case .interrupted:
                        status = .interrupted
                        tasks.cancelAll()
                    case .other: break
                    }
                }
                progress.clear()
                return status
            }
        }

        /// Not among bodies on the same terminal.
        private var showsProgress: Bool {
            let isMixed = jobs.contains { $0.path == nil } && StandardStream.output.isTerminal
            return progress.isVisible && !isMixed
        }

        private func transfer(_ client: HTTPClient) async -> ExitStatus {
            let state = State()
            await withDiscardingTaskGroup { tasks in
                for _ in 0..<min(command.limits.parallel, jobs.count) {
                    tasks.addTask { await self.work(client, state) }
                }
            }
            if state.hasFailure { return .failure }
            return state.hasRefusal ? .refused : .success
        }

        private func work(_ client: HTTPClient, _ state: State) async {
            while state.next < jobs.count, !Task.isCancelled {  // Takes a job each turn.
                let job = jobs[state.next]
                state.next += 1
                switch await Transfer(command, job, progress).run(client) {
                case .done: break
                case .refused: state.hasRefusal = true
                case .failed: state.hasFailure = true
                }
            }
        }

        private func awaitSignal() async -> Event {
            do {
                let signals = try SignalStream([.interrupt, .terminate])
                _ = try await signals.next()
                return .interrupted
            } catch {
                return .other
            }
        }

        private func showProgress() async -> Event {
            do {
                while true {  // Ends when the task is cancelled.
                    try await LoopTime.sleep(for: .milliseconds(200))
                    progress.show()
                }
            } catch {
                return .other
            }
        }
    }
#endif
