// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import HTTP1Codec
import HTTPServing
import Networking
import Testing

@testable import HTTPClients

private let largeBytes = pattern(3_000_000)

private struct Fault: Error, Equatable {}

@Suite("The HTTP client and the package's own server", .serialized)
struct ServerTests {
    @Sendable private static func routes(_ routes: inout HTTPRoutes) throws {
        try routes.get("/hello", direct: { _, response in response.send("Hello, World!") })
        try routes.post("/echo") { request in
            .stream { writer in
                while let chunk = try await request.body.next() { try await writer.write(chunk) }
            }
        }
        try routes.on(
            "PUT", "/count",
            .task { request in
                var count = 0
                while let chunk = try await request.body.next() { count += chunk.count }
                let framing = request[.transferEncoding] ?? request[.contentLength] ?? "none"
                return .text("\(count) \(framing) \(request[.expect] ?? "-")")
            })
        try routes.get("/large") { _ in
            .stream(byteCount: 3_000_000) { writer in
                for start in stride(from: 0, to: 3_000_000, by: 100_000) {
                    try await writer.write(Array(largeBytes[start..<(start + 100_000)]))
                }
            }
        }
        try routes.get("/empty") { _ in ServerResponse(status: 204) }
        try routes.get("/fields") { request in
            .text("\(request[.host] ?? "-")|\(request[.userAgent] ?? "-")|\(request["x-a"] ?? "-")")
        }
        try routes.post("/refuse") { _ in .text("no", status: 403) }
        try routes.get("/slow") { _ in
            try await LoopTime.sleep(for: .milliseconds(300))
            return .text("slow")
        }
    }

