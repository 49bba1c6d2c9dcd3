// SPDX-License-Identifier: MIT

import AtomicSupport
import EventLoops
import Networking
import HTTP1Codec
import Testing

@testable import HTTPServing

/// Every limit that a client can run into, and what it gets.
@Suite("Server: time limits")
struct ServerTimeLimitTests {
    /// One limit is short, the others are not.
    private static let short = Duration.milliseconds(200)

    /// A handshake counts towards it.
    private static func headLimit(_ choice: Wire) -> Duration {
        choice.isSecure ? .milliseconds(800) : short
    }

    private static func milliseconds(_ body: () throws -> Void) rethrows -> UInt64 {
        let begin = MonotonicInstant.now
        try body()
        return (MonotonicInstant.now.nanoseconds - begin.nanoseconds) / 1_000_000
    }

    @Test("A head that does not end: 408", arguments: wires)
    func head(_ choice: Wire) throws {
        // If this failed, half a request would hold a connection for ever.
        let server = try TestServer(choice) { $0.headerTimeout = Self.headLimit(choice) }
        for half in ["G", "GET /hello HTTP/1.1\r\n", request("GET /hello").dropLast(2) + ""] {
            let client = try server.connect()
            try client.send(half)
            let time = try Self.milliseconds {
                let answer = try client.answer()
                #expect(answer.status == 408 && answer.saysClose)
                try client.expectEnd()
            }
            #expect((150...2_000).contains(time))
        }
        // An answer to HEAD has no body, also this one.
        let silent = try server.connect()
        try silent.send("\r\nHEAD /hello HTTP/1.1\r\nA: ")
        #expect(try silent.answer(isHead: true).status == 408)
        try silent.expectEnd()
        // Behind a request with another method, and byte by byte.
        let client = try server.connect()
        try client.send(request("HEAD /hello") + "GET /hello HTTP/1.1\r\nA: ")
        #expect(try client.answer(isHead: true).status == 200)
        let time = try Self.milliseconds {
            while client.isQuiet(milliseconds: 20) { try client.send("a") }
            let answer = try client.answer()
            #expect(answer.status == 408 && !answer.body.isEmpty)
        }
        #expect(time < 2_000)
    }

    @Test("A silent connection is closed without a word", arguments: wires)
    func silence(_ choice: Wire) throws {
        // If this failed, clients that say nothing would hold connections for ever.
        let server = try TestServer(choice) {
            $0.headerTimeout = Self.headLimit(choice)
            $0.idleTimeout = .milliseconds(600)
        }
        let silent = try server.connect()
        let idle = try server.connect()
        let blank = try server.connect()
        try blank.send("\r\n")
        try idle.send(request("GET /hello"))
        #expect(try idle.answer().status == 200)
        for client in [silent, idle, blank] { try client.expectEnd() }
        // A connection that is used is not idle, whatever the first limit was.
        let busy = try server.connect()
        for _ in 0..<8 {
            try busy.send(request("GET /task"))
            #expect(try busy.answer().status == 200)
            _ = busy.isQuiet(milliseconds: 120)
        }
        try busy.expectEnd()
    }

    @Test("A connection for whose limit there is no timer is reset", arguments: backends)
    func noTimer(_ choice: BackendChoice) throws {
        // If this failed, a silent client would stay for ever when a loop's timers are all set.
        var options = LoopOptions()
        options.timersMax = 4
        let server = try TestServer(choice, options: options) {
            $0.headerTimeout = .seconds(60)
        }
        var statistics: HTTPServerStatistics { server.server.statistics }
        // The reset may come before the client knows that it is connected.
        let silent = (0..<12).compactMap { _ in try? server.connect() }
        #expect(TestServer.wait { statistics.acceptedConnections == 12 })
        // Some are reset; those that have timers stay.
        var kept: [RawClient] { silent.filter { $0.isQuiet(milliseconds: 0) } }
        #expect(TestServer.wait { kept.count <= 4 && kept.count == statistics.openConnections })
        #expect(!kept.isEmpty)
        silent.forEach { $0.finishWriting() }
        #expect(TestServer.wait { statistics.openConnections == 0 })
        #expect(try ServerConnectionTests.hello(server))
    }

