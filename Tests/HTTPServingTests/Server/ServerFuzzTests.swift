// SPDX-License-Identifier: MIT

import EventLoops
import HTTP1Codec
import StressSupport
import Testing

@testable import HTTPServing

@Suite("Server: bytes of all kinds")
struct ServerFuzzTests {
    private static let seeds = [
        request("GET /hello"), request("GET /task"), request("HEAD /open/9"),
        request("POST /echo", "Content-Length: 5\r\n", body: "hello"),
        request(
            "POST /late", "Transfer-Encoding: chunked\r\n", body: "3\r\nabc\r\n0\r\nT: u\r\n\r\n"),
        request(
            "POST /ignore", "Transfer-Encoding: chunked\r\n", body: "3;a=b\r\nabc\r\n0\r\n\r\n"),
        request("POST /echo", "Content-Length: 3\r\nExpect: 100-continue\r\n", body: "abc"),
        request("OPTIONS *"), "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        request("GET /half-chunks"), request("PUT /hello", "Content-Length: 70000\r\n", body: "a"),
        request("GET http://x/task?y", "Connection: close\r\n"), "CONNECT a:1 HTTP/1.1\r\n\r\n",
    ]

    private static let pieces = [
        "\r\n", "\n", "\r", " ", ":", "\t", "0", "ffffffffffffffff", "\r\n\r\n", "HTTP/1.1",
        "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "%00", "\u{0}", "Host: y\r\n",
        "Expect: 100-continue\r\n", "Connection: close\r\n",
        "GET /task HTTP/1.1\r\nHost: x\r\n\r\n",
    ]

    /// A few requests, with faults or without.
    private static func input(_ random: inout SplitMix64) -> [UInt8] {
        var all: [UInt8] = []
        for _ in 0...random.below(4) { all += bytes(seeds[random.below(seeds.count)]) }
        for _ in 0..<random.below(4) {
            let index = random.below(all.count)
            switch random.below(5) {
            case 0: all[index] = UInt8(truncatingIfNeeded: random.next())
            case 1: all.insert(contentsOf: bytes(pieces[random.below(pieces.count)]), at: index)
            case 2: all.removeSubrange(index..<min(all.count, index + 1 + random.below(8)))
            case 3: all = Array(all[..<max(1, index)])
            default:
                all += (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            }
            if all.isEmpty { all = [71] }
        }
        return all
    }

    private static func play(_ server: TestServer, _ random: inout SplitMix64) throws {
        let input = Self.input(&random)
        let client = try server.connect()
        var start = 0
        do {
            while start < input.count {  // Ends: every turn sends a byte or more.
                let size = random.below(3) == 0 ? 1 + random.below(8) : 1 + random.below(2_000)
                let end = min(input.count, start + size)
                try client.send(Array(input[start..<end]))
                start = end
                if random.below(8) == 0 { _ = client.isQuiet(milliseconds: 1) }
            }
            switch random.below(4) {
            case 0: client.reset()
            case 1: client.close()
            default:
                client.finishWriting()
                _ = try client.receiveAll()
            }
        } catch let failure as RawClient.Failure {
            // The server may end the connection at any time, but not be silent.
            #expect(!failure.description.hasPrefix("nothing came"), "\(input)")
        }
    }

    private static func run(_ choice: BackendChoice, _ seed: UInt64, rounds: Int) throws {
        let server = try TestServer(choice, loops: 2) {
            $0.headerTimeout = .milliseconds(300)
            $0.bodyTimeout = .milliseconds(300)
            $0.lingerTimeout = .milliseconds(50)
            $0.limits.bodyByteCountMax = 100_000
        }
        var random = SplitMix64(seed: seed)
        for _ in 0..<rounds { try play(server, &random) }
        #expect(try ServerConnectionTests.hello(server))
        #expect(
            TestServer.wait { server.server.statistics.openConnections <= 1 }, "seed \(seed)")
    }

    @Test("Mutated requests, garbage, random pieces, random ends", arguments: backends)
    func mutations(_ choice: BackendChoice) throws {
        // If this failed, some bytes would trap the server, or leave a connection hanging.
        try Self.run(choice, 42, rounds: 1_000)
        let seed = UInt64.random(in: .min ... .max)
        print("server fuzz, \(choice): seed \(seed)")
        try Self.run(choice, seed, rounds: 500)
    }
}

extension SplitMix64 {
    /// A number from zero to below a limit; zero for none.
    fileprivate mutating func below(_ limit: Int) -> Int {
        limit <= 0 ? 0 : Int(next() % UInt64(limit))
    }
}
