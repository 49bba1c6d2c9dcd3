// SPDX-License-Identifier: MIT

import Networking
import AsyncRuntime
import AtomicSupport
import EventLoops
import Testing

@testable import HTTPServing

/// Clients that always do a little, and never enough.
@Suite("Server: slow clients")
struct ServerSlowClientTests {
    private static func milliseconds(_ body: () throws -> Void) rethrows -> UInt64 {
        let begin = MonotonicInstant.now
        try body()
        return (MonotonicInstant.now.nanoseconds - begin.nanoseconds) / 1_000_000
    }

    @Test("A body that drips: 408", arguments: backends)
    func body(_ choice: BackendChoice) throws {
        // If this failed, a byte just within the pause that is allowed would hold a connection for
        // as long as its body is long.
        let server = try TestServer(choice) {
            $0.bodyBytesPerSecondMin = 1_000
            $0.rateTimeout = .milliseconds(300)
        }
        for (fields, byte) in [
            ("Content-Length: 100000\r\n", "a"), ("Transfer-Encoding: chunked\r\n", "1\r\na\r\n"),
        ] {
            let client = try server.connect()
            try client.send(request("POST /echo", fields))
            let time = try Self.milliseconds {
                var count = 0
                while count < 150, client.isQuiet(milliseconds: 20) {
                    try client.send(byte)
                    count += 1
                }
                let answer = try client.answer()
                #expect(answer.status == 408 && answer.saysClose)
                try client.expectEnd(orReset: true)
            }
            #expect((250...2_000).contains(time), "\(time)")
        }
    }

    @Test("A body that keeps the rate is taken, however long it takes", arguments: backends)
    func steady(_ choice: BackendChoice) throws {
        // If this failed, large uploads over thin lines would never end.
        let server = try TestServer(choice) {
            $0.bodyBytesPerSecondMin = 1_000
            $0.rateTimeout = .milliseconds(300)
        }
        let client = try server.connect()
        try client.send(request("POST /count", "Content-Length: 10000\r\n"))
        for _ in 0..<50 {  // 200 bytes each 20 ms: a second in all.
            TestServer.pause(milliseconds: 20)
            try client.send([UInt8](repeating: 97, count: 200))
        }
        #expect(try text(client.answer().body) == "10000")
        // Nor is a handler's own slowness the client's.
        let patient = try TestServer(choice, routes: Self.slowReader()) {
            $0.bodyBytesPerSecondMin = 1_000_000
            $0.rateTimeout = .milliseconds(200)
        }
        let quick = try patient.connect()
        try quick.send(request("POST /slowly", "Content-Length: 200000\r\n"))
        try quick.send([UInt8](repeating: 97, count: 200_000))
        #expect(try text(quick.answer().body) == "200000")
    }

    /// A handler that takes its time between two reads.
    private static func slowReader() throws -> HTTPRoutes {
        var routes = HTTPRoutes()
        try routes.post("/slowly") { request in
            var count = 0
            while let chunk = try await request.body.next() {
                count += chunk.count
                if count < 100_000 { try await LoopTime.sleep(for: .milliseconds(50)) }
            }
            return .text("\(count)")
        }
        return routes
    }

