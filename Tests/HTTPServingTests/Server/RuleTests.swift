// SPDX-License-Identifier: MIT

import AsyncRuntime
import EventLoops
import HTTP1Codec
import Networking
import Testing

@testable import HTTPServing

/// Single rules that only show in a server with routes and limits of its own.
@Suite("Server: single rules")
struct ServerRuleTests {
    /// Adds a word behind what the rest of the chain has answered.
    private static func naming(_ word: String) -> HTTPMiddleware {
        { request, next in try await next(request).adding("X-Chain", word) }
    }

    @Test("Middleware wraps in its order, and a group's own stays in it", arguments: wires)
    func middleware(_ choice: Wire) throws {
        // If this failed, a check could run behind what it guards, or for routes that are not its.
        var routes = HTTPRoutes()
        try routes.get("/before") { _ in .text("") }
        routes.use(Self.naming("outer"))
        routes.use(Self.naming("inner"))
        try routes.get("/both") { _ in .text("") }
        try routes.group("/group") { (group: inout HTTPRoutes) throws(RouteError) in
            group.use(Self.naming("own"))
            try group.get("/in") { _ in .text("") }
        }
        try routes.get("/after") { _ in .text("") }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        for (path, chain) in [
            ("/before", []), ("/both", ["inner", "outer"]),
            ("/group/in", ["own", "inner", "outer"]), ("/after", ["inner", "outer"]),
        ] {
            try client.send(request("GET " + path))
            #expect(try client.answer().values("x-chain") == chain, "\(path)")
        }
    }

    @Test("A path that is too long for the router is 414", arguments: wires)
    func longPath(_ choice: Wire) throws {
        // If this failed, a server that takes long targets would call them malformed.
        let server = try TestServer(choice) { $0.limits.targetByteCountMax = 100_000 }
        let path = "/" + String(repeating: "a", count: 65_534)
        ServerCase("longest", request("GET \(path)"), [404]).run(on: server)
        ServerCase("longer", request("GET \(path)a"), [414]).run(on: server)
    }

    @Test("A slash more or less is redirected, with method and query", arguments: wires)
    func slashes(_ choice: Wire) throws {
        // If this failed, a form would be sent again as a GET, or its query lost (RFC 9110,
        // section 15.4.9).
        var routes = HTTPRoutes(trailingSlash: .redirect)
        try routes.post("/form") { _ in .text("done") }
        try routes.get("/folder/") { _ in .text("done") }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        for (line, location) in [
            ("POST /form/?a=b", "/form?a=b"), ("GET /folder", "/folder/"),
            ("GET /folder?", "/folder/?"), ("HEAD /folder", "/folder/"),
        ] {
            try client.send(request(line))
            let answer = try client.answer(isHead: line.hasPrefix("HEAD"))
            #expect(answer.status == 308 && answer["location"] == location, "\(line)")
        }
    }

    @Test("HTTP/1.0 is told that its connection goes on", arguments: wires)
    func oldKeepAlive(_ choice: Wire) throws {
        // If this failed, clients of HTTP/1.0 would wait for the end (RFC 9112, appendix C.2.2).
        let server = try TestServer(choice)
        let client = try server.connect()
        for path in ["/hello", "/task", "/nothing"] {
            try client.send("GET \(path) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try client.answer()["connection"] == "keep-alive", "\(path)")
            try client.send(request("GET " + path))
            #expect(try client.answer()["connection"] == nil, "\(path)")
        }
        try client.send("GET /hello HTTP/1.0\r\n\r\n")
        #expect(try client.answer()["connection"] == "close")
    }

    @Test("What is more than was promised never leaves, flushed or not", arguments: wires)
    func surplus(_ choice: Wire) throws {
        // If this failed, a handler that miscounts would write the next answer's beginning.
        var routes = HTTPRoutes()
        try routes.get("/long") { _ in
            .stream(byteCount: 4) { writer in
                try await writer.write("four")
                try await writer.flush()
                try await writer.write("HTTP/1.1 200 forged")
                try await writer.flush()
                try await LoopTime.sleep(for: .milliseconds(50))
            }
        }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        try client.send(request("GET /long"))
        #expect(try text(client.answer().body) == "four")
        #expect(throws: RawClient.Failure.self) { try client.answer() }
        let other = try server.connect()
        try other.send(request("GET /long"))
        #expect(try text(other.answer().body) == "four")
        // A reset, and nothing before it.
        try other.expectEnd(orReset: true)
    }

    @Test("A client with many requests lets others in between", arguments: wires)
    func turns(_ choice: Wire) throws {
        // If this failed, one client's pipeline would be answered to its end while others wait.
        let log = AccessRecord()
        let server = try TestServer(choice) { $0.onAccess = { log.note($0) } }
        let blocker = try server.connect()
        let greedy = try server.connect()
        let other = try server.connect()
        for client in [greedy, other] {
            try client.send(request("GET /hello"))
            #expect(try client.answer().status == 200)
        }
        try blocker.send(request("GET /block/300"))
        TestServer.pause(milliseconds: 60)
        try greedy.send(String(repeating: request("GET /hello"), count: 400))
        TestServer.pause(milliseconds: 20)
        try other.send(request("GET /nothing"))
        #expect(try other.answer().status == 404)
        for _ in 0..<400 { #expect(try greedy.answer().status == 200) }
        let lines = log.lines
        let place = try #require(lines.firstIndex { $0.hasPrefix("GET /nothing") })
        // Two before, one that blocked, and a turn of 64.
        #expect(place <= 2 + 1 + 64, "\(place) of \(lines.count)")
    }

    @Test("A slow reader of many answers is no dead one", arguments: backends)
    func slowPipeline(_ choice: BackendChoice) throws {
        // If this failed, a client that takes its answers slowly would lose those that wait.
        let server = try TestServer(choice) {
            $0.writeTimeout = .seconds(1)
            // The kernel tells of room when a third of it is free.
            $0.stream.sendBufferByteCount = 16_384
        }
        let client = try server.connect(receiveBuffer: 4_096)
        let one = bytes(request("GET /hello"))
        let block = (0..<100).flatMap { _ in one }
        let sent = try client.sendUntilStuck(block, milliseconds: 200, atMost: 16 << 20)
        #expect(sent < 16 << 20)
        for _ in 0..<75 {
            try client.receiveSome(atMost: 2_000)
            TestServer.pause(milliseconds: 40)
        }
        client.finishWriting()
        let all = try client.receiveAll()
        var count = 0
        var start = 0
        let word = bytes("Hello, World!")
        while let place = all[start...].firstIndex(of: word[0]) {  // Ends: goes on each turn.
            if all[place...].starts(with: word) { count += 1 }
            start = place + 1
        }
        #expect(count == sent / one.count)
    }
}
