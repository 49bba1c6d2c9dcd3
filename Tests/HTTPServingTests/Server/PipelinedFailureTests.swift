// SPDX-License-Identifier: MIT

import EventLoops
import Testing

@testable import HTTPServing

@Suite("Server: a failure behind other answers")
struct ServerPipelinedFailureTests {
    @Test("What was answered before reaches the client", arguments: wires)
    func before(_ choice: Wire) throws {
        // If this failed, one broken answer would take others with it that are whole.
        let server = try TestServer(choice)
        for path in ["/half-chunks", "/half-length", "/short", "/long"] {
            for count in ["0", "300000", "3000000"] {
                let client = try server.connect(receiveBuffer: 8_192)
                try client.send(
                    request("GET /hello") + request("GET /whole/" + count) + request("GET /hello")
                        + request("GET " + path) + request("GET /hello"))
                TestServer.pause(milliseconds: 10)
                #expect(try text(client.answer().body) == "Hello, World!", "\(path)")
                #expect(try client.answer().body.count == Int(count), "\(path)")
                #expect(try text(client.answer().body) == "Hello, World!", "\(path)")
                #expect(throws: RawClient.Failure.self, "\(path)") { try client.answer() }
            }
        }
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }

    @Test("Where only a reset tells it, too", arguments: wires)
    func reset(_ choice: Wire) throws {
        // If this failed, an old client would lose whole answers, or take half a one for whole.
        let server = try TestServer(choice)
        for count in ["0", "100000", "3000000"] {
            let client = try server.connect(receiveBuffer: 8_192)
            let keep = " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
            try client.send(
                "GET /hello" + keep + "GET /whole/" + count + keep + "GET /half-chunks" + keep)
            TestServer.pause(milliseconds: 10)
            #expect(try text(client.answer().body) == "Hello, World!")
            #expect(try client.answer().body.count == Int(count))
            #expect(throws: RawClient.Failure.self) { try client.answer() }
        }
        // A client that takes nothing does not hold the connection.
        let idle = try server.connect(receiveBuffer: 4_096)
        try idle.send("GET /half-chunks HTTP/1.0\r\n\r\n")
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }

    @Test("A file that shrinks does not take earlier answers away", arguments: wires)
    func shrinking(_ choice: Wire) throws {
        // If this failed, a file that changes would break answers that have nothing to do with it.
        let folder = TemporaryFolder()
        folder.write("shrinking", String(repeating: "a", count: 8_000_000))
        var routes = try TestRoutes.all()
        try routes.files("/files", StaticFiles(folder.path))
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect(receiveBuffer: 4_096)
        try client.send(request("GET /whole/100000") + request("GET /files/shrinking"))
        // The second answer has said how long the file is.
        #expect(TestServer.wait { server.server.statistics.answers == 2 })
        folder.write("shrinking", "")
        #expect(try client.answer().body.count == 100_000)
        #expect(throws: RawClient.Failure.self) { try client.answer() }
    }
}
