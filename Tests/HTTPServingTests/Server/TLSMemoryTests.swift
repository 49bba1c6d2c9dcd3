// SPDX-License-Identifier: MIT

#if TLS

    import CTestSupport
    import Glibc
    import Networking
    import TLSEngines
    import TLSTestSupport
    import Testing

    import EventLoops
    @testable import HTTPServing

    /// What connections with TLS cost, and leave; each in a process of its own.
    @Suite("Server: memory of TLS")
    struct TLSMemoryTests {
        private static let folder = TestCertificates.shared.folder

        @Test("10,000 connections, whole and broken off, leave nothing", arguments: backends)
        func cycles(_ choice: BackendChoice) async {
            // If this failed, a server would run out of memory in the end.
            await #expect(processExitsWith: .success) {
                [name = choice.rawValue as String, folder = Self.folder as String] in
                unsafe SecureServer.files = TestCertificates(folder: folder)  // SAFETY: first.
                try Self.connectOften(BackendChoice(rawValue: name) ?? .automatic)
            }
        }

        private static func connectOften(_ choice: BackendChoice) throws {
            let policy = try SecureServer.policy()
            let server = try TestServer(choice, loops: 2) { $0.tls = policy }
            let connector = try SecureServer.connector()
            let fresh = try SecureServer.connector(resumes: false)
            var number = 0
            func round(_ count: Int) throws {
                for _ in 0..<count {
                    number += 1
                    // Every 16th shakes hands from scratch: that is most of the time.
                    let engine = try (number % 16 == 0 ? fresh : connector)
                        .open(serverName: "localhost")
                    try connectOnce(server, engine, number)
                }
                #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
            }
            try round(2_000)
            let memory = test_resident_byte_count()
            try round(8_000)
            let growth = test_resident_byte_count() - memory
            #expect(growth < 8 << 20, "\(growth) bytes more")
            let statistics = server.server.statistics
            #expect(statistics.resumedHandshakes > 2_000, "\(statistics)")
            #expect(statistics.failedHandshakes > 1_000, "\(statistics)")
        }

        private static func connectOnce(
            _ server: TestServer, _ engine: TLSEngine, _ number: Int
        ) throws {
            let client = try RawClient(server.address)
            defer { client.reset() }  // A reset saves the port, which would wait for a minute.
            switch number % 8 {
            case 0: return
            case 1: try client.send("GET / HTTP/1.1\r\n\r\n")
            case 2, 3:  // Broken off in the hello, or behind it.
                let hello = unsafe Array(engine.outgoing)  // SAFETY: copied.
                try client.send(Array(hello.prefix(number % 3 == 0 ? hello.count : number % 200)))
                if number % 2 == 0 { _ = client.isQuiet(milliseconds: 1) }
            default:
                try client.shakeHands(engine)
                if number % 8 == 4 { return }
                try client.send(request(number % 8 == 5 ? "GET /sized/40000" : "GET /task"))
                if number % 8 == 6 { _ = try client.answer() }
                if number % 8 == 7 { client.finishWriting() }
            }
        }

        @Test("An idle connection has at most 6 kB", arguments: backends)
        func idle(_ choice: BackendChoice) async {
            // If this failed, clients that wait would cost what they do not use.
            await #expect(processExitsWith: .success) {
                [name = choice.rawValue as String, folder = Self.folder as String] in
                unsafe SecureServer.files = TestCertificates(folder: folder)  // SAFETY: first.
                try Self.hold(BackendChoice(rawValue: name) ?? .automatic)
            }
        }

        private static func hold(_ choice: BackendChoice) throws {
            let plain = try growth(TestServer(choice))
            let policy = try SecureServer.policy()
            let secure = try growth(TestServer(choice) { $0.tls = policy })
            #expect(secure < 6_144, "\(secure) bytes each; plain ones have \(plain)")
        }

        /// How much memory an idle connection has, the test's end of it included.
        private static func growth(_ server: TestServer) throws -> Int {
            func open(_ count: Int) throws -> [RawClient] {
                try (0..<count).map { _ in
                    let client = try server.connect()
                    try client.send(request("GET /hello"))
                    #expect(try client.answer().status == 200)
                    // The next client takes its memory: what grows is the server's.
                    client.engine = nil
                    client.wire = []
                    client.held = []
                    return client
                }
            }
            let first = try open(500)
            let before = test_resident_byte_count()
            let clients = try open(2_000)
            defer { withExtendedLifetime((first, clients)) {} }
            return (test_resident_byte_count() - before) / clients.count
        }
    }

#endif
