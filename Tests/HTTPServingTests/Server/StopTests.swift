// SPDX-License-Identifier: MIT

import Networking
import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import Glibc
import Testing

@testable import HTTPServing

@Suite("Server: stopping")
struct ServerStopTests {
    private static func milliseconds(_ body: () throws -> Void) rethrows -> UInt64 {
        let begin = MonotonicInstant.now
        try body()
        return (MonotonicInstant.now.nanoseconds - begin.nanoseconds) / 1_000_000
    }

    @Test("Idle connections end, answers under way are finished", arguments: wires)
    func graceful(_ choice: Wire) throws {
        // If this failed, a restart would cut answers off, or wait for idle clients.
        let server = try TestServer(choice, loops: 2)
        let fresh = try server.connect()
        let idle = try server.connect()
        try idle.send(request("GET /hello"))
        #expect(try idle.answer().status == 200)
        let busy = try server.connect()
        try busy.send(request("GET /sleep/300"))
        let uploading = try server.connect()
        try uploading.send(request("POST /echo", "Content-Length: 6\r\n", body: "abc"))
        let stream = try server.connect(receiveBuffer: 4_096)
        try stream.send(request("GET /sized/9000000"))
        #expect(!stream.isQuiet(milliseconds: 2_000))
        #expect(TestServer.wait { server.server.statistics.openConnections == 5 })
        _ = busy.isQuiet(milliseconds: 50)
        server.server.stop()
        server.server.stop()
        try fresh.expectEnd()
        try idle.expectEnd()
        #expect(!server.hasEnded)
        try uploading.send("def")
        let answer = try uploading.answer()
        #expect(text(answer.body) == "abcdef" && answer.saysClose)
        try uploading.expectEnd()
        let slept = try busy.answer()
        #expect(slept.status == 200 && slept.saysClose)
        try busy.expectEnd()
        #expect(try stream.answer().body.count == 9_000_000)
        stream.close()
        server.stop()
        #expect(server.hasEnded)
        #expect(throws: RawClient.Failure.self) { try server.connect() }
    }

    @Test("Half a head is still answered, with close", arguments: wires)
    func halfHead(_ choice: Wire) throws {
        // If this failed, a request that was on its way would be lost, or trap the server.
        let server = try TestServer(choice)
        let client = try server.connect()
        try client.send("GET /hello HTTP/1.1\r\n")
        _ = client.isQuiet(milliseconds: 50)
        server.server.stop()
        _ = client.isQuiet(milliseconds: 50)
        try client.send("Host: x\r\n\r\n" + request("GET /hello"))
        let answer = try client.answer()
        #expect(answer.status == 200 && answer.saysClose)
        try client.expectEnd()
        server.stop()
    }

    @Test("Clients that pipeline without end are stopped as well", arguments: wires)
    func pipelining(_ choice: Wire) throws {
        // If this failed, a stop would trap on, or never see the end of, a busy connection.
        for path in ["/hello", "/task", "/whole/50000"] {
            for _ in 0..<3 {
                let server = try TestServer(choice) { $0.shutdownTimeout = .milliseconds(300) }
                let block = bytes(String(repeating: request("GET " + path), count: 300))
                let clients = try (0..<4).map { _ in try server.connect() }
                for client in clients {
                    _ = try? client.sendUntilStuck(block, milliseconds: 1, atMost: 300_000)
                }
                let time = Self.milliseconds { server.stop() }
                #expect(time < 3_000)
            }
        }
    }

    @Test("The deadline cuts what is left", arguments: wires)
    func deadline(_ choice: Wire) throws {
        // If this failed, one slow handler or client would keep the server from ending.
        let server = try TestServer(choice) { $0.shutdownTimeout = .milliseconds(150) }
        let sleeping = try server.connect()
        try sleeping.send(request("GET /sleep/60000"))
        let uploading = try server.connect()
        try uploading.send(request("POST /echo", "Content-Length: 6\r\n", body: "abc"))
        let stuck = try server.connect(receiveBuffer: 4_096)
        try stuck.send(request("GET /sized/90000000"))
        #expect(!stuck.isQuiet(milliseconds: 2_000))
        _ = sleeping.isQuiet(milliseconds: 50)
        let time = Self.milliseconds { server.stop() }
        #expect((100...3_000).contains(time))
        for client in [sleeping, uploading] { try client.expectEnd(orReset: true) }
        #expect(throws: RawClient.Failure.self) { try stuck.answer() }
        #expect(server.server.statistics.openConnections == 0)
    }