    @Test("A body that does not come: 408", arguments: wires)
    func body(_ choice: Wire) throws {
        // If this failed, half a body would hold a connection and a handler for ever.
        let server = try TestServer(choice) { $0.bodyTimeout = Self.short }
        for fields in ["Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n"] {
            let client = try server.connect()
            try client.send(request("POST /echo", fields, body: "5\r\nab"))
            let answer = try client.answer()
            #expect(answer.status == 408 && answer.saysClose)
            try client.expectEnd()
            let waiting = try server.connect()
            try waiting.send(request("POST /echo", fields + "Expect: 100-continue\r\n"))
            #expect(try waiting.answer().interim == [100])
            try waiting.expectEnd()
        }
        // What nobody wants may not take longer either, even in single bytes.
        let client = try server.connect()
        try client.send(request("POST /ignore", "Content-Length: 1000\r\n"))
        #expect(try client.answer().status == 200)
        let time = try Self.milliseconds {
            while client.isQuiet(milliseconds: 20) { try client.send("a") }
            try client.expectEnd(orReset: true)
        }
        #expect(time < 2_000)
        // A slow body is not a missing one.
        let slow = try server.connect()
        try slow.send(request("POST /echo", "Content-Length: 8\r\n"))
        for _ in 0..<8 {
            _ = slow.isQuiet(milliseconds: 60)
            try slow.send("a")
        }
        #expect(try text(slow.answer().body) == "aaaaaaaa")
    }

