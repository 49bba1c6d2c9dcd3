// SPDX-License-Identifier: MIT

import CLinuxShims
import AsyncRuntime
import AtomicSupport
import EventLoops
import Networking
import Testing

@testable import HTTPServing

/// Clients that go away while a handler waits for something that is not theirs.
@Suite("Server: clients that leave")
struct ServerLeavingClientTests {
    /// What handlers have seen.
    private final class Counts: Sendable {
        // Relaxed: numbers that tests wait for.
        let begun = Atomic<Int>(0)
        let cancelled = Atomic<Int>(0)
        let ended = Atomic<Int>(0)
    }

    private func serve(
        _ choice: BackendChoice, on address: SocketAddress = loopback,
        _ configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) throws -> (TestServer, Counts) {
        try serve(Wire(backend: choice, isSecure: false), on: address, configure)
    }

    private func serve(
        _ choice: Wire, on address: SocketAddress = loopback,
        _ configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) throws -> (TestServer, Counts) {
        let counts = Counts()
        var routes = try TestRoutes.all()
        let wait: @Sendable (ServerRequest) async throws -> ServerResponse = { request in
            counts.begun.wrappingAdd(1, ordering: .relaxed)
            let milliseconds = Int(request.query ?? "") ?? 60_000
            do {
                try await LoopTime.sleep(for: .milliseconds(milliseconds))
            } catch {
                counts.cancelled.wrappingAdd(1, ordering: .relaxed)
                throw error
            }
            counts.ended.wrappingAdd(1, ordering: .relaxed)
            return .text("waited")
        }
        try routes.get("/wait", wait)
        try routes.post("/wait", wait)
        try routes.post("/read") { request in
            _ = try await request.body.collect(upTo: 10)
            return try await wait(request)
        }
        return (try TestServer(choice, on: address, routes: routes, configure), counts)
    }

    private func began(_ counts: Counts, _ count: Int = 1) -> Bool {
        TestServer.wait { counts.begun.load(ordering: .relaxed) == count }
    }

    private func wasCancelled(_ counts: Counts, _ count: Int = 1) -> Bool {
        TestServer.wait(milliseconds: 3_000) { counts.cancelled.load(ordering: .relaxed) == count }
    }

    @Test("A reset cancels the handler, whatever is unread", arguments: wires)
    func reset(_ choice: Wire) throws {
        // If this failed, handlers would work on for clients that are gone.
        let (server, counts) = try serve(choice)
        let requests = [
            request("GET /wait"), request("GET /wait") + request("GET /hello"),
            request("POST /wait", "Content-Length: 5\r\n", body: "ab"),
            request("POST /wait", "Content-Length: 5\r\n", body: "abcde"),
        ]
        for (index, request) in requests.enumerated() {
            let client = try server.connect()
            try client.send(request)
            #expect(began(counts, index + 1))
            client.reset()
            #expect(wasCancelled(counts, index + 1), "\(request)")
            #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
        }
    }

    @Test("The end of the client's side is no reset", arguments: backends)
    func halfClose(_ choice: BackendChoice) throws {
        // If this failed, clients that end their side after the request would get no answer.
        let (server, counts) = try serve(choice)
        let client = try server.connect()
        try client.send(request("GET /wait?300"))
        client.finishWriting()
        #expect(try text(client.answer().body) == "waited")
        try client.expectEnd()
        // But a reset behind it is one.
        let late = try server.connect()
        try late.send(request("GET /wait"))
        late.finishWriting()
        #expect(began(counts, 2))
        TestServer.pause(milliseconds: 50)
        late.reset()
        #expect(wasCancelled(counts))
        #expect(counts.ended.load(ordering: .relaxed) == 1)
    }

    @Test("A half-close cancels if that is asked for", arguments: backends)
    func option(_ choice: BackendChoice) throws {
        // If this failed, a server could not be made to notice clients that have closed.
        let (server, counts) = try serve(choice) { $0.cancelsAtHalfClose = true }
        let client = try server.connect()
        try client.send(request("GET /wait"))
        #expect(began(counts))
        client.close()
        #expect(wasCancelled(counts))
        // With the request itself, too.
        let quick = try server.connect()
        try quick.send(request("GET /wait"))
        quick.finishWriting()
        #expect(wasCancelled(counts, 2))
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }

    @Test("A Unix socket that is closed in both directions", arguments: backends)
    func unix(_ choice: BackendChoice) throws {
        // If this failed, a local client that ends would not be noticed, although the kernel knows.
        let folder = TemporaryFolder()
        folder.forget("socket")
        let address = try #require(SocketAddress.unix(path: folder.path + "/socket"))
        let (server, counts) = try serve(choice, on: address)
        let client = try server.connect()
        try client.send(request("GET /wait"))
        #expect(began(counts))
        client.close()
        #expect(wasCancelled(counts))
        let half = try server.connect()
        try half.send(request("GET /wait?200"))
        half.finishWriting()
        #expect(try text(half.answer().body) == "waited")
    }

