// SPDX-License-Identifier: MIT

import AsyncRuntime

@testable import HTTPServing

/// The routes of the servers under test.
enum TestRoutes {
    struct Fault: Error {}

    static func all() throws -> HTTPRoutes {
        var routes = HTTPRoutes()
        try routes.get("/hello", direct: { _, response in response.send("Hello, World!") })
        try routes.get("/task") { _ in .text("from a task") }
        try routes.get("/silent", direct: { _, _ in })
        try routes.get(
            "/block/:milliseconds(uint)",
            direct: { request, response in
                // The loop stands still; meanwhile others' bytes come.
                TestServer.pause(milliseconds: Int32(request.parameter(0)) ?? 0)
                response.send("over")
            })
        try bodies(&routes)
        try streams(&routes)
        try faults(&routes)
        return routes
    }

    private static func bodies(_ routes: inout HTTPRoutes) throws {
        try routes.post("/echo") { request in
            ServerResponse(bytes: try await request.body.collect(upTo: 64 << 20))
        }
        try routes.post("/small") { request in
            ServerResponse(bytes: try await request.body.collect(upTo: 10))
        }
        try routes.post("/ignore") { _ in .text("ignored") }
        try routes.post("/count") { request in
            var count = 0
            while let chunk = try await request.body.next() { count += chunk.count }
            return .text("\(count)")
        }
        try routes.post("/one") { request in .text("\(try await request.body.next()?.count ?? 0)") }
        try routes.post("/beyond") { request in
            while try await request.body.next() != nil {}
            let more = try await request.body.next()
            let most = try await request.body.next()
            return .text(more == nil && most == nil ? "over" : "more")
        }
        try routes.post("/swallow") { request in
            let all = try? await request.body.collect(upTo: 1 << 20)
            let again = try? await request.body.next()
            return .text(all == nil && again == nil ? "broken" : "whole")
        }
        try routes.post("/late") { request in
            .stream { writer in
                try await writer.write("begun ")
                while let chunk = try await request.body.next() { try await writer.write(chunk) }
            }
        }
        try routes.get(
            "/direct-whole/:count(uint)",
            direct: { request, response in
                let body = pattern(0, Int(request.parameter(0)) ?? 0)
                response.send(body.span)
            })
        try routes.put("/thing") { _ in .text("put") }
        try routes.delete("/thing") { _ in ServerResponse(status: 204) }
    }

    private static func streams(_ routes: inout HTTPRoutes) throws {
        try routes.get("/sized/:count(uint)") { request in
            let count = Int(request.parameter("count") ?? "") ?? 0
            return .stream(byteCount: UInt64(count)) { try await write(count, to: $0) }
        }
        try routes.get("/open/:count(uint)") { request in
            let count = Int(request.parameter("count") ?? "") ?? 0
            return .stream { try await write(count, to: $0) }
        }
        try routes.get("/whole/:count(uint)") { request in
            let count = Int(request.parameter("count") ?? "") ?? 0
            return ServerResponse(bytes: pattern(0, count))
        }
        try routes.get("/sleep/:milliseconds(uint)") { request in
            let milliseconds = Int(request.parameter("milliseconds") ?? "") ?? 0
            try await LoopTime.sleep(for: .milliseconds(milliseconds))
            return .text("slept")
        }
        try routes.get("/status/:code(uint)") { request in
            let code = Int(request.parameter("code") ?? "") ?? 200
            return .text("a body", status: code)
        }
        try routes.get(
            "/direct/:code(uint)",
            direct: { request, response in
                response.status = Int(request.parameter(0)) ?? 200
                response.send("a body")
            })
    }

    /// Bytes of which each one says where it belongs. The pattern repeats after 65,536.
    static func pattern(_ start: Int, _ count: Int) -> [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(count)
        while all.count < count {  // Ends: every turn adds a byte or more.
            let place = (start + all.count) % 65_536
            all += patternTable[place..<min(65_536, place + count - all.count)]
        }
        return all
    }

    private static let patternTable = (0..<65_536).map {
        UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8)
    }

    private static func write(_ count: Int, to writer: ResponseWriter) async throws {
        var start = 0
        while start < count {  // Ends: every turn writes something.
            let size = min(40_000, count - start)
            try await writer.write(pattern(start, size))
            start += size
        }
    }

    private static func faults(_ routes: inout HTTPRoutes) throws {
        try routes.get("/throw") { _ in throw Fault() }
        try routes.get("/teapot") { _ in throw HTTPFailure(418, "short and stout") }
        try routes.get("/split") { _ in
            ServerResponse(bytes: [120]).adding("X-A", "a\r\nX-B: b\r\n\r\nHTTP/1.1 200 OK")
        }
        try routes.get("/split-name") { _ in
            ServerResponse(bytes: [120]).adding("X-A: a\r\nX-B", "b")
        }
        try routes.get(
            "/split-direct",
            direct: { _, response in
                response.add("X-A", "a\nX-B: b")
                response.send("x")
            })
        for name in ["Content-Length", "Transfer-Encoding", "connection", "Date"] {
            try routes.get("/own/" + name) { _ in ServerResponse(bytes: [120]).adding(name, "3") }
        }
        try routes.get("/huge-head") { _ in
            ServerResponse(bytes: bytes("a body")).adding(
                "X", String(repeating: "a", count: 40_000))
        }
        try routes.get("/half-chunks") { _ in
            .stream { writer in
                try await writer.write("half")
                try await writer.flush()
                throw Fault()
            }
        }
        try routes.get("/half-length") { _ in
            .stream(byteCount: 100) { writer in
                try await writer.write("half")
                throw Fault()
            }
        }
        try routes.get("/short") { _ in .stream(byteCount: 100) { try await $0.write("half") } }
        try routes.get("/long") { _ in
            .stream(byteCount: 10) { try await $0.write("much longer than ten") }
        }
    }
}
