// SPDX-License-Identifier: MIT

import AsyncRuntime
import EventLoops
import HTTP1Codec
import Testing

@testable import HTTPServing

/// Connections that leave HTTP, and heads that leave before anything else is there.
@Suite("Server: upgrades and early heads")
struct ServerUpgradeTests {
    private static let wish = "Connection: upgrade\r\nUpgrade: shout\r\n"

    private static func routes() throws -> HTTPRoutes {
        var routes = try TestRoutes.all()
        let shout: @Sendable (ServerRequest) -> ServerResponse = { _ in
            .upgrade(to: "shout") { connection in
                while let piece = try await connection.next() {
                    try await connection.write(bytes(text(piece).uppercased()))
                }
            }
        }
        try routes.get("/shout", shout)
        try routes.post("/shout", shout)
        try routes.get("/quiet") { _ in
            .stream { writer in
                try await LoopTime.sleep(for: .seconds(2))
                try await writer.write("late")
            }
        }
        return routes
    }

    @Test("Leaving HTTP", arguments: backends)
    func upgrade(_ choice: BackendChoice) throws {
        // If this failed, another protocol could not take a connection over.
        let server = try TestServer(choice, routes: Self.routes())
        let client = try server.connect()
        try client.send(request("GET /shout"))
        let refusal = try client.answer()
        #expect(refusal.status == 426 && refusal["upgrade"] == "shout")
        try client.send(
            request("GET /shout", Self.wish, body: "hello"))
        let answer = try client.answer()
        #expect(answer.status == 101)
        client.finishWriting()
        #expect(try text(client.receiveAll()) == "HELLO")
    }

    @Test("An upgrade whose request is broken is refused like any other", arguments: backends)
    func refusedUpgrade(_ choice: BackendChoice) throws {
        // If this failed, a client would take a refused upgrade for a broken network.
        var routes = try Self.routes()
        try routes.get("/much") { _ in
            let value = String(repeating: "a", count: 40_000)
            return .upgrade(to: "shout") { _ in }.adding("X-A", value)
        }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        let fields = Self.wish + "Transfer-Encoding: chunked\r\n"
        try client.send(request("POST /shout", fields, body: "zz\r\n"))
        let refusal = try client.answer()
        #expect(refusal.status == 400 && refusal.saysClose)
        try client.expectEnd()
        // And one whose own fields are too long.
        let other = try server.connect()
        try other.send(request("GET /much", Self.wish) + request("GET /hello"))
        #expect(try other.answer().status == 500)
        #expect(try text(other.answer().body) == "Hello, World!")
    }

    @Test("101 says all that it should, and is logged", arguments: backends)
    func upgradeHead(_ choice: BackendChoice) throws {
        // If this failed, clients would refuse the other protocol (RFC 6455, section 4.1).
        let log = AccessRecord()
        var routes = try TestRoutes.all()
        try routes.get("/shout") { _ in .upgrade(to: "shout") { _ in }.adding("X-Loud", "yes") }
        let server = try TestServer(choice, routes: routes) {
            $0.serverName = "test/1"
            $0.onAccess = { log.note($0) }
        }
        // The loop's first answer: nothing is left of one before.
        let client = try server.connect()
        try client.send(request("GET /shout", Self.wish))
        let answer = try client.answer()
        #expect(answer.status == 101 && answer.values("connection") == ["upgrade"])
        #expect(answer["upgrade"] == "shout" && answer["x-loud"] == "yes")
        #expect(answer["server"] == "test/1")
        let date = try #require(answer["date"])
        let now = try #require(HTTPDate(secondsSince1970: 1_800_000_000))
        #expect(HTTPDate(parsing: Array(date.utf8).span, now: now) != nil)
        try client.expectEnd()
        #expect(TestServer.wait { log.lines == ["GET /shout 101 - - -"] }, "\(log.lines)")
    }

    @Test("What follows 101 and breaks off does not look complete", arguments: wires)
    func brokenUpgrade(_ choice: Wire) throws {
        // If this failed, the other protocol's client would take a part for the whole.
        var routes = try TestRoutes.all()
        try routes.get("/shout") { _ in
            .upgrade(to: "shout") { connection in
                try await connection.write(bytes("half"))
                throw TestRoutes.Fault()
            }
        }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        try client.send(request("GET /shout", Self.wish))
        #expect(try client.answer().status == 101)
        let failure = #expect(throws: RawClient.Failure.self) { try client.receiveAll() }
        #expect(failure?.description.hasPrefix("nothing came") == false)
        #expect(text(client.held) == "half")
    }

    @Test("Heads leave before their handler writes", arguments: wires)
    func earlyHeads(_ choice: Wire) throws {
        // If this failed, client and handler would wait for each other.
        let server = try TestServer(choice, routes: Self.routes())
        let client = try server.connect()
        try client.send(request("GET /shout", Self.wish))
        #expect(try client.answer().status == 101)
        try client.send("hello")
        while client.held.count < 5 { try client.receiveSome(atMost: 5) }  // Ends, or throws.
        #expect(text(client.held) == "HELLO")
        client.close()
        let quiet = try server.connect()
        try quiet.send(request("GET /quiet"))
        #expect(!quiet.isQuiet(milliseconds: 1_500))
        quiet.reset()
    }

    @Test("Heads leave behind answers that fill a block, too", arguments: backends)
    func headsBehindBlocks(_ choice: BackendChoice) throws {
        // If this failed, a client that asks for two things at once would get half a head for good.
        let server = try TestServer(choice, routes: Self.routes())
        // Tasks that wait for requests begin with them in the same turn; new ones may be later.
        let warm = try (0..<8).map { _ in try server.connect() }
        for client in warm { try client.send(request("GET /sleep/50")) }
        for client in warm { #expect(try client.answer().status == 200) }
        let blockByteCount = LoopOptions().sendBlockByteCount
        for count in stride(from: blockByteCount - 320, to: blockByteCount - 60, by: 20) {
            let client = try server.connect()
            try client.send(
                request("GET /direct-whole/\(count)") + request("GET /shout", Self.wish))
            #expect(try client.answer().body.count == count)
            #expect(try client.answer().status == 101, "behind \(count)")
            try client.send("hello")
            client.finishWriting()
            #expect(try text(client.receiveAll()) == "HELLO")
        }
        let quiet = try stride(from: blockByteCount - 320, to: blockByteCount - 60, by: 40).map {
            count in
            let client = try server.connect()
            try client.send(request("GET /direct-whole/\(count)") + request("GET /quiet"))
            return (client, count)
        }
        TestServer.pause(milliseconds: 300)
        for (client, count) in quiet {
            #expect(try client.answer().body.count == count)
            try client.receiveSome(atMost: 4_096)
            // The handler has not written yet.
            #expect(Answer.headEnd(client.held) != nil, "behind \(count)")
        }
        for (client, _) in quiet { #expect(try text(client.answer().body) == "late") }
    }
}
