// SPDX-License-Identifier: MIT

import EventLoops
import Testing

@testable import HTTPServing

@Suite("Server: requests and their answers")
struct ServerMessageTests {
    private static let requestLines = [
        ServerCase("plain", request("GET /hello"), [200], body: "Hello, World!"),
        ServerCase("from a task", request("GET /task"), [200], body: "from a task"),
        ServerCase("an empty line before", "\r\n" + request("GET /hello"), [200]),
        ServerCase("many empty lines", "\r\n\r\n\r\n\r\n\r\n\r\n", [400], .closes),
        ServerCase("no version", "GET /hello\r\nHost: x\r\n\r\n", [400], .closes),
        ServerCase("lower case", "GET /hello http/1.1\r\nHost: x\r\n\r\n", [400], .closes),
        ServerCase("HTTP/2.0", "GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", [505], .closes),
        ServerCase("preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], .closes),
        ServerCase("HTTP/1.2", "GET /hello HTTP/1.2\r\nHost: x\r\n\r\n", [200]),
        ServerCase("two spaces", "GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n", [400], .closes),
        ServerCase("a tab", "GET\t/hello HTTP/1.1\r\nHost: x\r\n\r\n", [400], .closes),
        ServerCase("a space behind", "GET /hello HTTP/1.1 \r\nHost: x\r\n\r\n", [400], .closes),
        ServerCase("line feeds alone", "GET /hello HTTP/1.1\nHost: x\n\n", [400], .closes),
        ServerCase("a bad method", request("G@T /hello"), [400], .closes),
        ServerCase("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\r\n\r\n", [400], .closes),
        ServerCase(
            "a long target", request("GET /" + String(repeating: "a", count: 9_000)), [414], .closes
        ),
        ServerCase(
            "8,000 bytes", request("GET /hello?" + String(repeating: "a", count: 8_000)), [200]),
    ]

    private static let targets = [
        ServerCase("query", request("GET /hello?a=b&c"), [200]),
        ServerCase("absolute", request("GET http://x/hello"), [200], body: "Hello, World!"),
        ServerCase("absolute without path", request("GET http://x"), [404]),
        ServerCase("another host", request("GET http://y:80/hello"), [200]),
        ServerCase("no host", request("GET http:///hello"), [400], .closes),
        ServerCase("a fragment", request("GET /hello#a"), [400], .closes),
        ServerCase("no slash", request("GET hello"), [400], .closes),
        ServerCase("asterisk for GET", request("GET *"), [400], .closes),
        ServerCase("broken escape", request("GET /%zz"), [400], .closes),
        ServerCase("NUL", request("GET /%00"), [400], .closes),
        ServerCase("dots", request("GET /a/../hello"), [400]),
        ServerCase("hidden dots", request("GET /a/%2e%2E/hello"), [400]),
        ServerCase("unknown", request("GET /nothing"), [404]),
        ServerCase("as it says", request("HEAD /nothing"), [-404]),
        ServerCase("authority", request("GET x:80"), [400], .closes),
    ]

    private static let hosts = [
        ServerCase("missing", "GET /hello HTTP/1.1\r\n\r\n", [400], .closes),
        ServerCase("missing for HEAD", "HEAD /hello HTTP/1.1\r\n\r\n", [-400], .closes),
        ServerCase("missing in 1.0", "GET /hello HTTP/1.0\r\n\r\n", [200], .closes),
        ServerCase("missing, absolute", "GET http://x/hello HTTP/1.1\r\n\r\n", [400], .closes),
        ServerCase("twice", request("GET /hello", "Host: x\r\n"), [400], .closes),
        ServerCase("empty", "GET /hello HTTP/1.1\r\nHost:\r\n\r\n", [200]),
        ServerCase("port", "GET /hello HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", [200]),
        ServerCase("IPv6", "GET /hello HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", [200]),
        ServerCase("open bracket", "GET /hello HTTP/1.1\r\nHost: [::1\r\n\r\n", [400], .closes),
        ServerCase("two ports", "GET /hello HTTP/1.1\r\nHost: a:1:2\r\n\r\n", [400], .closes),
        ServerCase("a path", "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n", [400], .closes),
        ServerCase("two", "GET /hello HTTP/1.1\r\nHost: a, b\r\n\r\n", [400], .closes),
    ]

    private static let fields = [
        ServerCase("no space", request("GET /hello", "A:b\r\n"), [200]),
        ServerCase("blanks around", request("GET /hello", "A: \t b \t\r\n"), [200]),
        ServerCase("empty value", request("GET /hello", "A:\r\n"), [200]),
        ServerCase("high bytes", request("GET /hello", "A: \u{e9}\r\n"), [200]),
        ServerCase("space before colon", request("GET /hello", "A : b\r\n"), [400], .closes),
        ServerCase("no colon", request("GET /hello", "A\r\n"), [400], .closes),
        ServerCase("no name", request("GET /hello", ": b\r\n"), [400], .closes),
        ServerCase("folded", request("GET /hello", "A: b\r\n c\r\n"), [400], .closes),
        ServerCase(
            "space first", "GET /hello HTTP/1.1\r\n Host: x\r\n\r\n", [400], .closes),
        ServerCase("bare CR", request("GET /hello", "A: b\rc\r\n"), [400], .closes),
        ServerCase("bare LF", request("GET /hello", "A: b\n"), [400], .closes),
        ServerCase("NUL", request("GET /hello", "A: b\u{0}\r\n"), [400], .closes),
        ServerCase("bad name", request("GET /hello", "A(: b\r\n"), [400], .closes),
        ServerCase(
            "a long line", request("GET /hello", "A: \(String(repeating: "a", count: 20_000))\r\n"),
            [431], .closes),
        ServerCase(
            "many", request("GET /hello", String(repeating: "A: b\r\n", count: 200)), [431], .closes
        ),
        ServerCase(
            "many long ones",
            request(
                "GET /hello",
                String(repeating: "A: \(String(repeating: "a", count: 8_000))\r\n", count: 12)),
            [431], .closes),
    ]

    private static let methods = [
        ServerCase("HEAD", request("HEAD /hello"), [-200]),
        ServerCase("HEAD of a task", request("HEAD /task"), [-200]),
        ServerCase("HEAD of a stream", request("HEAD /open/1000000"), [-200]),
        ServerCase("HEAD of a sized stream", request("HEAD /sized/100"), [-200]),
        ServerCase("HEAD, then GET", request("HEAD /task") + request("GET /task"), [-200, 200]),
        ServerCase("OPTIONS", request("OPTIONS /hello"), [204]),
        ServerCase("OPTIONS *", request("OPTIONS *"), [204]),
        ServerCase("OPTIONS of the host", request("OPTIONS http://x"), [204]),
        ServerCase("OPTIONS of nothing", request("OPTIONS /nothing"), [404]),
        ServerCase("not allowed", request("POST /hello", "Content-Length: 0\r\n"), [405]),
        ServerCase(
            "not allowed, body", request("POST /hello", "Content-Length: 3\r\n", body: "abc"),
            [405]),
        ServerCase("unknown, path known", request("BREW /hello"), [405]),
        ServerCase("unknown, path unknown", request("BREW /nothing"), [501]),
        ServerCase("another case", request("get /hello"), [405]),
        ServerCase("TRACE", request("TRACE /hello"), [405]),
        ServerCase(
            "CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET /hello HTTP/1.1\r\n\r\n",
            [501], .closes),
        ServerCase("CONNECT to a path", request("CONNECT /hello"), [400], .closes),
        ServerCase("PUT", request("PUT /thing", "Content-Length: 1\r\n", body: "x"), [200]),
        ServerCase("DELETE", request("DELETE /thing"), [204]),
    ]

    @Test("Request lines, targets, Host, fields, methods", arguments: wires)
    func messages(_ choice: Wire) throws {
        // If this failed, requests would be misread, or answered otherwise than RFC 9112 says.
        let server = try TestServer(choice)
        for group in [
            Self.requestLines, Self.targets, Self.hosts, Self.fields, Self.methods,
        ] {
            for item in group { item.run(on: server) }
        }
    }

    @Test("Allow names the methods, for OPTIONS and 405", arguments: wires)
    func allow(_ choice: Wire) throws {
        // If this failed, a client could not find out what it may do.
        let server = try TestServer(choice)
        let client = try server.connect()
        for line in ["OPTIONS /thing", "POST /thing", "BREW /thing"] {
            try client.send(request(line))
            let answer = try client.answer()
            let allowed = Set((answer["allow"] ?? "").split(separator: ",").map(\.trimmingBlanks))
            #expect(allowed == ["PUT", "DELETE", "OPTIONS"], "\(line)")
        }
        try client.send(request("OPTIONS *"))
        let answer = try client.answer()
        #expect(answer["allow"]?.contains("GET") == true)
    }

    @Test("HEAD has the fields of GET and no body", arguments: wires)
    func head(_ choice: Wire) throws {
        // If this failed, caches would learn something wrong from HEAD.
        let server = try TestServer(choice)
        let client = try server.connect()
        for path in ["/hello", "/task", "/sized/100", "/open/100", "/status/404", "/silent"] {
            try client.send(request("GET " + path))
            let get = try client.answer()
            try client.send(request("HEAD " + path))
            let head = try client.answer(isHead: true)
            #expect(get.status == head.status)
            let names = get.fields.map(\.name)
            #expect(names == head.fields.map(\.name), "\(path)")
            #expect(get["content-length"] == head["content-length"])
        }
        #expect(client.isQuiet(milliseconds: 20))
    }

    @Test("Some statuses have no body", arguments: wires)
    func noBody(_ choice: Wire) throws {
        // If this failed, the body of a 204 would be read as the next answer.
        let server = try TestServer(choice)
        let client = try server.connect()
        for path in ["/status/", "/direct/"] {
            for status in [200, 204, 205, 304, 404, 500, 599] {
                try client.send(request("GET \(path)\(status)"))
                let answer = try client.answer()
                #expect(answer.status == status)
                let hasBody = ![204, 205, 304].contains(status)
                #expect(text(answer.body) == (hasBody ? "a body" : ""))
                if status == 205 { #expect(answer["content-length"] == "0") }
            }
        }
        #expect(client.isQuiet(milliseconds: 20))
    }

    @Test("A HEAD request that is refused in pieces gets no body either", arguments: wires)
    func refusedHead(_ choice: Wire) throws {
        // If this failed, the body of a refusal would be read as the next answer.
        let server = try TestServer(choice)
        let whole = bytes("HEAD /hello HTTP/1.1\r\n\r\n")
        let item = ServerCase("no host", text(whole), [-400], .closes)
        for index in [6, 14, whole.count - 2] {
            item.run(on: server, in: [Array(whole[..<index]), Array(whole[index...])])
        }
    }

    @Test("HEAD of a large direct answer has no body", arguments: wires)
    func largeHead(_ choice: Wire) throws {
        // If this failed, the body would be read as the next answer.
        let server = try TestServer(choice)
        let client = try server.connect()
        for count in [1_024, 1_025, 20_000] {
            try client.send(request("HEAD /direct-whole/\(count)"))
            #expect(try client.answer(isHead: true)["content-length"] == "\(count)")
            try client.send(request("GET /hello"))
            #expect(try text(client.answer().body) == "Hello, World!")
        }
    }

    @Test("A stream of a status without a body is not framed", arguments: wires)
    func noStream(_ choice: Wire) throws {
        // If this failed, clients would wait for the chunks of a 204.
        var routes = try TestRoutes.all()
        try routes.get("/stream-status/:code(uint)") { request in
            .stream(status: Int(request.parameter("code") ?? "") ?? 200) {
                try await $0.write("body")
            }
        }
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        for status in [204, 205, 304] {
            try client.send(request("GET /stream-status/\(status)") + request("GET /hello"))
            let answer = try client.answer()
            #expect(answer.status == status && answer["transfer-encoding"] == nil)
            #expect(try text(client.answer().body) == "Hello, World!")
        }
    }

    @Test("Direct answers say their type, each its own", arguments: wires)
    func types(_ choice: Wire) throws {
        // If this failed, browsers would guess what they got, or take it for something else.
        var routes = try TestRoutes.all()
        try routes.get(
            "/json",
            direct: { _, response in
                response.contentType = "application/json"
                response.send("{}")
            })
        try routes.get(
            "/bare",
            direct: { _, response in
                response.contentType = nil
                response.send("?")
            })
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        let text = "text/plain; charset=utf-8"
        for (path, types) in [
            ("/hello", [text]), ("/json", ["application/json"]), ("/bare", []),
            ("/nothing", [text]),
            ("/direct/204", []), ("/direct/205", []), ("/direct/304", []), ("/direct/404", [text]),
        ] {
            // Twice: the second has the lines of the first.
            for _ in 0..<2 {
                try client.send(request("GET " + path))
                #expect(try client.answer().values("content-type") == types, "\(path)")
            }
        }
    }
}