    @Test("An answer that is taken in drops ends in a reset", arguments: backends)
    func answer(_ choice: BackendChoice) throws {
        // If this failed, a client that reads a little now and then would hold a handler, a file
        // and memory for ever.
        let folder = TemporaryFolder()
        folder.write("big", String(repeating: "0123456789abcdef", count: 2 << 20))
        var routes = try TestRoutes.all()
        try routes.files("/files", StaticFiles(folder.path))
        let server = try TestServer(choice, routes: routes) {
            $0.answerBytesPerSecondMin = 50_000_000
            $0.rateTimeout = .milliseconds(400)
        }
        // One whose system takes nothing for long, and one that takes something all the time.
        for (piece, buffer) in [(64, 4_096), (8_192, 65_536)] as [(Int, Int32)] {
            for path in [
                "/sized/99000000", "/whole/8000000", "/files/big", "/direct-whole/8000000",
            ] {
                let client = try server.connect(receiveBuffer: buffer)
                try client.send(request("GET " + path))
                let isBroken = try client.drip(piece, milliseconds: 10, atMost: 500)
                #expect(isBroken, "\(path) by \(piece)")
                #expect(
                    TestServer.wait { server.server.statistics.openConnections == 0 }, "\(path)")
            }
        }
    }

    @Test("A client that is slow and keeps the rate gets everything", arguments: backends)
    func download(_ choice: BackendChoice) throws {
        // If this failed, large downloads would be cut off.
        let server = try TestServer(choice) {
            $0.answerBytesPerSecondMin = 1_000
            $0.rateTimeout = .milliseconds(1_000)
            $0.writeTimeout = .milliseconds(500)
        }
        for path in ["/sized/8000000", "/whole/8000000", "/direct-whole/8000000"] {
            let client = try server.connect(receiveBuffer: 65_536)
            try client.send(request("GET " + path))
            // Much longer than both limits.
            for _ in 0..<100 {
                TestServer.pause(milliseconds: 20)
                try client.receiveSome(atMost: 16_384)
            }
            #expect(try client.answer().body.count == 8_000_000, "\(path)")
        }
    }

    @Test("Room for a little does not prolong the limit", arguments: backends)
    func littleRoom(_ choice: BackendChoice) throws {
        // If this failed, a client that reads a little now and then would hold memory for ever.
        let server = try TestServer(choice) {
            $0.answerBytesPerSecondMin = 50_000_000
            $0.rateTimeout = .milliseconds(400)
            // The kernel tells of room many times within the limit.
            $0.stream.sendBufferByteCount = 16_384
        }
        let client = try server.connect(receiveBuffer: 16_384)
        try client.send(request("GET /direct-whole/8000000"))
        #expect(try client.drip(4_096, milliseconds: 10, atMost: 300))
        #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
    }

    @Test("A pause shorter than the limits costs nothing", arguments: backends)
    func pause(_ choice: BackendChoice) throws {
        // If this failed, a client that hesitates once would lose its answer.
        let server = try TestServer(choice) { $0.writeTimeout = .seconds(3) }
        let client = try server.connect(receiveBuffer: 65_536)
        try client.send(request("GET /direct-whole/8000000"))
        #expect(!client.isQuiet(milliseconds: 5_000))
        // Behind the first look, which comes after one limit, and before the second.
        TestServer.pause(milliseconds: 4_200)
        #expect(try client.answer().body.count == 8_000_000)
    }

    @Test("What the client takes counts, not what the kernel does", arguments: backends)
    func seldomRoom(_ choice: BackendChoice) throws {
        // If this failed, a client that reads all the time would be reset as the kernel's buffer is
        // large.
        let server = try TestServer(choice) {
            $0.answerBytesPerSecondMin = 1_000
            $0.writeTimeout = .seconds(1)
            $0.stream.sendBufferByteCount = 1_000_000
        }
        for path in ["/direct-whole/8000000", "/sized/8000000"] {
            let client = try server.connect(receiveBuffer: 65_536)
            try client.send(request("GET " + path))
            for _ in 0..<200 {
                TestServer.pause(milliseconds: 20)
                try client.receiveSome(atMost: 4_096)
            }
            #expect(try client.answer().body.count == 8_000_000, "\(path)")
        }
    }

    @Test("The same over a Unix socket, which does not tell what has arrived", arguments: backends)
    func unix(_ choice: BackendChoice) throws {
        // If this failed, a proxy on the same machine would lose answers, or hold files for ever.
        let folder = TemporaryFolder()
        folder.write("big", String(repeating: "0123456789abcdef", count: 2 << 20))
        for isFast in [false, true] {
            let name = isFast ? "fast" : "slow"
            folder.forget(name)
            let address = try #require(SocketAddress.unix(path: "\(folder.path)/\(name)"))
            var routes = try TestRoutes.all()
            try routes.files("/files", StaticFiles(folder.path))
            let server = try TestServer(choice, on: address, routes: routes) {
                $0.answerBytesPerSecondMin = isFast ? 50_000_000 : 1_000
                $0.rateTimeout = isFast ? .milliseconds(400) : .seconds(1)
                $0.writeTimeout = isFast ? .seconds(30) : .milliseconds(500)
                $0.stream.sendBufferByteCount = 16_384
            }
            let client = try server.connect()
            if isFast {
                try client.send(request("GET /files/big"))
                #expect(try client.drip(8_192, milliseconds: 10, atMost: 300))
                #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
                continue
            }
            try client.send(request("GET /direct-whole/8000000"))
            for _ in 0..<100 {  // Much longer than both limits.
                TestServer.pause(milliseconds: 20)
                try client.receiveSome(atMost: 16_384)
            }
            #expect(try client.answer().body.count == 8_000_000)
        }
    }
}

@Suite("Rates")
struct RateAllowanceTests {
    @Test("Waiting is paid for with bytes")
    func allowance() {
        // If this failed, clients would be cut off too early, or held too long.
        var bucket = RateAllowance(bytesPerSecondMin: 1_000, nanosecondsMax: 5_000_000_000)
        #expect(bucket.isAmple && !bucket.isSpent)
        bucket.earn(1 << 40)
        #expect(bucket.nanoseconds == 5_000_000_000)
        bucket.spend(3_000_000_000)
        #expect(!bucket.isAmple && bucket.nanoseconds == 2_000_000_000)
        bucket.earn(500)
        #expect(bucket.nanoseconds == 2_500_000_000)
        bucket.spend(9_000_000_000)
        #expect(bucket.isSpent)
        bucket.earn(1)
        #expect(bucket.nanoseconds == 1_000_000)
        bucket.earn(.max)
        #expect(bucket.nanoseconds == 5_000_000_000)
        var without = RateAllowance(bytesPerSecondMin: 0, nanosecondsMax: 1)
        without.spend(.max)
        without.earn(5)
        #expect(without.nanoseconds == .max && !without.isSpent)
    }

    @Test("What is with the client is compared with the look before")
    func watch() {
        // If this failed, a client that has taken nothing would count as one that reads.
        var watch = SendWatch(RateAllowance(bytesPerSecondMin: 100, nanosecondsMax: 8_000_000_000))
        #expect(watch.patience(5_000_000_000) == 4_000_000_000)
        #expect(watch.patience(1_000_000_000) == 1_000_000_000)
        watch.spend(4_000_000_000)
        let first = watch.look(70_000)
        #expect(first && watch.patience(5_000_000_000) == 4_000_000_000)
        let second = watch.look(70_000)
        #expect(!second)
        let third = watch.look(70_100)
        #expect(third && watch.patience(.max) == 5_000_000_000)
    }
}
