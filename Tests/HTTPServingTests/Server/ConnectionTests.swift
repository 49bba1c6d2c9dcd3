// SPDX-License-Identifier: MIT

import AsyncRuntime
import CLinuxShims
import CTestSupport
import EventLoops
import Networking
import Testing

@testable import HTTPServing

@Suite("Server: connections")
struct ServerConnectionTests {
    private static let persistence = [
        ServerCase("1.1", request("GET /hello"), [200]),
        ServerCase("1.1, close", request("GET /hello", "Connection: close\r\n"), [200], .closes),
        ServerCase("task, close", request("GET /task", "Connection: close\r\n"), [200], .closes),
        ServerCase("CLOSE", request("GET /hello", "Connection: CLOSE\r\n"), [200], .closes),
        ServerCase("in a list", request("GET /hello", "Connection: a, close\r\n"), [200], .closes),
        ServerCase("closed is not close", request("GET /hello", "Connection: closed\r\n"), [200]),
        ServerCase("1.0", "GET /hello HTTP/1.0\r\n\r\n", [200], .closes),
        ServerCase(
            "1.0, keep-alive", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [200]),
        ServerCase(
            "1.0, both", "GET /hello HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", [200],
            .closes),
        ServerCase(
            "1.0 stream", "GET /open/10 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [200],
            .closes),
        ServerCase("after 404", request("GET /nothing"), [404]),
        ServerCase("after 405", request("PUT /hello"), [405]),
        ServerCase("after 500", request("GET /throw"), [500]),
    ]

    private static let pipelining = [
        ServerCase("three", String(repeating: request("GET /hello"), count: 3), [200, 200, 200]),
        ServerCase(
            "1,000", String(repeating: request("GET /hello"), count: 1_000),
            Array(repeating: 200, count: 1_000)),
        ServerCase(
            "tasks and direct ones",
            String(
                repeating: request("GET /hello") + request("GET /task"), count: 100),
            Array(repeating: 200, count: 200)),
        ServerCase(
            "behind a body",
            request("POST /echo", "Content-Length: 3\r\n", body: "abc")
                + request("GET /task"), [200, 200], body: "from a task"),
        ServerCase(
            "behind an ignored body",
            request("POST /ignore", "Content-Length: 3\r\n", body: "GET")
                + request("GET /task"), [200, 200], body: "from a task"),
        ServerCase(
            "behind a sleep", request("GET /sleep/20") + request("GET /task"), [200, 200],
            body: "from a task"),
        ServerCase(
            "behind errors",
            request("GET /nothing") + request("PUT /hello") + request("GET /throw")
                + request("GET /a/../b") + request("GET /task"), [404, 405, 500, 400, 200],
            body: "from a task"),
        ServerCase(
            "behind nonsense", request("GET /hello") + "nonsense\r\n\r\n" + request("GET /hello"),
            [200, 400], .closes),
        ServerCase(
            "behind close", request("GET /hello", "Connection: close\r\n") + request("GET /hello"),
            [200], .closes),
        ServerCase(
            "behind 1.0", "GET /hello HTTP/1.0\r\n\r\n" + request("GET /hello"), [200], .closes),
        ServerCase(
            "large ones", String(repeating: request("GET /whole/100000"), count: 30),
            Array(repeating: 200, count: 30)),
    ]

    @Test("Persistence and pipelining", arguments: wires)
    func connections(_ choice: Wire) throws {
        // If this failed, clients would wait for the end, or lose answers.
        let server = try TestServer(choice)
        for group in [Self.persistence, Self.pipelining] {
            for item in group { item.run(on: server) }
        }
    }

    @Test("Pipelined requests come in any pieces", arguments: wires)
    func pipelinedPieces(_ choice: Wire) throws {
        // If this failed, a request in two segments behind another would be lost.
        let server = try TestServer(choice)
        let one = bytes(request("GET /hello") + request("GET /task"))
        let item = ServerCase("pieces", text(one), [200, 200], body: "from a task")
        for index in 1..<one.count {
            item.run(on: server, in: [Array(one[..<index]), Array(one[index...])])
        }
        item.run(on: server, in: one.map { [$0] })
    }

