// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import EventLoops
    internal import ExampleSupport
    internal import HTTPServing
    internal import Networking
    internal import TLSEngines

    /// One run of the servers, the plain one and that of TLS: from listening to the summary.
    struct ServerRun: Sendable {
        private let command: HTTPServerCommand
        private let group: LoopGroup
        private let figures = Figures()

        init(_ command: HTTPServerCommand, _ group: LoopGroup) {
            self.command = command
            self.group = group
        }

        /// A server and what ends with it.
        private struct Part: Sendable {
            let server: HTTPServer
            let life: ServerLife
            let isSecure: Bool
        }

        func run() async throws {
            let parts = try await open()
            defer { for part in parts { part.life.removeSocketFile() } }
            figures.watch(parts.map(\.server))
            for part in parts {
                let link = Self.link(part.server.address, part.isSecure)
                StandardStream.output.writeLine("listening on \(link)")
            }
            let loops = NumberText.count(group.executors.count, "loop", "loops")
            command.report("\(group.selection); \(loops)")
            await serve(parts)
            let answers = NumberText.count(Int(figures.statistics.answers), "answer", "answers")
            command.report("\(answers); \(ProcessReadings.now().summary)")
        }

        // MARK: Starting

        private func open() async throws -> [Part] {
            var configuration = command.serverConfiguration
            if command.accessLog { configuration.onAccess = { AccessLine.write($0) } }
            let routes = try routes()
            var parts: [Part] = []
            if let endpoint = command.plainEndpoint {
                parts.append(try await open(endpoint, configuration, routes, isSecure: false))
            }
            if let endpoint = command.tlsEndpoint {
                let identities: [TLSIdentity]
                do {
                    identities = try command.tls.identities()
                } catch let error as ThrowawayCertificate.Failure where !parts.isEmpty {
                    command.report("serves no TLS: \(error)")
                    return parts
                }
                configuration.tls = try command.tls.policy(
                    for: identities, protocols: ["http/1.1"])
                parts.append(try await open(endpoint, configuration, routes, isSecure: true))
            }
            return parts
        }

        private func open(
            _ endpoint: EndpointArgument, _ configuration: HTTPServerConfiguration,
            _ routes: HTTPRoutes, isSecure: Bool
        ) async throws -> Part {
            let life = ServerLife(at: endpoint.endpoint, on: group)
            let server = try await life.open { address throws(SystemError) in
                try await HTTPServer.open(
                    on: address, group: group, configuration: configuration, routes: routes)
            }
            return Part(server: server, life: life, isSecure: isSecure)
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

        private static func link(_ address: SocketAddress, _ isSecure: Bool) -> String {
            if address.family == .unix { return "\(address)" }
            return isSecure ? "https://\(address)/" : "http://\(address)/"
        }

        // MARK: Serving and stopping

        private func serve(_ parts: [Part]) async {
            let servers = parts.map(\.server)
            let end = await parts[0].life.run(
                serve: { await Self.serve(servers) }, beside: { await watch(parts) }
            ) {
                let count = figures.statistics.openConnections
                let open = NumberText.count(count, "connection", "connections")
                command.report(
                    "stopping: \(open) open, up to \(command.shutdownTimeout); "
                        + "Ctrl-C again ends at once")
                figures.end()
                for server in servers { server.stop() }
            }
            if end == .cut { command.report("ended at once") }
        }

        /// Returns when all have ended.
        private static func serve(_ servers: [HTTPServer]) async {
            guard let home = LoopExecutor.current else { return }
            await withDiscardingTaskGroup { tasks in
                for server in servers {
                    tasks.addTask(executorPreference: home) { await server.run() }
                }
            }
        }

        /// Takes a sample each second, and new certificates with each SIGHUP, until the stop.
        private func watch(_ parts: [Part]) async {
            guard let home = LoopExecutor.current else { return }
            await withDiscardingTaskGroup { tasks in
                tasks.addTask(executorPreference: home) {
                    while (try? await LoopTime.sleep(for: .seconds(1))) != nil { figures.sample() }
                }
                tasks.addTask(executorPreference: home) {
                    guard let signals = try? SignalStream(.hangUp) else { return }
                    while (try? await signals.next()) != nil { reload(parts) }
                }
            }
        }

        /// The certificates as they are now; what cannot be used leaves things as they were.
        private func reload(_ parts: [Part]) {
            guard let part = parts.first(where: \.isSecure), !command.tls.chains.isEmpty else {
                return command.report("SIGHUP: no certificates to read again")
            }
            do {
                let identities = try command.tls.identities()
                part.server.replaceTLS(
                    try command.tls.policy(for: identities, protocols: ["http/1.1"]))
                command.report("SIGHUP: certificates read again")
            } catch {
                command.report("SIGHUP: the certificates stay as they were: \(error)")
            }
        }
    }
#endif
