// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import EventLoops
    internal import ExampleSupport
    internal import Glibc
    internal import HTTPServing
    internal import Networking

    /// One run of the server: from listening to the summary.
    struct ServerRun: Sendable {
        private let command: HTTPServerCommand
        private let group: LoopGroup
        private let figures = Figures()

        /// Why the server could not start.
        struct StartFailure: Error, CustomStringConvertible {
            let description: String
        }

        init(_ command: HTTPServerCommand, _ group: LoopGroup) {
            self.command = command
            self.group = group
        }

        func run() async throws {
            let server = try await open()
            defer { removeSocketFile() }
            figures.watch(server)
            StandardStream.output.writeLine("listening on \(Self.link(server.address))")
            let loops = NumberText.count(group.executors.count, "loop", "loops")
            command.report("\(group.selection); \(loops)")
            await serve(server)
            let answers = NumberText.count(Int(server.statistics.answers), "answer", "answers")
            command.report("\(answers); \(ProcessReadings.now().summary)")
        }

        // MARK: Starting

        private func open() async throws -> HTTPServer {
            let endpoint = command.listen.endpoint
            let addresses: [SocketAddress]
            do {
                addresses = try await Resolver.resolve(endpoint)
            } catch {
                throw StartFailure(description: "cannot listen on \(error)")
            }
            var configuration = command.serverConfiguration
            if command.accessLog { configuration.onAccess = { AccessLine.write($0) } }
            let routes = try routes()
            var failure: SystemError?
            for address in addresses {
                do throws(SystemError) {
                    return try await HTTPServer.open(
                        on: address, group: group, configuration: configuration, routes: routes)
                } catch {
                    failure = error
                }
            }
            let reason = failure?.reason ?? "no address"
            throw StartFailure(description: "cannot listen on \(endpoint): \(reason)")
        }

        private func routes() throws -> HTTPRoutes {
            var files: StaticFiles?
            if let root = command.root {
                do throws(FileError) {
                    files = try StaticFiles(root)
                } catch {
                    throw StartFailure(description: "cannot serve '\(root)': \(error.reason)")
                }
            }
            return try Routes.all(
                figures, maxBody: command.maxBody, page: Page.files(), files: files)
        }

        private static func link(_ address: SocketAddress) -> String {
            address.family == .unix ? "\(address)" : "http://\(address)/"
        }

        private func removeSocketFile() {
            // SAFETY: the path is NUL-terminated for the call.
            if case .unix(let path) = command.listen.endpoint { _ = unsafe unlink(path) }
        }

        // MARK: Serving and stopping

        private enum Event { case ended, signalled }

        private func serve(_ server: HTTPServer) async {
            await withTaskGroup(of: Event.self) { tasks in
                let home = group.executors[0]
                tasks.addTask(executorPreference: home) {
                    await server.run()
                    return .ended
                }
                tasks.addTask(executorPreference: home) { await nextSignal() }
                tasks.addTask(executorPreference: home) { await sample() }
                if await tasks.next() == .signalled {
                    let open = NumberText.count(
                        server.statistics.openConnections, "connection", "connections")
                    command.report(
                        "stopping: \(open) open, up to \(command.shutdownTimeout); "
                            + "Ctrl-C again ends at once")
                    figures.end()
                    server.stop()
                    tasks.addTask(executorPreference: home) { await nextSignal() }
                    if await tasks.next() == .signalled { command.report("ended at once") }
                }
                tasks.cancelAll()
            }
        }

        /// Takes a sample each second, until the server stops.
        private func sample() async -> Event {
            while (try? await LoopTime.sleep(for: .seconds(1))) != nil { figures.sample() }
            return .ended
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
    }
#endif
