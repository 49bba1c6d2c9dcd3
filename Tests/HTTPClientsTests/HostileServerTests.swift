// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import HTTP1Codec
import Networking
import Testing

@testable import HTTPClients

@Suite("The HTTP client and servers that misbehave", .serialized)
struct HostileServerTests {
    /// A server that sends a text to each request, and closes.
    private func play(
        _ choice: BackendChoice, _ text: String, _ configuration: HTTPClientConfiguration = quick(),
        _ body: @escaping @Sendable (Rig) async throws -> Void
    ) throws {
        try withPeer(choice, configuration) { peer in
            while await peer.head() != nil {
                await peer.send(text)
                return
            }
        } _: { rig in
            try await body(rig)
        }
    }

    @Test("Malformed and cut answers are errors, never answers", arguments: backends)
    func malformed(_ choice: BackendChoice) throws {
        // If this failed, half a download would look whole, or a proxy's smuggled answer be taken.
        let cases: [(String, HTTPClientError)] = [
            ("", .disconnected(nil)),
            ("HTTP/1.1 200", .malformed(.truncated)),
            ("HTTP/1.1 200 OK\r\nA: b\r\n", .malformed(.truncated)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", .malformed(.truncated)),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                .malformed(.truncated)
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
                .malformed(.truncated)
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                .malformed(.badChunkSize)
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
                .malformed(.badChunkEnd)
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                .malformed(.lengthAndEncoding)
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
                .malformed(.repeatedContentLength)
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", .malformed(.badContentLength)),
            ("HTTP/2.0 200 OK\r\n\r\n", .malformed(.unsupportedVersion)),
            ("SSH-2.0-OpenSSH\r\n", .malformed(.badVersion)),
            ("HTTP/1.1 20 OK\r\n\r\n", .malformed(.badStatusLine)),
            ("HTTP/1.1 200 OK\nA: b\n\n", .malformed(.bareLineFeed)),
            ("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", .unexpectedUpgrade),
            (
                "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 20_000) + "\r\n\r\n",
                .malformed(.fieldTooLong)
            ),
            (
                "HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 200) + "\r\n",
                .malformed(.tooManyFields)
            ),
            (
                String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 17),
                .tooManyInterimResponses
            ),
        ]
        for (text, expected) in cases {
            try play(choice, text) { rig in
                try await expectFailure(expected, "\(text.prefix(80))") { try await rig.get() }
            }
        }
    }

    @Test("Right answers of every framing are read, whole or byte by byte", arguments: backends)
    func framings(_ choice: BackendChoice) throws {
        // If this failed, an answer would be read differently when the network cuts it.
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5;x=\"y\"\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Sum: 7\r\nX-B: c\r\n\r\n"
        let cases = [
            "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", chunked,
            "HTTP/1.0 200 OK\r\n\r\nhello world",
            "HTTP/1.1 200\r\nConnection: close\r\n\r\nhello world",
            "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Go\r\n\r\n" + chunked,
        ]
        for text in cases {
            for isSlow in [false, true] {
                let bytes = Array(text.utf8)
                try withPeer(choice) { peer in
                    guard await peer.head() != nil else { return }
                    guard isSlow else { return await peer.send(text) }
                    for byte in bytes {
                        try? await peer.stream.write([byte])
                        await LoopExecutor.pauseBriefly()
                    }
                } _: { rig in
                    let answer = try await rig.get()
                    #expect(answer.text == "hello world")
                    let hasTrailers = text.contains("X-Sum")
                    #expect(answer.trailers?["x-sum"] == (hasTrailers ? "7" : nil))
                    #expect(answer.trailers?.count == (hasTrailers ? 2 : nil))
                }
            }
        }
    }

