// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Networking
import Testing

@testable import HTTPServing

/// Many clients that send little: slow ones, and those beyond the limit of connections.
@Suite("Server: crowds")
struct ServerCrowdTests {
    @Test("A connection beyond the limit may send slowly too", arguments: wires)
    func shedDrip(_ choice: Wire) throws {
        // If this failed, a connection that gets a 503 would be told so only if its request came in
        // one piece, or would be kept open by single bytes.
        let server = try TestServer(choice) {
            $0.maxConnections = 16
            $0.headerTimeout = .milliseconds(1_500)
        }
        let first = try (0..<16).map { _ in try server.connect() }
        for client in first {
            try client.send(request("GET /hello"))
            #expect(try client.answer().status == 200)
        }
        let drip = try server.connect()
        for byte in bytes(request("GET /task")) { try drip.send([byte]) }
        let answer = try drip.answer()
        #expect(answer.status == 503 && answer.saysClose && answer["retry-after"] == "1")
        try drip.expectEnd()
        // HEAD has no body, and what cannot be read is refused for that.
        let head = try server.connect()
        try head.send(request("HEAD /task"))
        #expect(try head.answer(isHead: true).status == 503)
        try head.expectEnd()
        let broken = try server.connect()
        try broken.send("nonsense\r\n\r\n")
        #expect(try broken.answer().status == 400)
        try broken.expectEnd()
        // What is pipelined behind it is not answered.
        let twice = try server.connect()
        try twice.send(request("GET /hello") + request("GET /hello"))
        #expect(try twice.answer().status == 503)
        try twice.expectEnd()
        // Half a head beyond the limit is given up as any other.
        let half = try server.connect()
        try half.send("GET /hello HTTP/1.1\r\n")
        let late = try half.answer()
        #expect(late.status == 408 && late.saysClose)
        try half.expectEnd()
        for client in first {
            try client.send(request("GET /hello"))
            #expect(try client.answer().status == 200)
        }
    }

    @Test("Slow heads are given up, and those beside them are served", arguments: backends)
    func slowHeads(_ choice: BackendChoice) throws {
        // If this failed, a hundred clients that send a byte now and then would keep all places
        // for themselves (Slowloris).
        let server = try TestServer(choice) {
            $0.maxConnections = 110
            $0.headerTimeout = .milliseconds(1_500)
        }
        let good = try server.connect()
        try good.send(request("GET /hello"))
        #expect(try good.answer().status == 200)
        let firstEnd = MonotonicInstant.now.advanced(by: .milliseconds(1_500))
        let slow = try (0..<100).map { _ in
            let client = try server.connect()
            try client.send("GET /hello HTTP/1.1\r\nHost: x\r\nX-A: ")
            return client
        }
        let begin = MonotonicInstant.now
        var turns = 0
        while slow.contains(where: { $0.isQuiet(milliseconds: 0) }) {  // Ends with the limit.
            let isWhole = slow.allSatisfy { $0.isQuiet(milliseconds: 0) }
            if .now < firstEnd { #expect(isWhole, "they had not their time") }
            for client in slow where client.isQuiet(milliseconds: 0) { try? client.send("a") }
            try good.send(request(turns % 2 == 0 ? "GET /hello" : "GET /task"))
            #expect(try good.answer().status == 200)
            turns += 1
            TestServer.pause(milliseconds: 10)
            guard MonotonicInstant.now < begin.advanced(by: .seconds(8)) else { break }
        }
        #expect(turns > 0)
        for client in slow {
            #expect(try client.answer().status == 408)
            try client.expectEnd(orReset: true)
        }
        #expect(TestServer.wait { server.server.statistics.openConnections == 1 })
        #expect(try ServerConnectionTests.hello(server))
    }

    @Test("A flood of half heads up to the limit and past it", arguments: backends)
    func halfHeads(_ choice: BackendChoice) throws {
        // If this failed, a flood would take the connections of those who were there before it, or
        // leave its own behind.
        let server = try TestServer(choice, loops: 2) {
            $0.maxConnections = 100
            $0.headerTimeout = .milliseconds(1_500)
        }
        let good = try (0..<10).map { _ in try server.connect() }
        defer { withExtendedLifetime(good) {} }
        for client in good {
            try client.send(request("GET /hello"))
            #expect(try client.answer().status == 200)
        }
        let halves = try (0..<200).map { _ in try server.connect() }
        for client in halves { try? client.send("GET /hello HTTP/1.1\r\nHost: ") }
        // The limit, a quarter more, and one: beyond that, connections are closed at once.
        #expect(TestServer.wait { server.server.statistics.refusedConnections == 110 })
        #expect(server.server.statistics.openConnections <= 126)
        for client in good {
            try client.send(request("GET /task"))
            #expect(try client.answer().status == 200)
        }
        var late = 0
        for client in halves {
            if (try? client.answer().status) == 408 { late += 1 }
        }
        #expect(late == 116)
        #expect(TestServer.wait { server.server.statistics.openConnections == 10 })
        #expect(try ServerConnectionTests.hello(server))
    }

    @Test("Readers who are slow get their answers, and hold no others up", arguments: backends)
    func slowReaders(_ choice: BackendChoice) throws {
        // If this failed, slow readers would be reset as dead ones, or would make others wait.
        let server = try TestServer(choice) {
            $0.writeTimeout = .seconds(1)
            // The kernel tells of room when a third of it is free.
            $0.stream.sendBufferByteCount = 16_384
        }
        let slow = try (0..<4).map { _ in try server.connect(receiveBuffer: 4_096) }
        for client in slow { try client.send(request("GET /sized/2000000")) }
        let good = try server.connect()
        for _ in 0..<75 {
            try good.send(request("GET /hello"))
            #expect(try good.answer().status == 200)
            for client in slow { try client.receiveSome(atMost: 2_000) }
            TestServer.pause(milliseconds: 40)
        }
        for client in slow { #expect(try client.answer().body.count == 2_000_000) }
    }
}