    @Test("A client that sends without reading is stopped, then reset", arguments: backends)
    func flood(_ choice: BackendChoice) async {
        // If this failed, one client could fill the memory with answers that nobody reads.
        await #expect(processExitsWith: .success) { [name = choice.rawValue as String] in
            try Self.sendWithoutReading(BackendChoice(rawValue: name) ?? .automatic)
        }
    }

    /// In a process of its own: memory is counted.
    private static func sendWithoutReading(_ choice: BackendChoice) throws {
        for path in ["/hello", "/task", "/whole/20000", "/nothing"] {
            let server = try TestServer(choice) {
                $0.writeTimeout = .milliseconds(300)
                // Else megabytes of answers lie in the kernel: all is sent, as far as is known.
                $0.stream.sendBufferByteCount = 65_536
            }
            let client = try server.connect(receiveBuffer: 4_096)
            let before = test_resident_byte_count()
            let block = bytes(String(repeating: request("GET " + path), count: 200))
            // Only the reset ends it: a pause may be a server that others keep from its core.
            #expect(throws: RawClient.Failure.self, "\(path)") {
                _ = try client.sendUntilStuck(block, milliseconds: 10_000, atMost: 64 << 20)
            }
            #expect(test_resident_byte_count() - before < 24 << 20)
            #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
            // The others are served as ever.
            #expect(try hello(server))
        }
    }

    /// Whether a new connection is served.
    static func hello(_ server: TestServer) throws -> Bool {
        let client = try server.connect()
        try client.send(request("GET /hello"))
        return try text(client.answer().body) == "Hello, World!"
    }

    @Test("Resets at any point do no harm", arguments: wires)
    func resets(_ choice: Wire) throws {
        // If this failed, a client that breaks off would take the server or a connection with it.
        let server = try TestServer(choice)
        let whole = bytes(
            request("GET /sized/200000")
                + request("POST /echo", "Content-Length: 100\r\n", body: "abc"))
        for index in stride(from: 0, through: whole.count, by: 3) {
            for waits in [false, true] {
                let client = try server.connect()
                try client.send(Array(whole[..<index]))
                if waits { _ = client.isQuiet(milliseconds: 1) }
                if index % 2 == 0 { client.reset() } else { client.close() }
            }
        }
        #expect(try Self.hello(server))
        #expect(TestServer.wait { server.server.statistics.openConnections <= 1 })
    }

    @Test("10,000 connections leave nothing behind", arguments: backends)
    func cycles(_ choice: BackendChoice) async {
        // If this failed, a server would run out of descriptors or memory in the end.
        await #expect(processExitsWith: .success) { [name = choice.rawValue as String] in
            try Self.connectOften(BackendChoice(rawValue: name) ?? .automatic)
        }
    }

    /// In a process of its own: memory is counted.
    private static func connectOften(_ choice: BackendChoice) throws {
        let server = try TestServer(choice, loops: 2)
        func round(_ count: Int) throws {
            for number in 0..<count {
                let client = try server.connect()
                let paths = ["/hello", "/task", "/hello", "/nothing"]
                try client.send(request("GET " + paths[number % 4]))
                if number % 8 < 6 { _ = try client.answer() }
                // A reset saves the port, which would wait for a minute.
                client.reset()
            }
            #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
        }
        try round(2_000)
        let memory = test_resident_byte_count()
        try round(8_000)
        #expect(test_resident_byte_count() - memory < 8 << 20)
        // Some that were reset at once were never seen.
        #expect((7_500...10_000).contains(server.server.statistics.acceptedConnections))
    }

    @Test("Beyond the limit: 503 with Retry-After, then nothing", arguments: backends)
    func limit(_ choice: BackendChoice) throws {
        // If this failed, too many clients would take the server down instead of being told.
        let server = try TestServer(choice) {
            $0.maxConnections = 4
            $0.headerTimeout = .milliseconds(300)
        }
        let first = try (0..<4).map { _ in try server.connect() }
        for client in first {
            try client.send(request("GET /hello"))
            #expect(try client.answer().status == 200)
        }
        let shed = try (0..<2).map { _ in try server.connect() }
        for client in shed {
            try client.send(request("POST /echo", "Content-Length: 3\r\n", body: "abc"))
            let answer = try client.answer()
            #expect(answer.status == 503 && answer.saysClose)
            #expect(answer["retry-after"] == "1")
            try client.expectEnd()
        }
        #expect(TestServer.wait { server.server.statistics.openConnections == 4 })
        let silent = try (0..<2).map { _ in try server.connect() }
        #expect(TestServer.wait { server.server.statistics.openConnections == 6 })
        try server.connect().expectEnd(orReset: true)
        for client in silent { try client.expectEnd() }
        for client in first { client.close() }
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
        #expect(try Self.hello(server))
        #expect(server.server.statistics.refusedConnections == 5)
    }

    @Test("An answer is whole, whatever is left of it behind a full block", arguments: backends)
    func lastBytes(_ choice: BackendChoice) throws {
        // If this failed, the last byte of some answers would be lost with their connection.
        let server = try TestServer(choice)
        let blockByteCount = LoopOptions().sendBlockByteCount
        for count in blockByteCount - 300...blockByteCount {
            let client = try server.connect()
            try client.send(request("GET /whole/\(count)", "Connection: close\r\n"))
            #expect(try client.answer().body.count == count)
            client.close()
        }
    }

    @Test("A Unix socket, and several loops", arguments: backends)
    func unixSocket(_ choice: BackendChoice) throws {
        // If this failed, a proxy on the same machine could not use the cheaper socket.
        let folder = TemporaryFolder()
        let path = "\(folder.path)/socket"
        let address = try #require(SocketAddress.unix(path: path))
        let server = try TestServer(choice, loops: 3, on: address)
        let clients = try (0..<12).map { _ in try server.connect() }
        for _ in 0..<3 {
            for client in clients { try client.send(request("GET /task")) }
            for client in clients { #expect(try client.answer().status == 200) }
        }
        server.stop()
        folder.forget("socket")
    }

    @Test("Statistics and the access log tell of every answer", arguments: backends)
    func observing(_ choice: BackendChoice) throws {
        // If this failed, an operator would not see what the server did.
        let log = AccessRecord()
        let server = try TestServer(choice, loops: 2) {
            $0.onAccess = { log.note($0) }
            $0.serverName = "test/1"
        }
        let client = try server.connect()
        for (line, fields) in [
            ("GET /hello", "Referer: r\r\nUser-Agent: u\r\n"), ("HEAD /task", ""),
            ("GET /nothing", ""), ("GET /throw", ""), ("DELETE /thing", ""),
        ] {
            try client.send(request(line, fields))
            let answer = try client.answer(isHead: line.hasPrefix("HEAD"))
            #expect(answer["server"] == "test/1")
        }
        try client.send("nonsense\r\n\r\n")
        #expect(try client.answer().status == 400)
        let broken = try server.connect()
        try broken.send(request("GET /half-length"))
        _ = try? broken.receiveAll()
        #expect(TestServer.wait { log.lines.count == 7 })
        #expect(
            log.lines == [
                "GET /hello 200 13 r u", "HEAD /task 200 11 - -", "GET /nothing 404 14 - -",
                "GET /throw 500 26 - -", "DELETE /thing 204 - - -", "  400 16 - -",
                "GET /half-length 200 100 - -",
            ])
        let statistics = server.server.statistics
        #expect(statistics.successes == 4 && statistics.clientErrors == 2)
        #expect(statistics.serverErrors == 1 && statistics.redirections == 0)
        #expect(statistics.acceptedConnections == 2 && statistics.answers == 7)
    }

    @Test("A large last answer of a direct handler is whole", arguments: wires)
    func largeLast(_ choice: Wire) throws {
        // If this failed, TLS would say the end before the answer's.
        let server = try TestServer(choice)
        let client = try server.connect()
        try client.send(request("GET /direct-whole/3000000", "Connection: close\r\n"))
        let answer = try client.answer()
        #expect(answer.saysClose && answer.body == TestRoutes.pattern(0, 3_000_000))
        try client.expectEnd()
    }

    @Test("Closed connections leave no timers behind", arguments: backends)
    func timers(_ choice: BackendChoice) throws {
        // If this failed, closed connections would stay in memory until limits that are over.
        var routes = try TestRoutes.all()
        try routes.get(
            "/timers",
            direct: { _, response in
                response.send(Array("\(EventLoop.current?.timerCount ?? -1)".utf8).span)
            })
        let server = try TestServer(choice, routes: routes)
        let observer = try server.connect()
        func count() throws -> Int? {
            try observer.send(request("GET /timers"))
            return try Int(text(observer.answer().body))
        }
        _ = try count()
        let before = try #require(try count())
        for path in ["/hello", "/task", "/sleep/250"] {
            for finishes in [false, true] {
                let client = try server.connect()
                try client.send(request("GET " + path))
                // The look-out for a hang-up moves the timer forward.
                if finishes { client.finishWriting() }
                #expect(try client.answer().status == 200)
                client.close()
            }
        }
        #expect(TestServer.wait { server.server.statistics.openConnections == 1 })
        #expect(try count() == before)
    }

    @Test("A server without a limit of connections serves", arguments: backends)
    func noLimit(_ choice: BackendChoice) throws {
        // If this failed, who asks for as many as there can be would have a server that traps.
        let server = try TestServer(choice) { $0.maxConnections = .max }
        #expect(try Self.hello(server))
    }

    @Test("Beyond the limit: 503 whatever is asked, and the access log tells", arguments: backends)
    func shedRequest(_ choice: BackendChoice) throws {
        // If this failed, an operator would not see that clients are turned away.
        let log = AccessRecord()
        let server = try TestServer(choice) {
            $0.maxConnections = 1
            $0.onAccess = { log.note($0) }
        }
        let first = try server.connect()
        try first.send(request("GET /hello"))
        #expect(try first.answer().status == 200)
        let shed = try server.connect()
        // By itself it would be a 417.
        try shed.send(request("GET /task", "Expect: magic\r\n"))
        let answer = try shed.answer()
        #expect(answer.status == 503 && answer.saysClose)
        try shed.expectEnd()
        #expect(log.lines.count == 2 && log.lines.last?.hasPrefix("GET /task 503 ") == true)
    }

    @Test("The access log says when, and how long it took", arguments: backends)
    func accessTimes(_ choice: BackendChoice) throws {
        // If this failed, nobody would find the slow requests, or those of a certain hour.
        let log = AccessRecord()
        let server = try TestServer(choice) { $0.onAccess = { log.note($0) } }
        let client = try server.connect()
        let before = millrace_clock_realtime_seconds()
        try client.send(request("GET /sleep/200"))
        #expect(try client.answer().status == 200)
        #expect(TestServer.wait { log.accesses.count == 1 })
        let access = try #require(log.accesses.first)
        #expect((before...millrace_clock_realtime_seconds()).contains(access.secondsSince1970))
        #expect((150_000_000...8_000_000_000).contains(access.durationNanoseconds))
    }

    @Test("A connection for which the loop has no operation is closed", arguments: backends)
    func noOperation(_ choice: BackendChoice) throws {
        // If this failed, a loop that is full would lose another connection, or trap.
        var options = LoopOptions()
        options.operationsMax = 4
        try LoopGroup.run(choice: choice, options: options) { group in
            let server = try await HTTPServer.open(
                on: loopback, group: group, routes: TestRoutes.all())
            async let end: Void = server.run()
            let outcome = await BlockingPool.shared.run { Result { try Self.overfill(server) } }
            server.stop()
            await end
            try outcome.get()
            #expect(server.statistics.openConnections == 0)
        }
    }

    /// On a thread that belongs to no test, so what is wrong is thrown.
    private static func overfill(_ server: HTTPServer) throws {
        func wait(for count: Int) throws {
            if TestServer.wait(for: { server.statistics.openConnections == count }) { return }
            throw RawClient.Failure(description: "not \(count) connections")
        }
        // An operation for each, and one for the listener.
        let clients = try (0..<3).map { _ in try RawClient(server.address) }
        try wait(for: 3)
        try RawClient(server.address).expectEnd(orReset: true)
        try wait(for: 3)
        for client in clients { client.close() }
        try wait(for: 0)
        let client = try RawClient(server.address)
        try client.send(request("GET /hello"))
        guard try client.answer().status == 200 else {
            throw RawClient.Failure(description: "not served")
        }
    }

    @Test("A connection that does not take its options is closed", arguments: backends)
    func refusedOptions(_ choice: BackendChoice) throws {
        // If this failed, connections would go on without what they were to have.
        let server = try TestServer(choice) { $0.stream.sendBufferByteCount = 0 }
        try server.connect().expectEnd(orReset: true)
        #expect(TestServer.wait { server.server.statistics.refusedConnections == 1 })
        #expect(server.server.statistics.acceptedConnections == 0)
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }
}
