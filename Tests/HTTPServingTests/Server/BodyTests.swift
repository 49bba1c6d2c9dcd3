// SPDX-License-Identifier: MIT

import AsyncRuntime
import CTestSupport
import EventLoops
import HTTP1Codec
import Networking
import Testing

@testable import HTTPServing

@Suite("Server: bodies of requests")
struct ServerBodyTests {
    private static func chunked(_ path: String, _ body: String, _ fields: String = "") -> String {
        request("POST " + path, "Transfer-Encoding: chunked\r\n" + fields, body: body)
    }

    private static func sized(_ path: String, _ length: String, _ body: String) -> String {
        request("POST " + path, "Content-Length: \(length)\r\n", body: body)
    }

    private static let framing = [
        ServerCase("length", sized("/echo", "3", "abc"), [200], body: "abc"),
        ServerCase("no length", request("POST /echo"), [200], body: ""),
        ServerCase("zero", sized("/echo", "0", ""), [200], body: ""),
        ServerCase("leading zeros", sized("/echo", "003", "abc"), [200], body: "abc"),
        ServerCase("negative", sized("/echo", "-3", "abc"), [400], .closes),
        ServerCase("plus", sized("/echo", "+3", "abc"), [400], .closes),
        ServerCase("no number", sized("/echo", "three", "abc"), [400], .closes),
        ServerCase("empty", sized("/echo", "", "abc"), [400], .closes),
        ServerCase("hexadecimal", sized("/echo", "0x3", "abc"), [400], .closes),
        ServerCase("a list", sized("/echo", "3, 3", "abc"), [400], .closes),
        ServerCase("twice", sized("/echo", "3\r\nContent-Length: 3", "abc"), [400], .closes),
        ServerCase("two lengths", sized("/echo", "3\r\nContent-Length: 4", "abc"), [400], .closes),
        ServerCase("beyond 64 bits", sized("/echo", "99999999999999999999", "a"), [400], .closes),
        ServerCase(
            "both", chunked("/echo", "0\r\n\r\n", "Content-Length: 5\r\n"), [400], .closes),
        ServerCase(
            "encoding in 1.0",
            "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400], .closes),
        ServerCase(
            "gzip before", request("POST /echo", "Transfer-Encoding: gzip, chunked\r\n"), [501],
            .closes),
        ServerCase(
            "gzip alone", request("POST /echo", "Transfer-Encoding: gzip\r\n"), [400], .closes),
        ServerCase(
            "chunked twice", request("POST /echo", "Transfer-Encoding: chunked, chunked\r\n"),
            [400], .closes),
        ServerCase(
            "identity", request("POST /echo", "Transfer-Encoding: identity\r\n"), [400], .closes),
        ServerCase(
            "in capitals",
            request("POST /echo", "Transfer-Encoding: CHUNKED\r\n", body: "1\r\na\r\n0\r\n\r\n"),
            [200], body: "a"),
        ServerCase("too long", sized("/echo", "3000000", ""), [413], .closes),
    ]

    private static let chunks = [
        ServerCase("one", chunked("/echo", "3\r\nabc\r\n0\r\n\r\n"), [200], body: "abc"),
        ServerCase("none", chunked("/echo", "0\r\n\r\n"), [200], body: ""),
        ServerCase(
            "several", chunked("/echo", "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), [200],
            body: "abc0123456789"),
        ServerCase("zeros", chunked("/echo", "0003\r\nabc\r\n000\r\n\r\n"), [200], body: "abc"),
        ServerCase(
            "extensions", chunked("/echo", "3;a=b;c=\"d;\\\"\"\r\nabc\r\n0;e\r\n\r\n"), [200],
            body: "abc"),
        ServerCase(
            "trailers", chunked("/echo", "3\r\nabc\r\n0\r\nX-A: b\r\nX-C: d\r\n\r\n"), [200],
            body: "abc"),
        ServerCase("no size", chunked("/echo", "\r\nabc\r\n0\r\n\r\n"), [400], .closes),
        ServerCase("bad size", chunked("/echo", "g\r\nabc\r\n0\r\n\r\n"), [400], .closes),
        ServerCase("negative size", chunked("/echo", "-3\r\nabc\r\n0\r\n\r\n"), [400], .closes),
        ServerCase("prefixed size", chunked("/echo", "0x3\r\nabc\r\n0\r\n\r\n"), [400], .closes),
        ServerCase("huge size", chunked("/echo", "ffffffffffffffff\r\nabc"), [400], .closes),
        ServerCase("wide size", chunked("/echo", "00000000000000003\r\nabc"), [400], .closes),
        ServerCase("long chunk", chunked("/echo", "2\r\nabc\r\n0\r\n\r\n"), [400], .closes),
        ServerCase("line feeds", chunked("/echo", "3\nabc\n0\n\n"), [400], .closes),
        ServerCase("space before", chunked("/echo", " 3\r\nabc\r\n0\r\n\r\n"), [400], .closes),
        ServerCase(
            "long line", chunked("/echo", "3;" + String(repeating: "a", count: 5_000) + "\r\n"),
            [400], .closes),
        ServerCase(
            "framing in trailers", chunked("/echo", "0\r\nContent-Length: 3\r\n\r\n"), [400],
            .closes),
        ServerCase(
            "many trailers", chunked("/echo", "0\r\n" + String(repeating: "A: b\r\n", count: 99)),
            [431], .closes),
        ServerCase(
            "long trailers",
            chunked("/echo", "0\r\nA: \(String(repeating: "a", count: 9_000))\r\n"), [431], .closes
        ),
        ServerCase("too long", chunked("/echo", "200000\r\n"), [413], .closes),
        ServerCase(
            "swallowed error", chunked("/swallow", "3\r\nabcd"), [200], .closes, body: "broken"),
    ]

    private static let handlers = [
        ServerCase("ignored", sized("/ignore", "3", "abc"), [200], body: "ignored"),
        ServerCase(
            "ignored, much", sized("/ignore", "100000", String(repeating: "a", count: 100_000)),
            [200], .closes),
        ServerCase("ignored chunks", chunked("/ignore", "3\r\nabc\r\n0\r\n\r\n"), [200]),
        ServerCase("ignored, broken", chunked("/ignore", "x"), [200], .ends),
        ServerCase("first piece", sized("/one", "3", "abc"), [200]),
        ServerCase("beyond the end", sized("/beyond", "3", "abc"), [200], body: "over"),
        ServerCase("no body, beyond", request("POST /beyond"), [200], body: "over"),
        ServerCase("too long for it", sized("/small", "11", "01234567890"), [413]),
        ServerCase("right for it", sized("/small", "10", "0123456789"), [200], body: "0123456789"),
        ServerCase(
            "chunks too long for it", chunked("/small", "b\r\n01234567890\r\n0\r\n\r\n"), [413]),
        ServerCase(
            "body of GET", request("GET /hello", "Content-Length: 3\r\n", body: "abc"), [200]),
        ServerCase("read late", sized("/late", "3", "abc"), [200], body: "begun abc"),
        ServerCase("unknown path", sized("/nothing", "3", "abc"), [404]),
    ]

    @Test("Framing, chunks, trailers, handlers", arguments: wires)
    func bodies(_ choice: Wire) throws {
        // If this failed, bodies would be misread, and what follows them taken for requests.
        let server = try TestServer(choice) { $0.limits.bodyByteCountMax = 1 << 20 }
        for group in [Self.framing, Self.chunks, Self.handlers] {
            for item in group { item.run(on: server) }
        }
    }

    @Test("However a request is cut, the answer is the same", arguments: wires)
    func splits(_ choice: Wire) throws {
        // If this failed, a segment's border in the wrong place would lose or add bytes.
        let server = try TestServer(choice)
        let two =
            request("POST /echo", "Content-Length: 5\r\n", body: "hello")
            + Self.chunked("/echo", "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nT: u\r\n\r\n")
        let whole = bytes(two)
        let item = ServerCase("cut", two, [200, 200], body: "abc0123456789")
        for index in 1..<whole.count {
            item.run(on: server, in: [Array(whole[..<index]), Array(whole[index...])])
        }
        item.run(on: server, in: whole.map { [$0] })
        let ignored = ServerCase(
            "cut and ignored",
            Self.chunked("/ignore", "3\r\nabc\r\n0\r\nT: u\r\n\r\n")
                + request("GET /task"), [200, 200], body: "from a task")
        let bytes = bytes(ignored.request)
        for index in 1..<bytes.count {
            ignored.run(on: server, in: [Array(bytes[..<index]), Array(bytes[index...])])
        }
        ignored.run(on: server, in: bytes.map { [$0] })
    }

    @Test("100 Continue is sent once, and only to who waits for it", arguments: wires)
    func expectation(_ choice: Wire) throws {
        // If this failed, clients would wait for nothing, or take a 100 for the answer.
        let server = try TestServer(choice) { $0.limits.bodyByteCountMax = 1 << 20 }
        let wish = "Content-Length: 3\r\nExpect: 100-continue\r\n"
        var client = try server.connect()
        for _ in 0..<3 {
            try client.send(request("POST /echo", wish))
            #expect(!client.isQuiet(milliseconds: 2_000))
            try client.send("abc")
            let answer = try client.answer()
            #expect(answer.interim == [100])
            #expect(text(answer.body) == "abc")
        }
        try client.send(request("POST /echo", wish, body: "abc"))
        #expect(try client.answer().interim == [])
        // Who does not wait gets its answer, and the connection goes on, wanted or not.
        try client.send(request("POST /ignore", wish, body: "abc"))
        #expect(try !client.answer().saysClose)
        try client.send("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n" + wish + "\r\n")
        #expect(client.isQuiet(milliseconds: 30))
        try client.send("abc")
        #expect(try client.answer().interim == [])
        // Nobody wants the body: the final status at once, and the end.
        for (line, fields, status) in [
            ("POST /nothing", wish, 404), ("GET /hello", wish, 200), ("POST /hello", wish, 405),
            ("POST /echo", "Content-Length: 3000000\r\nExpect: 100-continue\r\n", 413),
            ("POST /small", "Content-Length: 11\r\nExpect: 100-continue\r\n", 413),
            ("POST /ignore", wish, 200),
        ] {
            client = try server.connect()
            try client.send(request(line, fields))
            let answer = try client.answer()
            #expect(answer.status == status && answer.interim == [] && answer.saysClose, "\(line)")
            try client.expectEnd()
        }
        ServerCase("else", request("POST /echo", "Expect: magic\r\n"), [417]).run(on: server)
        // An answer that has begun is not interrupted by a 100.
        client = try server.connect()
        try client.send(request("POST /late", wish))
        #expect(!client.isQuiet(milliseconds: 2_000))
        try client.send("abc")
        let answer = try client.answer()
        #expect(answer.interim == [] && text(answer.body) == "begun abc")
    }

    @Test("The client's end in the middle of a request is answered with 400", arguments: backends)
    func halves(_ choice: BackendChoice) throws {
        // If this failed, half a request would be served as a whole one, or left without an answer.
        let server = try TestServer(choice)
        for (half, status) in [
            ("GET /hel", 400), ("GET /hello HTTP/1.1\r\nHost: x\r\n", 400), ("\r\n", 0), ("", 0),
            (request("POST /echo", "Content-Length: 5\r\n", body: "he"), 400),
            (Self.chunked("/echo", "5\r\nhe"), 400), (Self.chunked("/echo", "0\r\n"), 400),
            (request("POST /ignore", "Content-Length: 5\r\n", body: "he"), 200),
            (request("GET /hello"), 200), (request("GET /task"), 200),
            (request("POST /echo", "Content-Length: 2\r\n", body: "he"), 200),
            (request("GET /sleep/30"), 200), (request("GET /sized/3000000"), 200),
        ] {
            let client = try server.connect()
            try client.send(half)
            client.finishWriting()
            if status > 0 { #expect(try client.answer().status == status, "\(half)") }
            try client.expectEnd()
        }
        // An answer to HEAD has no body, also this one.
        let head = try server.connect()
        try head.send("HEAD /hello HTTP/1.1\r\n")
        head.finishWriting()
        #expect(try head.answer(isHead: true).status == 400)
        try head.expectEnd()
    }

    @Test("Large bodies both ways, with bounded memory", arguments: backends)
    func large(_ choice: BackendChoice) async {
        // If this failed, a body would have to fit into memory, or would arrive changed.
        await #expect(processExitsWith: .success) { [name = choice.rawValue as String] in
            try Self.sendMuch(BackendChoice(rawValue: name) ?? .automatic)
        }
    }

    /// In a process of its own: memory is counted.
    private static func sendMuch(_ choice: BackendChoice) throws {
        let server = try TestServer(choice)
        let client = try server.connect()
        let before = test_resident_byte_count()
        let count = 48 << 20
        try client.send(request("POST /count", "Content-Length: \(count)\r\n"))
        let block = TestRoutes.pattern(0, 1 << 20)
        for _ in 0..<count >> 20 { try client.send(block) }
        #expect(try text(client.answer().body) == "\(count)")
        try client.send(request("POST /count", "Transfer-Encoding: chunked\r\n"))
        for _ in 0..<16 { try client.send(bytes("100000\r\n") + block + bytes("\r\n")) }
        try client.send("0\r\n\r\n")
        #expect(try text(client.answer().body) == "\(16 << 20)")
        #expect(test_resident_byte_count() - before < 24 << 20)
        for path in ["/sized/", "/open/", "/whole/"] {
            try client.send(request("GET \(path)3000001"))
            #expect(try client.answer().body == TestRoutes.pattern(0, 3_000_001))
        }
        try client.send(request("POST /echo", "Content-Length: 1000000\r\n"))
        let sent = TestRoutes.pattern(7, 1_000_000)
        try client.send(sent)
        #expect(try client.answer().body == sent)
    }

    @Test("Who sends its body before it is asked gets no 100, and goes on", arguments: wires)
    func unaskedLater(_ choice: Wire) throws {
        // If this failed, a client that stopped waiting would get a 100 for nothing, or be closed.
        var routes = try TestRoutes.all()
        try routes.post("/doze") { request in
            // Meanwhile a part of the body comes.
            try await LoopTime.sleep(for: .milliseconds(200))
            return .text("\(try await request.body.next()?.count ?? 0)")
        }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        try client.send(request("POST /doze", "Content-Length: 6\r\nExpect: 100-continue\r\n"))
        TestServer.pause(milliseconds: 50)
        try client.send("abc")
        let answer = try client.answer()
        #expect(answer.interim == [] && text(answer.body) == "3" && !answer.saysClose)
        try client.send("def" + request("GET /hello"))
        #expect(try text(client.answer().body) == "Hello, World!")
    }

    @Test("What a handler has read of a body need not be dropped", arguments: wires)
    func partlyRead(_ choice: Wire) throws {
        // If this failed, a connection would end although little is left of the body.
        let server = try TestServer(choice) { $0.limits.discardedByteCountMax = 4 }
        let client = try server.connect()
        try client.send(request("POST /one", "Content-Length: 5\r\n", body: "a"))
        #expect(try !client.answer().saysClose)
        try client.send("bcde" + request("GET /hello"))
        #expect(try text(client.answer().body) == "Hello, World!")
    }

    @Test("A chunk of one byte behind a line end that was cut is not lost", arguments: wires)
    func singleByte(_ choice: Wire) throws {
        // If this failed, a segment's border behind a CR would take a byte of the body away.
        let server = try TestServer(choice)
        let client = try server.connect()
        try client.send(Self.chunked("/echo", "3\r\nabc\r"))
        TestServer.pause(milliseconds: 30)
        try client.send("\n1\r\nd\r\n0\r\n\r\n")
        #expect(try text(client.answer().body) == "abcd")
    }

    @Test("Chunks that nobody wants are dropped up to a limit", arguments: wires)
    func manyChunks(_ choice: Wire) throws {
        // If this failed, a client could have as much dropped as it likes.
        let server = try TestServer(choice)
        let client = try server.connect()
        try client.send(request("POST /ignore", "Transfer-Encoding: chunked\r\n"))
        #expect(try !client.answer().saysClose)
        let chunk = bytes("4000\r\n") + TestRoutes.pattern(0, 0x4000) + bytes("\r\n")
        // Twice the limit, and a request that is none of the server's business any more.
        for _ in 0..<8 { try client.send(chunk) }
        try client.send("0\r\n\r\n" + request("GET /hello"))
        try client.expectEnd()
        #expect(server.server.statistics.answers == 1)
    }

    @Test("An answer does not wait for a body that nobody wants", arguments: wires)
    func answerFirst(_ choice: Wire) throws {
        // If this failed, a client that looks at the answer before it sends on would wait in vain.
        let server = try TestServer(choice)
        for (line, status) in [
            ("GET /hello", 200), ("POST /hello", 405), ("POST /nothing", 404),
            // More than a block.
            ("GET /direct-whole/20000", 200), ("GET /direct-whole/8000000", 200),
        ] {
            let client = try server.connect()
            try client.send(request(line, "Content-Length: 5\r\n"))
            let answer = try client.answer()
            #expect(answer.status == status && !answer.saysClose, "\(line)")
            try client.send("abcde" + request("GET /task"))
            #expect(try text(client.answer().body) == "from a task", "\(line)")
        }
    }

    @Test("A request behind an answer that waited for room, and a body", arguments: wires)
    func behindRoom(_ choice: Wire) throws {
        // If this failed, one client could end the server: two would wait for the same room.
        let server = try TestServer(choice) { $0.stream.sendBufferByteCount = 4_096 }
        for path in ["/sized/100000", "/whole/100000", "/open/100000"] {
            for count in [17_000, 20_000, 30_000] {
                let client = try server.connect(receiveBuffer: 4_096)
                try client.send(request("GET /direct-whole/\(count)", "Content-Length: 5\r\n"))
                TestServer.pause(milliseconds: 30)
                try client.send("abcde" + request("GET " + path))
                TestServer.pause(milliseconds: 30)
                #expect(try client.answer().body.count == count)
                #expect(try client.answer().body.count == 100_000)
                // The next answer waits for room again.
                try client.send(request("GET /direct-whole/200000"))
                #expect(try client.answer().body.count == 200_000)
            }
        }
    }
}
