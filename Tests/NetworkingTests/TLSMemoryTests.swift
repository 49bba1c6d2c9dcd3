// SPDX-License-Identifier: MIT

#if TLS

    import AsyncRuntime
    import AtomicSupport
    import CTestSupport
    import EventLoops
    import Networking
    import TLSEngines
    import TLSTestSupport
    import Testing

    /// What connections with TLS leave behind when no server is around them.
    @Suite("TLS: memory of connections")
    struct TLSMemoryTests {
        private static let folder = TestCertificates.shared.folder

        @Test("3,000 connections, whole and broken off, leave nothing", arguments: backends)
        func cycles(_ choice: BackendChoice) async {
            // If this failed, a program that lives for weeks would run out of memory. In a process
            // of its own: other tests' memory would hide it.
            await #expect(processExitsWith: .success) {
                [name = choice.rawValue as String, folder = Self.folder as String] in
                let ends = try TLSEnds(files: TestCertificates(folder: folder))
                try LoopGroup.run(choice: BackendChoice(rawValue: name) ?? .automatic) { group in
                    try await Self.connectOften(ends, group)
                }
            }
        }

        private static func connectOften(_ ends: TLSEnds, _ group: LoopGroup) async throws {
            let listener = try StreamListener(on: loopback)
            let acceptor = Box(TLSAcceptor(ends.server))
            let connector = TLSConnector(ends.client)
            let outcomes = Box([0, 0])
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await accept(listener, acceptor, outcomes)
                }
                for number in 0..<600 { try await connectOnce(listener, connector, number) }
                let memory = test_resident_byte_count()
                for number in 0..<2_400 { try await connectOnce(listener, connector, number) }
                let growth = test_resident_byte_count() - memory
                // A record's buffer or an engine each time would be 10 MB at least.
                #expect(growth < 3 << 20, "\(growth) bytes more")
                listener.close()
                try await tasks.waitForAll()
            }
            #expect(acceptor.value.lentBufferCount == 0)
            #expect(connector.lentBufferCount == 0)
            // Of six kinds two are whole.
            #expect(outcomes.value[0] == 1_000 && outcomes.value[1] == 2_000, "\(outcomes.value)")
        }

        /// Answers until the listener is closed; counts handshakes that went well, and others.
        private static func accept(
            _ listener: StreamListener, _ acceptor: Box<TLSAcceptor>, _ outcomes: Box<[Int]>
        ) async {
            while let connection = try? await listener.accept() {
                do {
                    try await connection.startTLS(acceptor.value, until: inTime)
                    outcomes.set([outcomes.value[0] + 1, outcomes.value[1]])
                    try? await echo(connection)
                } catch {
                    outcomes.set([outcomes.value[0], outcomes.value[1] + 1])
                }
                connection.close()
            }
        }

        private static func connectOnce(
            _ listener: StreamListener, _ connector: TLSConnector, _ number: Int
        ) async throws {
            let connection = try await StreamConnection.connect(to: listener.address)
            defer { connection.reset() }  // A reset saves the port, which would wait for a minute.
            switch number % 6 {
            case 0: return
            case 1: try await connection.write([22, 3, 1, 0])
            case 2: try await connection.write([UInt8]("GET / HTTP/1.1\r\n\r\n".utf8))
            case 3:
                let error = await ending { () throws(HandshakeError) in
                    try await connection.startTLS(
                        connector, serverName: "else.test", until: inTime)
                }
                #expect(error != nil)
            default:
                try await connection.startTLS(connector, serverName: "localhost", until: inTime)
                try await connection.write(pattern(20_000))
                if number % 6 == 4 { return }
                var count = 0
                while count < 20_000 {  // Ends: the echo answers all, or the test's time is over.
                    count += try await connection.read(atMost: 20_000, until: inTime).count
                }
                try await connection.finishWriting()
            }
        }
    }

#endif