    @Test("Requests behind one that waited are answered", arguments: wires)
    func pipelined(_ choice: Wire) throws {
        // If this failed, looking out for the end would take bytes or waiters away from reading.
        let (server, counts) = try serve(choice)
        let client = try server.connect()
        for _ in 0..<3 {
            try client.send(request("GET /wait?50"))
            try client.send(request("POST /echo", "Content-Length: 4\r\n", body: "ab"))
            TestServer.pause(milliseconds: 80)
            try client.send("cd" + request("GET /hello"))
            #expect(try text(client.answer().body) == "waited")
            #expect(try text(client.answer().body) == "abcd")
            #expect(try text(client.answer().body) == "Hello, World!")
        }
        #expect(counts.cancelled.load(ordering: .relaxed) == 0)
    }

    @Test("A reset in the middle of a head is no request", arguments: backends)
    func resetInHead(_ choice: BackendChoice) throws {
        // If this failed, clients that leave would be counted and logged like nonsense.
        let (server, _) = try serve(choice)
        let client = try server.connect()
        try client.send("GET /hello HTTP/1.1\r\nHo")
        TestServer.pause(milliseconds: 20)
        client.reset()
        let isClosed = TestServer.wait {
            let statistics = server.server.statistics
            return statistics.acceptedConnections == 1 && statistics.openConnections == 0
        }
        let statistics = server.server.statistics
        #expect(isClosed && statistics.answers == 0 && statistics.clientErrors == 0)
    }

    @Test("A client that is gone when its request is read leaves nothing", arguments: backends)
    func goneBefore(_ choice: BackendChoice) throws {
        // If this failed, a connection with an answer that nobody takes would stay for ever.
        let server = try TestServer(choice)
        let (blocker, other) = (try server.connect(), try server.connect())
        for client in [blocker, other] {
            try client.send(request("GET /hello"))
            #expect(try client.answer().status == 200)
        }
        try blocker.send(request("GET /block/300"))
        TestServer.pause(milliseconds: 60)
        try other.send(request("GET /hello"))
        other.reset()
        #expect(try blocker.answer().status == 200)
        blocker.close()
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }

    @Test("Requests behind an answer that cannot be sent are not run", arguments: backends)
    func behindFailure(_ choice: BackendChoice) throws {
        // If this failed, handlers would act for clients that are known to be gone.
        let server = try TestServer(choice)
        let client = try server.connect(receiveBuffer: 4_096)
        // In one piece: the server has the later requests while it waits to send the first answer.
        try client.send(
            request("GET /direct-whole/8000000")
                + String(repeating: request("GET /hello"), count: 10))
        #expect(!client.isQuiet(milliseconds: 2_000))
        TestServer.pause(milliseconds: 50)
        client.reset()
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
        #expect(server.server.statistics.answers == 1)
    }

    @Test("The access log tells of requests whose client has left", arguments: backends)
    func accessLog(_ choice: BackendChoice) throws {
        // If this failed, an operator would not see what clients did not wait for.
        let log = AccessRecord()
        let (server, counts) = try serve(choice) { $0.onAccess = { log.note($0) } }
        let before = millrace_clock_realtime_seconds()
        let client = try server.connect()
        try client.send(request("GET /wait"))
        #expect(began(counts))
        client.reset()
        #expect(wasCancelled(counts))
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
        #expect(log.lines.count == 1 && log.lines.first?.hasPrefix("GET /wait ") == true)
        // Not the time of the answer before, nor 1970.
        let access = try #require(log.accesses.first)
        #expect((before...millrace_clock_realtime_seconds()).contains(access.secondsSince1970))
    }

    @Test("A reset cancels a handler that has waited for its body", arguments: wires)
    func resetBehindBody(_ choice: Wire) throws {
        // If this failed, who sent its request in pieces could not be noticed to leave.
        let (server, counts) = try serve(choice)
        let client = try server.connect()
        try client.send(request("POST /read", "Content-Length: 5\r\n", body: "ab"))
        // The handler waits for the rest.
        TestServer.pause(milliseconds: 50)
        try client.send("cde")
        #expect(began(counts))
        client.reset()
        #expect(wasCancelled(counts))
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }

    @Test("A request whose client has left does not count as answered", arguments: backends)
    func uncounted(_ choice: BackendChoice) throws {
        // If this failed, each client that leaves would look like an error of the server's.
        for cancels in [false, true] {
            let (server, counts) = try serve(choice) { $0.cancelsAtHalfClose = cancels }
            let client = try server.connect()
            try client.send(request("GET /wait"))
            #expect(began(counts))
            client.reset()
            #expect(wasCancelled(counts))
            #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
            #expect(server.server.statistics.answers == 0, "\(cancels)")
        }
    }

    @Test("A reset long behind the end of the client's side cancels, too", arguments: backends)
    func lateReset(_ choice: BackendChoice) throws {
        // If this failed, a client that has ended its side would be looked for once.
        let (server, counts) = try serve(choice)
        let client = try server.connect()
        try client.send(request("GET /wait"))
        client.finishWriting()
        #expect(began(counts))
        // The server looks every 100 ms.
        TestServer.pause(milliseconds: 350)
        client.reset()
        #expect(wasCancelled(counts))
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }
}