    @Test("Cancelling the server's task ends it at once", arguments: backends)
    func cancelling(_ choice: BackendChoice) throws {
        // If this failed, a second Ctrl-C would wait for the deadline after all.
        let time = try Self.milliseconds {
            try LoopGroup.run(loops: 2, choice: choice) { group in
                let server = try await HTTPServer.open(
                    on: loopback, group: group, routes: TestRoutes.all())
                let client = try RawClient(server.address)
                await withTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { await server.run() }
                    try? client.send(request("GET /sleep/60000"))
                    try? await LoopTime.sleep(for: .milliseconds(100))
                    tasks.cancelAll()
                }
                try client.expectEnd(orReset: true)
            }
        }
        #expect(time < 3_000)
    }

    @Test("A handler may stop the server", arguments: backends)
    func stoppingHandler(_ choice: BackendChoice) throws {
        // If this failed, a stop from inside would find a connection in the middle of its work.
        let box = ServerBox()
        var routes = try TestRoutes.all()
        try routes.get(
            "/stop",
            direct: { _, response in
                box.server?.stop()
                response.send("stopping")
            })
        try routes.get("/stop-task") { _ in
            box.server?.stop()
            return .text("stopping")
        }
        for path in ["/stop", "/stop-task"] {
            let server = try TestServer(choice, loops: 2, routes: routes)
            box.server = server.server
            let client = try server.connect()
            let idle = try (0..<4).map { _ in try server.connect() }
            #expect(TestServer.wait { server.server.statistics.openConnections == 5 })
            try client.send(request("GET " + path) + request("GET /hello"))
            let answer = try client.answer()
            #expect(answer.saysClose && text(answer.body) == "stopping")
            try client.expectEnd()
            for client in idle { try client.expectEnd() }
            #expect(TestServer.wait { server.hasEnded })
            server.stop()
        }
    }

    /// Where handlers find their server. Set before the first request.
    private final class ServerBox: @unchecked Sendable {
        var server: HTTPServer?
    }

    @Test("A cut leaves alone what a closed connection has given back", arguments: backends)
    func closedOnce(_ choice: BackendChoice) async {
        // If this failed, a stop would close a descriptor that is somebody else's by now, or make
        // that socket end in a reset.
        await #expect(processExitsWith: .success) { [name = choice.rawValue as String] in
            try Self.cutBehindClose(BackendChoice(rawValue: name) ?? .automatic)
        }
    }

    /// In a process of its own: the numbers of descriptors count.
    private static func cutBehindClose(_ choice: BackendChoice) throws {
        var routes = try TestRoutes.all()
        try routes.get("/stubborn") { _ in
            // No cancellation reaches it there.
            await BlockingPool.shared.run { TestServer.pause(milliseconds: 2_000) }
            return .text("over")
        }
        let server = try TestServer(choice, routes: routes) {
            $0.shutdownTimeout = .milliseconds(100)
        }
        let client = try server.connect()
        try client.send(request("GET /stubborn"))
        TestServer.pause(milliseconds: 200)
        client.reset()
        TestServer.pause(milliseconds: 200)
        // The lowest free numbers: the connection's is among them.
        let sockets = (0..<32).map { _ in
            millrace_socket_open(Int32(MILLRACE_AF_INET), Int32(MILLRACE_SOCK_STREAM))
        }
        server.server.stop()
        TestServer.pause(milliseconds: 500)
        try #require(!server.hasEnded)
        for socket in sockets {
            var setting = linger(l_onoff: -1, l_linger: 0)
            var byteCount = socklen_t(MemoryLayout<linger>.size)
            // SAFETY: the callee writes as many bytes at most.
            let status = unsafe getsockopt(socket, SOL_SOCKET, SO_LINGER, &setting, &byteCount)
            try #require(status == 0 && setting.l_onoff == 0)
            _ = millrace_close(socket)
        }
        server.stop()
    }

    @Test(
        "A stop while an answer waits for its client ends the connection behind it",
        arguments: wires)
    func slowReader(_ choice: Wire) throws {
        // If this failed, a slow client would hold a stop until the deadline, and then be reset.
        let server = try TestServer(choice) { $0.shutdownTimeout = .seconds(8) }
        let client = try server.connect(receiveBuffer: 65_536)
        try client.send(request("GET /direct-whole/8000000"))
        #expect(!client.isQuiet(milliseconds: 2_000))
        TestServer.pause(milliseconds: 50)
        server.server.stop()
        TestServer.pause(milliseconds: 50)
        #expect(try client.answer().body.count == 8_000_000)
        let time = try Self.milliseconds { try client.expectEnd() }
        #expect(time < 3_000)
        server.stop()
    }

    @Test("Nothing is read behind the answer that a stop finds under way", arguments: wires)
    func nothingBehind(_ choice: Wire) throws {
        // If this failed, a server that stops would begin with requests that it need not answer.
        let server = try TestServer(choice) { $0.shutdownTimeout = .seconds(8) }
        let client = try server.connect(receiveBuffer: 65_536)
        // Its head has left when the stop comes, and could not say close.
        try client.send(request("GET /sized/9000000") + request("GET /hello"))
        #expect(!client.isQuiet(milliseconds: 2_000))
        server.server.stop()
        TestServer.pause(milliseconds: 50)
        #expect(try client.answer().body.count == 9_000_000)
        try client.expectEnd()
        #expect(server.server.statistics.answers == 1)
        server.stop()
    }

    @Test("Nothing is read behind a body that is dropped during a stop", arguments: wires)
    func droppedBody(_ choice: Wire) throws {
        // If this failed, a server that stops would run one more handler, or trap.
        let server = try TestServer(choice) { $0.shutdownTimeout = .seconds(8) }
        let client = try server.connect()
        try client.send(request("POST /ignore", "Content-Length: 6\r\n", body: "abc"))
        #expect(try client.answer().status == 200)
        server.server.stop()
        TestServer.pause(milliseconds: 50)
        try client.send("def" + request("GET /hello"))
        try client.expectEnd()
        #expect(server.server.statistics.answers == 1)
        server.stop()
    }

    @Test("A loop that does not listen stops at once too", arguments: backends)
    func unixSocket(_ choice: BackendChoice) throws {
        // If this failed, each stop of a server on a Unix socket would wait for its deadline.
        let folder = TemporaryFolder()
        folder.forget("socket")
        let address = try #require(SocketAddress.unix(path: "\(folder.path)/socket"))
        let server = try TestServer(choice, loops: 3, on: address)
        for _ in 0..<3 {
            let client = try server.connect()
            try client.send(request("GET /task"))
            #expect(try client.answer().status == 200)
        }
        #expect(Self.milliseconds { server.stop() } < 3_000)
    }

    @Test("A stop that comes before the server runs ends it at once", arguments: backends)
    func stoppedBefore(_ choice: BackendChoice) throws {
        // If this failed, a program that is told to end while it starts would wait till the limit.
        let time = try Self.milliseconds {
            try LoopGroup.run(loops: 2, choice: choice) { group in
                let server = try await HTTPServer.open(
                    on: loopback, group: group, routes: TestRoutes.all())
                server.stop()
                await server.run()
            }
        }
        #expect(time < 3_000)
    }

    @Test("A request that comes in the turn of the cut is waited for", arguments: backends)
    func requestAtCut(_ choice: BackendChoice) throws {
        // If this failed, a server would end with a connection, and its handler would never run.
        let box = ServerBox()
        var routes = try TestRoutes.all()
        try routes.get(
            "/stop",
            direct: { _, response in
                box.server?.stop()
                // Past the limit: the cut comes before anything that this turn has begun.
                TestServer.pause(milliseconds: 200)
                response.send("stopping")
            })
        let server = try TestServer(choice, routes: routes) {
            $0.shutdownTimeout = .milliseconds(50)
        }
        box.server = server.server
        let late = try server.connect()
        let (blocking, stopping) = (try server.connect(), try server.connect())
        defer { withExtendedLifetime((late, blocking, stopping)) {} }
        #expect(TestServer.wait { server.server.statistics.openConnections == 3 })
        // A part of a head: the stop does not end it, whichever of the two is looked at first.
        try late.send("GET /task HTTP/1.1\r\n")
        TestServer.pause(milliseconds: 50)
        try blocking.send(request("GET /block/200"))
        TestServer.pause(milliseconds: 50)
        // Both are there when the loop goes on.
        try late.send("Host: x\r\n\r\n")
        try stopping.send(request("GET /stop"))
        #expect(TestServer.wait { server.hasEnded })
        #expect(server.server.statistics.openConnections == 0)
    }
}