    @Test("A client that does not read is reset, whatever sends", arguments: wires)
    func write(_ choice: Wire) throws {
        // If this failed, a client that stops reading would hold a handler and memory for ever.
        let folder = TemporaryFolder()
        folder.write("big", String(repeating: "0123456789abcdef", count: 1 << 20))
        var routes = try TestRoutes.all()
        try routes.files("/files", StaticFiles(folder.path))
        let server = try TestServer(choice, routes: routes) { $0.writeTimeout = Self.short }
        for path in ["/sized/99000000", "/open/99000000", "/whole/99000000", "/files/big"] {
            let client = try server.connect(receiveBuffer: 4_096)
            try client.send(request("GET " + path))
            #expect(!client.isQuiet(milliseconds: 5_000))
            #expect(
                TestServer.wait { server.server.statistics.openConnections == 0 }, "\(path)")
            #expect(throws: RawClient.Failure.self) { try client.answer() }
        }
        // A slow reader is not a dead one.
        let slow = try server.connect(receiveBuffer: 4_096)
        try slow.send(request("GET /sized/3000000"))
        _ = slow.isQuiet(milliseconds: 100)
        #expect(try slow.answer().body.count == 3_000_000)
    }

    @Test("After its last answer the server waits a little, not for ever", arguments: wires)
    func linger(_ choice: Wire) throws {
        // If this failed, the answer would be lost by a reset, or the connection kept for ever.
        let server = try TestServer(choice) {
            $0.lingerTimeout = Self.short
            $0.limits.bodyByteCountMax = 1 << 20
        }
        let client = try server.connect()
        try client.send(request("GET /hello", "Connection: close\r\n"))
        #expect(try client.answer().status == 200)
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
        // Who sends much without looking still gets the answer.
        let sender = try server.connect()
        try sender.send(request("POST /echo", "Content-Length: 8000000\r\n"))
        try sender.send([UInt8](repeating: 120, count: 8_000_000))
        #expect(try sender.answer().status == 413)
        try sender.expectEnd()
    }

    private static let block = [UInt8](repeating: 120, count: 1 << 20)

    private static func lingerLong(_ configuration: inout HTTPServerConfiguration) {
        configuration.lingerTimeout = .seconds(30)
        configuration.limits.bodyByteCountMax = 1 << 20
    }

    /// A client that is refused before it has sent what it announced.
    private static func beginRefusedUpload(to server: TestServer) throws -> RawClient {
        let client = try server.connect()
        try client.send(request("POST /echo", "Content-Length: 400000000\r\n"))
        return client
    }

    @Test("What comes behind the last answer is taken up to 64 MiB", arguments: wires)
    func lingeredBytes(_ choice: Wire) throws {
        // If this failed, a client that was refused could keep a loop busy until the time is over.
        let server = try TestServer(choice, Self.lingerLong)
        let client = try Self.beginRefusedUpload(to: server)
        // More than may lie in the buffers of both kernels.
        #expect(throws: RawClient.Failure.self) {
            _ = try client.sendUntilStuck(Self.block, milliseconds: 5_000, atMost: 128 << 20)
        }
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }

    @Test("A client that takes nothing is given up once, and hears of it", arguments: wires)
    func givenUp(_ choice: Wire) throws {
        // If this failed, the limit would count twice, or an answer that was cut off look whole.
        var routes = try TestRoutes.all()
        let block = TestRoutes.pattern(0, 1 << 20)
        try routes.get("/stubborn") { _ in
            .stream { writer in
                for _ in 0..<90 { try? await writer.write(block) }
            }
        }
        let server = try TestServer(choice, routes: routes) { $0.writeTimeout = .seconds(1) }
        for path in ["/open/99000000", "/whole/99000000", "/stubborn"] {
            // The end of these is told by the connection's alone.
            let client = try server.connect(receiveBuffer: 4_096)
            try client.send("GET \(path) HTTP/1.0\r\n\r\n")
            #expect(!client.isQuiet(milliseconds: 5_000))
            let time = Self.milliseconds {
                #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
            }
            // Twice the limit; the fault would take twice as long.
            #expect((1_500...3_800).contains(time), "\(path)")
            #expect(throws: RawClient.Failure.self, "\(path)") { try client.receiveAll() }
        }
    }

    @Test("The last answer has a limit of its own", arguments: backends)
    func lastAnswer(_ choice: BackendChoice) throws {
        // If this failed, a client that takes nothing would keep what the server still has of it.
        let server = try TestServer(choice) {
            $0.writeTimeout = .milliseconds(500)
            $0.stream.sendBufferByteCount = 4_096
        }
        // The smaller ones lie in the stream's own buffers, where no request waits for room.
        for count in [12_000, 20_000, 40_000, 80_000] {
            let client = try server.connect(receiveBuffer: 2_048)
            try client.send("GET /direct-whole/\(count) HTTP/1.0\r\n\r\n")
            #expect(!client.isQuiet(milliseconds: 5_000))
            #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
        }
    }

    @Test("Who sends less than 64 MiB behind the last answer is not cut off", arguments: backends)
    func lingeredEnough(_ choice: BackendChoice) throws {
        // If this failed, a refused upload would lose its answer by a reset.
        let server = try TestServer(choice, Self.lingerLong)
        let client = try Self.beginRefusedUpload(to: server)
        // More by far than half of the limit and what both kernels hold: else it would all go out.
        for _ in 0..<56 { try client.send(Self.block) }
        #expect(try client.answer().status == 413)
        try client.expectEnd()
    }

    @Test("The limit of a head is over with the head", arguments: backends)
    func busyPipeline(_ choice: BackendChoice) throws {
        // If this failed, a client with many requests would be closed in the middle of them.
        let server = try TestServer(choice) {
            $0.headerTimeout = .milliseconds(800)
        }
        let client = try server.connect()
        // 64 of them, a turn, are within the limit, all are not. In one piece: where nothing is
        // left to read, the limit of idleness takes its place.
        try client.send(String(repeating: request("GET /block/5"), count: 400))
        for _ in 0..<400 { #expect(try client.answer().status == 200) }
    }
}
