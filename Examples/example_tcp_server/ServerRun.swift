// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import AtomicSupport
    internal import EventLoops
    internal import ExampleSupport
    internal import Glibc
    internal import Networking

    /// One run of the server: from listening to the summary.
    struct ServerRun: Sendable {
        private let command: TCPServer
        private let group: LoopGroup
        private let totals = Totals()

        /// Why the server could not listen.
        struct ListenFailure: Error, CustomStringConvertible {
            let description: String
        }

        private enum Event { case ended, signalled, timedOut }

        init(_ command: TCPServer, _ group: LoopGroup) {
            self.command = command
            self.group = group
        }

        func run() async throws {
            let server = try await listen()
            defer { removeSocketFile() }
            StandardStream.output.writeLine("listening on \(server.address)")
            let loops = NumberText.count(group.executors.count, "loop", "loops")
            command.report("\(group.selection); \(loops)")
            await serve(server)
            command.report("\(totals.summary); \(ProcessReadings.now().summary)")
        }

        // MARK: Listening

        private func listen() async throws -> StreamServer {
            let endpoint = command.listen.endpoint
            let addresses: [SocketAddress]
            do {
                addresses = try await Resolver.resolve(endpoint)
            } catch {
                throw ListenFailure(description: "cannot listen on \(error)")
            }
            var options = StreamOptions()
            // A client that does not read holds this many of the loop's buffers.
            options.receiveCredit = 2
            var failure: SystemError?
            for address in addresses {
                do {
                    return try await StreamServer.open(on: address, group: group, options: options)
                } catch {
                    failure = failure ?? error
                }
            }
            let reason = failure?.reason ?? "no address"
            throw ListenFailure(description: "cannot listen on \(endpoint): \(reason)")
        }

        private func removeSocketFile() {
            // SAFETY: the path is NUL-terminated for the call.
            if case .unix(let path) = command.listen.endpoint { _ = unsafe unlink(path) }
        }

        // MARK: Serving and shutting down

        private func serve(_ server: StreamServer) async {
            await withTaskGroup(of: Event.self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await server.run { await serve($0) }
                    return .ended
                }
                tasks.addTask(executorPreference: group.executors[0]) { await nextSignal() }
                tasks.addTask(executorPreference: group.executors[0]) { await showStatus() }
                if await tasks.next() == .signalled {
                    server.stopAccepting()
                    await drain(&tasks)
                } else {
                    command.report("the listening socket broke")
                }
                tasks.cancelAll()
            }
        }

        /// Waits until the connections have ended, the time is over, or Ctrl-C comes again.
        private func drain(_ tasks: inout TaskGroup<Event>) async {
            let timeout = command.shutdownTimeout
            let open = NumberText.count(totals.openCount, "connection", "connections")
            command.report("ending: \(open) open, up to \(timeout); Ctrl-C again ends at once")
            tasks.addTask(executorPreference: group.executors[0]) { await nextSignal() }
            tasks.addTask(executorPreference: group.executors[0]) {
                try? await LoopTime.sleep(for: timeout.duration)
                return .timedOut
            }
            switch await tasks.next() {
            case .timedOut: command.report("connections were still open after \(timeout)")
            case .signalled: command.report("ended at once")
            case .ended, nil: break
            }
        }

        private func nextSignal() async -> Event {
            do {
                let signals = try SignalStream([.interrupt, .terminate])
                _ = try await signals.next()
            } catch {
                // Cancelled: the run is over anyway.
            }
            return .signalled
        }

        /// Shows the totals twice a second if somebody looks.
        private func showStatus() async -> Event {
            var line = StatusLine()
            defer { line.clear() }
            do {
                while true {  // Ends with the run.
                    let pause: Duration = line.isVisible ? .milliseconds(500) : .seconds(86_400)
                    try await LoopTime.sleep(for: pause)
                    line.show(totals.status)
                }
            } catch {
                return .ended
            }
        }

        private func serve(_ connection: StreamConnection) async {
            totals.opened()
            var session = Session(connection, mode: command.mode, totals: totals)
            do {
                try await session.run()
                totals.closed(isBroken: false)
            } catch {
                // A peer that reset or left without reading: its affair, not ours.
                totals.closed(isBroken: !error.isCancelled)
            }
        }
    }
#endif
