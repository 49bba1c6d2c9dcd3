// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import EventLoops
    internal import ExampleSupport
    internal import HTTPServing
    internal import Networking

    /// One run of the server: from listening to the summary.
    struct ServerRun: Sendable {
        private let command: HTTPServerCommand
        private let group: LoopGroup
        private let life: ServerLife
        private let figures = Figures()

        init(_ command: HTTPServerCommand, _ group: LoopGroup) {
            self.command = command
            self.group = group
            life = ServerLife(at: command.listen.endpoint, on: group)
        }

        func run() async throws {
            let server = try await open()
            defer { life.removeSocketFile() }
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
            var configuration = command.serverConfiguration
            if command.accessLog { configuration.onAccess = { AccessLine.write($0) } }
            let (options, routes) = (configuration, try routes())
            return try await life.open { address throws(SystemError) in
                try await HTTPServer.open(
                    on: address, group: group, configuration: options, routes: routes)
            }
        }

        private func routes() throws -> HTTPRoutes {
            var files: StaticFiles?
            if let root = command.root {
                do throws(FileError) {
                    files = try StaticFiles(root)
                } catch {
                    throw ServerLife.StartFailure(
                        "cannot serve '\(root)': \(error.reason)")
                }
            }
            return try Routes.all(
                figures, maxBody: command.maxBody, page: Page.files(), files: files)
        }

        private static func link(_ address: SocketAddress) -> String {
            address.family == .unix ? "\(address)" : "http://\(address)/"
        }

        // MARK: Serving and stopping

        private func serve(_ server: HTTPServer) async {
            let end = await life.run(serve: { await server.run() }, beside: { await sample() }) {
                let open = NumberText.count(
                    server.statistics.openConnections, "connection", "connections")
                command.report(
                    "stopping: \(open) open, up to \(command.shutdownTimeout); "
                        + "Ctrl-C again ends at once")
                figures.end()
                server.stop()
            }
            if end == .cut { command.report("ended at once") }
        }

        /// Takes a sample each second, until the server stops.
        private func sample() async {
            while (try? await LoopTime.sleep(for: .seconds(1))) != nil { figures.sample() }
        }
    }
#endif