    @Test("Requests share connections, and HEAD, 204 and 404 leave them sound", arguments: backends)
    func sharing(_ choice: BackendChoice) throws {
        // If this failed, each request would pay for a connection, or get the bytes of another.
        try withServer(choice, routes: Self.routes) { rig, server in
            for _ in 0..<20 { #expect(try await rig.get("/hello").text == "Hello, World!") }
            let head = try await rig.client.fetch(rig.request("/hello", "HEAD"), upTo: 0)
            #expect(head.status == 200 && head.bytes.isEmpty)
            #expect(head.fields[.contentLength] == "13")
            #expect(try await rig.get("/empty").status == 204)
            #expect(try await rig.get("/nothing").status == 404)
            #expect(try await rig.get("/hello").text == "Hello, World!")
            #expect(server.statistics.openConnections == 1)
        }
    }

    @Test("Many at once keep to the limit of connections, on each loop", arguments: backends)
    func crowd(_ choice: BackendChoice) throws {
        // If this failed, a client would open a connection for each request, or mix them up.
        let configuration = quick { $0.pool.connectionsPerOriginMax = 3 }
        try withServer(choice, loops: 2, configuration, routes: Self.routes) { rig, server in
            let count = try await withThrowingTaskGroup(of: Bool.self) { tasks in
                for number in 0..<100 {
                    tasks.addTask(executorPreference: rig.group.executors[number % 2]) {
                        var request = try rig.request("/fields")
                        request.fields.add("X-A", "\(number)")
                        let text = try await rig.client.fetch(request, upTo: 100).text
                        return text == "127.0.0.1:\(rig.port)|millrace|\(number)"
                    }
                }
                return try await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(count == 100)
            #expect(server.statistics.openConnections <= 6)
        }
    }

    @Test("Bodies of all kinds arrive whole", arguments: backends)
    func bodies(_ choice: BackendChoice) throws {
        // If this failed, uploads would be cut, doubled or framed so that a server misreads them.
        try withServer(choice, routes: Self.routes) { rig, _ in
            let large = pattern(1_500_000)
            for (body, answer) in [
                (ClientBody.none, "0 0 -"), (.bytes([]), "0 0 -"), (.text("abc"), "3 3 -"),
                (.bytes(large), "1500000 1500000 -"),
                (.stream(byteCount: 0) { _ in }, "0 0 -"), (.stream { _ in }, "0 chunked -"),
                (
                    .stream(byteCount: 6) {
                        try await $0.write([1, 2, 3]); try await $0.write([4, 5, 6])
                    }, "6 6 -"
                ),
                (.stream { for _ in 0..<10 { try await $0.write(large) } }, "15000000 chunked -"),
            ] {
                let request = try rig.request("/count", "PUT", body: body)
                #expect(try await rig.client.fetch(request, upTo: 100).text == answer)
            }
            let echo = try rig.request("/echo", "POST", body: .bytes(large))
            let isWhole = try await rig.client.fetch(echo, upTo: 1 << 22).bytes == large
            #expect(isWhole)
        }
    }

    @Test("Bytes flow both ways at once", arguments: backends)
    func duplex(_ choice: BackendChoice) throws {
        // If this failed, a client would send all before it reads, and both sides would wait.
        try withServer(choice, routes: Self.routes) { rig, _ in
            let (produced, received) = (PeerLog(), PeerLog())
            let body = ClientBody.stream { writer in
                for number in 0..<5 {
                    try await writer.write(Array("\(number)".utf8))
                    produced.connectionCount += 1
                    // The next one only when this one has come back.
                    _ = await until { received.connectionCount > number }
                }
            }
            let text = try await rig.client.send(try rig.request("/echo", "POST", body: body)) {
                response in
                var text = ""
                while let chunk = try await response.body.next() {
                    text += String(decoding: chunk, as: UTF8.self)
                    received.connectionCount += chunk.count
                }
                return text
            }
            #expect(text == "01234")
        }
    }

    @Test("A body waits for 100 Continue, and is not sent after a refusal", arguments: backends)
    func expectation(_ choice: BackendChoice) throws {
        // If this failed, a large body would be sent to who refuses it, or never to who takes it.
        try withServer(choice, routes: Self.routes) { rig, _ in
            var request = try rig.request("/count", "PUT", body: .bytes(pattern(100_000)))
            request.continueTimeout = .seconds(10)
            #expect(
                try await rig.client.fetch(request, upTo: 100).text == "100000 100000 100-continue")
            var refused = try rig.request("/refuse", "POST", body: .stream { _ in throw Fault() })
            refused.continueTimeout = .seconds(10)
            #expect(try await rig.client.fetch(refused, upTo: 100).status == 403)
        }
    }

    @Test("A large answer is taken as slowly as the reader reads", arguments: backends)
    func backpressure(_ choice: BackendChoice) throws {
        // If this failed, an answer would be held in memory, or arrive out of order.
        try withServer(choice, routes: Self.routes) { rig, server in
            let bytes = try await rig.client.send(try rig.request("/large")) { response in
                #expect(response.body.byteCount == 3_000_000)
                var bytes = try await response.body.next() ?? []
                try await LoopTime.sleep(for: .milliseconds(200))
                while let chunk = try await response.body.next() { bytes += chunk }
                return bytes
            }
            let isWhole = bytes == largeBytes
            #expect(isWhole)
            #expect(try await rig.get("/hello").status == 200)
            #expect(server.statistics.openConnections == 1)
        }
    }

    @Test("What is left of a body is drained if it is little, else the connection closes")
    func draining() throws {
        // If this failed, the next request would read the rest of this answer, or wait for all of
        // a large one.
        try withServer(.epoll, routes: Self.routes) { rig, server in
            let status = try await rig.client.send(try rig.request("/hello")) { $0.status }
            #expect(status == 200)
            #expect(try await rig.get("/hello").text == "Hello, World!")
            #expect(server.statistics.openConnections == 1)
            _ = try await rig.client.send(try rig.request("/large")) { $0.status }
            #expect(try await rig.get("/hello").text == "Hello, World!")
            #expect(await until { server.statistics.openConnections == 1 })
            #expect(server.statistics.acceptedConnections == 2)
        }
    }

    @Test(
        "What handlers and producers throw comes out, and the client goes on", arguments: backends)
    func faults(_ choice: BackendChoice) throws {
        // If this failed, an error would be hidden, or half a body would look whole.
        try withServer(choice, routes: Self.routes) { rig, _ in
            await #expect(throws: Fault.self) {
                try await rig.client.send(try rig.request("/hello")) { _ in throw Fault() }
            }
            let producers: [ClientBody] = [
                .stream { _ in throw Fault() },
                .stream(byteCount: 5) {
                    try await $0.write([1]); throw Fault()
                },
            ]
            for body in producers {
                await #expect(throws: Fault.self) {
                    try await rig.client.fetch(
                        try rig.request("/echo", "POST", body: body), upTo: 9)
                }
            }
            // An error like the client's own, of another request.
            let relay = ClientBody.stream { _ in throw HTTPClientError.disconnected(nil) }
            try await expectFailure(.disconnected(nil)) {
                var request = try rig.request("/echo", "POST", body: relay)
                request.timeout = .seconds(2)
                return try await rig.client.fetch(request, upTo: 9)
            }
            for body in [
                ClientBody.stream(byteCount: 5) { try await $0.write([1, 2]) },
                .stream(byteCount: 1) { try await $0.write([1, 2]) },
            ] {
                let error = try await failure {
                    try await rig.client.fetch(
                        try rig.request("/count", "PUT", body: body), upTo: 9)
                }
                #expect(error == .bodyLength)
            }
            #expect(try await rig.get("/hello").text == "Hello, World!")
        }
    }

    @Test("A kept body or writer answers nothing")
    func kept() throws {
        // If this failed, a body that somebody kept could read the answer of another request.
        try withServer(.epoll, routes: Self.routes) { rig, _ in
            let body = try await rig.client.send(try rig.request("/large")) { $0.body }
            try await expectFailure(.over) { try await body.next() }
        }
    }

    @Test("Requests that would not be one are refused before anything is sent")
    func badRequests() throws {
        // If this failed, a field's value could hold a second request.
        try withServer(.epoll, routes: Self.routes) { rig, server in
            let fields: [(String, String, HTTPClientError.RequestFault)] = [
                ("X", "a\r\nY: b", .field), ("X\r\nY", "a", .field), ("", "a", .field),
                ("X", "\u{0}", .field), ("host", "a", .ownField(name: "host")),
                ("Content-Length", "5", .ownField(name: "Content-Length")),
                ("transfer-encoding", "chunked", .ownField(name: "transfer-encoding")),
                ("Connection", "close", .ownField(name: "Connection")),
            ]
            for (name, value, fault) in fields {
                var request = try rig.request("/hello")
                request.fields.add(name, value)
                let sent = request
                let error = try await failure { try await rig.client.fetch(sent, upTo: 9) }
                #expect(error == .badRequest(fault), "\(name)")
            }
            for method in ["", "G ET", "GET\r\n", "CONNECT"] {
                let error = try await failure {
                    try await rig.client.fetch(try rig.request("/hello", method), upTo: 9)
                }
                #expect(error == .badRequest(.method), "\(method)")
            }
            let trace = try rig.request("/hello", "TRACE", body: .text("x"))
            try await expectFailure(.badRequest(.method)) {
                try await rig.client.fetch(trace, upTo: 9)
            }
            #expect(server.statistics.answers == 0)
        }
    }

    @Test(
        "A cancelled task ends at once, waiting for an answer or in the line", arguments: backends)
    func cancelling(_ choice: BackendChoice) throws {
        // If this failed, a task could not be ended, or would take a place in the line with it.
        let configuration = quick { $0.pool.connectionsPerOriginMax = 1 }
        try withServer(choice, configuration, routes: Self.routes) { rig, _ in
            try await withThrowingTaskGroup(of: HTTPClientError?.self) { tasks in
                for _ in 0..<3 {
                    tasks.addTask { try await failure { try await rig.get("/slow") } }
                }
                try await LoopTime.sleep(for: .milliseconds(50))
                tasks.cancelAll()
                while let error = try await tasks.next() { #expect(error == .cancelled) }
            }
            #expect(try await rig.get("/hello").text == "Hello, World!")
        }
    }

    @Test("A client that is closed ends what waits, and waits for what runs", arguments: backends)
    func closing(_ choice: BackendChoice) throws {
        // If this failed, connections would be left behind, or answers be cut off.
        let configuration = quick { $0.pool.connectionsPerOriginMax = 1 }
        try withServer(choice, configuration, routes: Self.routes) { rig, server in
            try await withThrowingTaskGroup(of: String.self) { tasks in
                tasks.addTask { try await rig.get("/slow").text }
                try await LoopTime.sleep(for: .milliseconds(50))
                tasks.addTask {
                    "\(try await failure { try await rig.get("/hello") } == .closed)"
                }
                try await LoopTime.sleep(for: .milliseconds(50))
                await rig.client.close()
                try await expectFailure(.closed) { try await rig.get("/hello") }
                var texts: Set<String> = []
                while let text = try await tasks.next() { texts.insert(text) }
                #expect(texts == ["slow", "true"])
            }
            #expect(await until { server.statistics.openConnections == 0 })
        }
    }

    #if Compression
        @Test("Compressed answers are decoded, and look like it", arguments: backends)
        func decoding(_ choice: BackendChoice) throws {
            // If this failed, a reader would get compressed bytes that it did not ask for.
            let text = String(repeating: "the same again and again, ", count: 20_000)
            try withServer(choice) { routes in
                routes.use(CompressionMiddleware().middleware)
                try routes.get("/text") { _ in .text(text) }
            } _: { rig, _ in
                let plain = try await rig.get("/text")
                let isDecoded = plain.text == text
                #expect(isDecoded)
                #expect(plain.fields[.contentEncoding] == "br")
                var request = try rig.request("/text")
                request.fields.add("Accept-Encoding", "gzip")
                let raw = try await rig.client.fetch(request, upTo: 1 << 20)
                #expect(raw.fields[.contentEncoding] == "gzip")
                #expect(raw.bytes.prefix(2) == [0x1F, 0x8B])
                let short = try await failure {
                    try await rig.client.fetch(try rig.request("/text"), upTo: 1000)
                }
                #expect(short == .bodyTooLong)
            }
        }
    #endif
}
