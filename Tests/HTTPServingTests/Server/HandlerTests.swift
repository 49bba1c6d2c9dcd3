// SPDX-License-Identifier: MIT

import EventLoops
import HTTP1Codec
import Testing

@testable import HTTPServing

@Suite("Server: handlers that fail")
struct ServerHandlerTests {
    private static let cases = [
        ServerCase("throws", request("GET /throw"), [500]),
        ServerCase("says which", request("GET /teapot"), [418], body: "short and stout\n"),
        ServerCase("splits a value", request("GET /split"), [500]),
        ServerCase("splits a name", request("GET /split-name"), [500]),
        ServerCase("splits, direct", request("GET /split-direct"), [500]),
        ServerCase("frames itself", request("GET /own/Content-Length"), [500]),
        ServerCase("encodes itself", request("GET /own/Transfer-Encoding"), [500]),
        ServerCase("keeps alive itself", request("GET /own/connection"), [500]),
        ServerCase("dates itself", request("GET /own/Date"), [500]),
        ServerCase("a huge head", request("GET /huge-head"), [500], body: ""),
        ServerCase("sends nothing", request("GET /silent"), [200], body: ""),
    ]

    @Test("Faults become 500, and nothing is split", arguments: wires)
    func faults(_ choice: Wire) throws {
        // If this failed, what a client sent could become fields or answers of its own making.
        let server = try TestServer(choice)
        for item in Self.cases { item.run(on: server) }
        let client = try server.connect()
        for path in ["/split", "/split-name", "/split-direct"] {
            try client.send(request("GET " + path))
            let answer = try client.answer()
            #expect(answer["x-a"] == nil && answer["x-b"] == nil)
        }
    }

    @Test("A stream that fails does not look complete", arguments: wires)
    func brokenStreams(_ choice: Wire) throws {
        // If this failed, a client would take half a file for a whole one.
        let server = try TestServer(choice)
        for path in ["/half-chunks", "/half-length", "/short"] {
            let client = try server.connect()
            try client.send(request("GET " + path))
            let failure = #expect(throws: RawClient.Failure.self, "\(path)") {
                try client.answer()
            }
            // At once, not when the client has had enough of waiting.
            #expect(failure?.description.hasPrefix("nothing came") == false, "\(path)")
        }
        // What ends with the connection ends with a reset.
        let old = try server.connect()
        try old.send("GET /half-chunks HTTP/1.0\r\n\r\n")
        #expect(throws: RawClient.Failure.self) { try old.answer() }
        // Never more than was promised.
        let long = try server.connect()
        try long.send(request("GET /long") + request("GET /hello"))
        let all = (try? long.receiveAll()) ?? []
        #expect(!text(all).contains("than ten") && !text(all).contains("Hello"))
        #expect(try ServerConnectionTests.hello(server))
    }

    @Test("Writers and bodies that are kept find nothing", arguments: wires)
    func keptObjects(_ choice: Wire) throws {
        // If this failed, a handler could write into somebody else's answer.
        let kept = KeptRequest()
        var routes = try TestRoutes.all()
        try routes.post("/keep") { request in
            kept.request = request
            return .stream(byteCount: 1) { writer in
                kept.writer = writer
                try await writer.write("x")
            }
        }
        try routes.get("/use") { _ in
            var found: [String] = []
            do { _ = try await kept.request?.body.next() } catch { found.append("\(error)") }
            do { try await kept.writer?.write("forged") } catch { found.append("refused") }
            return .text(found.joined(separator: " "))
        }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        try client.send(request("POST /keep", "Content-Length: 3\r\n", body: "abc"))
        #expect(try text(client.answer().body) == "x")
        try client.send(request("GET /use"))
        #expect(try text(client.answer().body) == "over refused")
    }

    /// What a handler should not keep. One request at a time.
    private final class KeptRequest: @unchecked Sendable {
        var request: ServerRequest?
        var writer: ResponseWriter?
    }

    @Test("Handlers on an actor read and write as others do", arguments: wires)
    func actorHandlers(_ choice: Wire) throws {
        // If this failed, a handler that is isolated to an actor would touch the loop from outside.
        let keeper = Keeper()
        var routes = try TestRoutes.all()
        try routes.post("/actor") { request in try await keeper.answer(request) }
        try routes.post("/main") { @MainActor request in
            let body = try await request.body.collect(upTo: 10)
            return .stream { @MainActor writer in
                try await writer.write(body)
                try await writer.flush()
                try await writer.write(body)
            }
        }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        for path in ["/actor", "/main", "/actor", "/main"] {
            try client.send(request("POST " + path, "Content-Length: 3\r\n"))
            _ = client.isQuiet(milliseconds: 20)
            try client.send("abc")
            #expect(try text(client.answer().body).hasSuffix("abcabc"))
        }
    }

    private actor Keeper {
        private var count = 0

        func answer(_ request: ServerRequest) async throws -> ServerResponse {
            count += 1
            let number = count
            let body = try await request.body.collect(upTo: 10)
            return .stream { writer in
                try await self.write("\(number) ", writer)
                try await self.write(text(body), writer)
                try await writer.write(body)
            }
        }

        private func write(_ text: String, _ writer: ResponseWriter) async throws {
            try await writer.write(text)
            try await writer.flush()
        }
    }

    @Test("A server's name that cannot be sent is refused", arguments: ["a\nb", "long"])
    func serverName(_ name: String) throws {
        // If this failed, the first answer would trap, or be split.
        let name = name == "long" ? String(repeating: "a", count: 2_000) : name
        #expect(throws: TestServer.Failure.self) {
            try TestServer(.epoll) { $0.serverName = name }
        }
    }

    @Test("An answer whose head is too long is told of as what it became", arguments: backends)
    func hugeHeadLog(_ choice: BackendChoice) throws {
        // If this failed, an operator would look for a fault that the log does not show.
        let log = AccessRecord()
        let server = try TestServer(choice) { $0.onAccess = { log.note($0) } }
        let client = try server.connect()
        try client.send(request("GET /huge-head"))
        #expect(try client.answer().status == 500)
        #expect(TestServer.wait { log.lines == ["GET /huge-head 500 0 - -"] }, "\(log.lines)")
        let statistics = server.server.statistics
        #expect(statistics.serverErrors == 1 && statistics.answers == 1)
    }

    @Test("A type that would split the head is refused each time", arguments: wires)
    func brokenType(_ choice: Wire) throws {
        // If this failed, what is refused once would be sent the next time, without its type.
        var routes = try TestRoutes.all()
        try routes.get(
            "/split-type",
            direct: { _, response in
                response.contentType = "text/plain\r\nX-A: a"
                response.send("x")
            })
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        // In one piece, so in one second.
        try client.send(String(repeating: request("GET /split-type"), count: 3))
        for _ in 0..<3 {
            let answer = try client.answer()
            #expect(answer.status == 500 && answer["x-a"] == nil)
        }
    }

    @Test("An answer may have 30 kB of fields", arguments: wires)
    func longHead(_ choice: Wire) throws {
        // If this failed, answers with large cookies would become faults.
        let value = String(repeating: "a", count: 30_000)
        var routes = try TestRoutes.all()
        try routes.get("/long-head") { _ in .text("a body").adding("X-A", value) }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        try client.send(request("GET /long-head"))
        let answer = try client.answer()
        #expect(answer.status == 200 && answer["x-a"] == value && text(answer.body) == "a body")
    }
}
