// SPDX-License-Identifier: MIT

import AtomicSupport
import EventLoops
import Networking
import Testing

@testable import HTTPServing

/// Answers whose end only the connection's tells: a reset says that they broke off.
@Suite("Server: answers that break off")
struct ServerBreakTests {
    /// Open-ended for HTTP/1.0; half of an answer is sent, or flushed, before it breaks off.
    private static func routes() throws -> HTTPRoutes {
        var routes = try TestRoutes.all()
        for isFlushed in [false, true] {
            try routes.get(isFlushed ? "/flushed/:count(uint)" : "/half/:count(uint)") { request in
                let count = Int(request.parameter("count") ?? "") ?? 0
                return .stream { writer in
                    try await writer.write(TestRoutes.pattern(0, count))
                    if isFlushed { try await writer.flush() }
                    throw TestRoutes.Fault()
                }
            }
        }
        return routes
    }

    /// What came behind the head before the reset.
    private static func broken(_ client: RawClient) throws -> [UInt8] {
        #expect(throws: RawClient.Failure.self) { try client.receiveAll() }
        let end = try #require(Answer.headEnd(client.held))
        return Array(client.held[end...])
    }

    @Test("What was written before a break leaves first", arguments: wires)
    func unflushed(_ choice: Wire) throws {
        // If this failed, whole answers in front of a broken one would be lost with it.
        let server = try TestServer(choice, routes: Self.routes())
        for count in [4, 10_000] {
            let client = try server.connect()
            try client.send("GET /half/\(count) HTTP/1.0\r\n\r\n")
            #expect(try Self.broken(client) == TestRoutes.pattern(0, count))
        }
    }

    @Test("A break does not wait for ever for a client that takes nothing", arguments: wires)
    func untaken(_ choice: Wire) throws {
        // If this failed, a client that stops reading would hold its connection for ever.
        let server = try TestServer(choice, routes: Self.routes()) {
            $0.stream.sendBufferByteCount = 200_000
        }
        let client = try server.connect(receiveBuffer: 4_096)
        // More than the client's system takes, less than the server's: all is with the kernel.
        try client.send("GET /flushed/60000 HTTP/1.0\r\n\r\n")
        #expect(TestServer.wait { server.server.statistics.answers == 1 })
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }

    @Test("A break comes as soon as the client has everything", arguments: wires)
    func prompt(_ choice: Wire) throws {
        // If this failed, clients would wait for the end of an answer that is broken.
        let server = try TestServer(choice, routes: Self.routes()) {
            $0.lingerTimeout = .seconds(6)
        }
        let client = try server.connect()
        try client.send("GET /flushed/100 HTTP/1.0\r\n\r\n")
        let begin = MonotonicInstant.now
        #expect(try Self.broken(client).count == 100)
        #expect(MonotonicInstant.now.nanoseconds(since: begin) < 3_000_000_000)
    }

    @Test("A break over a Unix socket does not wait for what nobody can know", arguments: backends)
    func unix(_ choice: BackendChoice) throws {
        // If this failed, a proxy would wait for the end of every answer that is broken.
        let folder = TemporaryFolder()
        folder.forget("socket")
        let address = try #require(SocketAddress.unix(path: "\(folder.path)/socket"))
        let server = try TestServer(choice, on: address, routes: Self.routes()) {
            $0.lingerTimeout = .seconds(6)
        }
        let client = try server.connect()
        try client.send("GET /flushed/100 HTTP/1.0\r\n\r\n")
        let begin = MonotonicInstant.now
        _ = try? client.receiveAll()  // A Unix socket has no reset.
        #expect(MonotonicInstant.now.nanoseconds(since: begin) < 3_000_000_000)
    }

    @Test("A client that pauses gets what was sent before a break", arguments: wires)
    func paused(_ choice: Wire) throws {
        // If this failed, whole answers in front of a broken one would be lost with it.
        let server = try TestServer(choice, routes: Self.routes()) {
            $0.lingerTimeout = .seconds(6)
            // Takes all of it, where the client's system does not: its window is full.
            $0.stream.sendBufferByteCount = 200_000
        }
        let client = try server.connect(receiveBuffer: 4_096)
        try client.send("GET /flushed/60000 HTTP/1.0\r\n\r\n")
        #expect(TestServer.wait { server.server.statistics.answers == 1 })
        TestServer.pause(milliseconds: 150)
        #expect(try Self.broken(client) == TestRoutes.pattern(0, 60_000))
    }
}
