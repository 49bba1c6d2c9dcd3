// SPDX-License-Identifier: MIT

#if Examples
    internal import AsyncRuntime
    internal import AtomicSupport
    internal import EventLoops
    internal import ExampleSupport
    internal import Networking

    /// One run of the server: from listening to the summary.
    struct ServerRun: Sendable {
        private let command: TCPServer
        private let group: LoopGroup
        private let life: ServerLife
        private let totals = Totals()

        init(_ command: TCPServer, _ group: LoopGroup) {
            self.command = command
            self.group = group
            life = ServerLife(at: command.listen.endpoint, on: group)
        }

        func run() async throws {
            let server = try await listen()
            defer { life.removeSocketFile() }
            StandardStream.output.writeLine("listening on \(server.address)")
            let loops = NumberText.count(group.executors.count, "loop", "loops")
            command.report("\(group.selection); \(loops)")
            await serve(server)
            command.report("\(totals.summary); \(ProcessReadings.now().summary)")
        }

        // MARK: Listening

        private func listen() async throws -> StreamServer {
            var options = StreamOptions()
            // A client that does not read holds this many of the loop's buffers.
            options.receiveCredit = 2
            let (streamOptions, group) = (options, group)
            guard command.tls else {
                return try await life.open { address throws(SystemError) in
                    try await StreamServer.open(on: address, group: group, options: streamOptions)
                }
            }
            let certificates = command.certificates
            let policy = try certificates.policy(
                for: try certificates.identities(), protocols: [])
            return try await life.open { address throws(SystemError) in
                try await StreamServer.open(
                    on: address, group: group, options: streamOptions, tls: policy)
            }
        }

        // MARK: Serving and shutting down

        private func serve(_ server: StreamServer) async {
            let timeout = command.shutdownTimeout
            let end = await life.run(
                serve: { await server.run { await serve($0) } }, beside: { await showStatus() },
                within: timeout.duration
            ) {
                server.stopAccepting()
                let open = NumberText.count(totals.openCount, "connection", "connections")
                command.report("ending: \(open) open, up to \(timeout); Ctrl-C again ends at once")
            }
            switch end {
            case .broken: command.report("the listening socket broke")
            case .timedOut: command.report("connections were still open after \(timeout)")
            case .cut: command.report("ended at once")
            case .stopped: break
            }
        }

        /// Shows the totals twice a second if somebody looks.
        private func showStatus() async {
            var line = StatusLine()
            defer { line.clear() }
            do {
                while true {  // Ends with the run.
                    let pause: Duration = line.isVisible ? .milliseconds(500) : .seconds(86_400)
                    try await LoopTime.sleep(for: pause)
                    line.show(totals.status)
                }
            } catch {
                // Cancelled: the run is over.
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