    @Test("A connection with bytes behind its answer is not used again", arguments: backends)
    func extraBytes(_ choice: BackendChoice) throws {
        // If this failed, what a server sends unasked would answer somebody's next request.
        for tail in ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "x"] {
            for pause in [0, 20] {
                try withPeer(choice) { peer in
                    while await peer.head() != nil {
                        if pause == 0 {
                            await peer.send(
                                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + tail)
                        } else {
                            await peer.answer()
                            await peer.pause(pause)
                            await peer.send(tail)
                        }
                    }
                } _: { rig in
                    for _ in 0..<3 {
                        #expect(try await rig.get().text == "ok")
                        try await LoopTime.sleep(for: .milliseconds(pause * 2))
                    }
                    #expect(rig.log.connectionCount == 3)
                }
            }
        }
    }

    @Test("Resets before, in and behind a head are errors", arguments: backends)
    func resets(_ choice: BackendChoice) throws {
        // If this failed, a reset would look like an end.
        for text in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\n\r\nuntil the end"] {
            try withPeer(choice) { peer in
                guard await peer.head() != nil else { return }
                await peer.send(text)
                await peer.pause(20)
                peer.stream.reset()
            } _: { rig in
                guard case .disconnected(let reason?) = try await failure({ try await rig.get() })
                else {
                    Issue.record("a reset after '\(text)'")
                    return
                }
                #expect("\(reason)".contains("ECONNRESET"))
            }
        }
    }

    @Test("Slow drips end at the time of the whole request", arguments: backends)
    func drips(_ choice: BackendChoice) throws {
        // If this failed, a server that sends a byte now and then would hold a request for ever.
        let configuration = quick { $0.requestTimeout = .milliseconds(200) }
        for start in ["", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"] {
            try withPeer(choice, configuration) { peer in
                guard await peer.head() != nil else { return }
                await peer.send(start)
                for byte in "HTTP/1.1 200 OK, and so on, and so on, and so on".utf8 {
                    try? await peer.stream.write([byte])
                    await peer.pause(20)
                }
            } _: { rig in
                try await expectFailure(.timedOut(.request)) { try await rig.get() }
            }
        }
    }

    @Test("Silence ends at the idle limit, in the head, the body and while sending")
    func silence() throws {
        // If this failed, a dead server would be waited for until the end of the whole request.
        let configuration = quick { $0.idleTimeout = .milliseconds(100) }
        for text in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"] {
            try withPeer(.epoll, configuration) { peer in
                guard await peer.head() != nil else { return }
                await peer.send(text)
                await peer.untilEnd()
            } _: { rig in
                try await expectFailure(.timedOut(.idle)) { try await rig.get() }
            }
        }
        try withPeer(.epoll, configuration) { peer in
            await peer.stall()
        } _: { rig in
            let body = ClientBody.bytes([UInt8](repeating: 1, count: 20_000_000))
            let request = try rig.request("/", "PUT", body: body)
            try await expectFailure(.timedOut(.idle)) {
                try await rig.client.fetch(request, upTo: 1)
            }
        }
    }

    @Test("A long upload does not count as silence", arguments: backends)
    func longUpload(_ choice: BackendChoice) throws {
        // If this failed, who uploads for longer than the idle limit would be cut off.
        let configuration = quick { $0.idleTimeout = .milliseconds(150) }
        try withPeer(choice, configuration) { peer in
            guard let (_, rest) = await peer.head() else { return }
            _ = await peer.body(rest, 10)
            await peer.answer()
        } _: { rig in
            let body = ClientBody.stream(byteCount: 10) { writer in
                for _ in 0..<10 {
                    try await writer.write([1])
                    try await LoopTime.sleep(for: .milliseconds(50))
                }
            }
            let request = try rig.request("/", "PUT", body: body)
            #expect(try await rig.client.fetch(request, upTo: 9).text == "ok")
        }
    }

    @Test("An early refusal stops the upload, and is the answer", arguments: backends)
    func earlyRefusal(_ choice: BackendChoice) throws {
        // If this failed, gigabytes would be sent to a server that has said no.
        try withPeer(choice) { peer in
            guard await peer.head() != nil else { return }
            await peer.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
            await peer.stall()
        } _: { rig in
            for body in [
                ClientBody.bytes([UInt8](repeating: 1, count: 50_000_000)),
                .stream { while true { try await $0.write([UInt8](repeating: 1, count: 65_536)) } },
                .stream { _ in try await LoopTime.sleep(for: .seconds(30)) },
            ] {
                let request = try rig.request("/", "PUT", body: body)
                let answer = try await rig.client.fetch(request, upTo: 9)
                #expect(answer.status == 413 && answer.text == "no")
            }
            #expect(rig.log.connectionCount == 3)
            // At once, and not only when the answer has been read.
            let produced = PeerLog()
            let body = ClientBody.stream { _ in
                defer { produced.endCount += 1 }
                try await LoopTime.sleep(for: .seconds(30))
            }
            let isStopped = try await rig.client.send(try rig.request("/", "PUT", body: body)) {
                _ in await until { produced.endCount == 1 }
            }
            #expect(isStopped)
        }
    }

    @Test("An invitation and the answer's head may come at once", arguments: backends)
    func invitation(_ choice: BackendChoice) throws {
        // If this failed, a body would not be sent to a server that has begun to answer.
        try withPeer(choice) { peer in
            guard await peer.head() != nil else { return }
            await peer.send(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
            guard let body = await peer.body([], 3) else { return }
            try? await peer.stream.write(body)
            await peer.untilEnd()
        } _: { rig in
            var request = try rig.request("/", "PUT", body: .text("abc"))
            request.continueTimeout = .seconds(5)
            #expect(try await rig.client.fetch(request, upTo: 9).text == "abc")
        }
    }

    @Test("A protocol that was asked for takes the connection over", arguments: backends)
    func upgrade(_ choice: BackendChoice) throws {
        // If this failed, no other protocol could be spoken, or its first bytes would be lost.
        try withPeer(choice) { peer in
            guard let (head, _) = await peer.head() else { return }
            #expect(head.contains("\r\nConnection: upgrade\r\nUpgrade: shout\r\n"))
            await peer.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: Shout\r\n\r\nHEL")
            await peer.send("LO")
            _ = await peer.body([], 3)
        } _: { rig in
            var request = try rig.request()
            request.upgrade = "shout"
            let text = try await rig.client.send(request) { response in
                #expect(response.status == 101)
                guard let stream = response.upgraded else { return "none" }
                try await stream.write(Array("bye".utf8))
                var bytes: [UInt8] = []
                while bytes.count < 5 {
                    let more = try await stream.read(atMost: 100)
                    if more.isEmpty { break }
                    bytes += more
                }
                return String(decoding: bytes, as: UTF8.self)
            }
            #expect(text == "HELLO")
        }
    }

    @Test("Broken codings are errors", arguments: backends)
    func brokenCodings(_ choice: BackendChoice) throws {
        // If this failed, a cut or wrong compressed body would look whole.
        #if Compression
            // "hello" in gzip.
            let whole: [UInt8] = [
                0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0,
                0x86, 0xA6, 0x10, 0x36, 0x05, 0, 0, 0,
            ]
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n\r\n"
            for (bytes, text) in [
                (whole, "hello"), (whole + whole, "hellohello"), (Array(whole.dropLast(3)), nil),
                (whole + [1, 2, 3], nil), (Array("plain".utf8), nil), ([], ""),
            ] as [([UInt8], String?)] {
                try withPeer(choice) { peer in
                    guard await peer.head() != nil else { return }
                    await peer.send(head)
                    try? await peer.stream.write(bytes)
                } _: { rig in
                    if let text {
                        #expect(try await rig.get().text == text)
                    } else {
                        try await expectFailure(.badCoding) { try await rig.get() }
                    }
                }
            }
        #endif
    }
}

extension LoopExecutor {
    /// Lets what was sent arrive by itself.
    static func pauseBriefly() async { try? await LoopTime.sleep(for: .microseconds(100)) }
}
