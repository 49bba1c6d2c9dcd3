// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    /// The server on one backend with so many loops.
    struct ServerKind: CustomTestStringConvertible, Sendable {
        let backend: String
        let loops: Int
        var testDescription: String { "\(backend), \(loops) loops" }
        var arguments: [String] { ["--backend", backend, "--loops", "\(loops)"] }

        static let all = [
            ServerKind(backend: "io_uring", loops: 1), ServerKind(backend: "epoll", loops: 1),
            ServerKind(backend: "io_uring", loops: 2), ServerKind(backend: "epoll", loops: 2),
        ]
    }

    /// Starts the server and waits until it listens; returns it with its address.
    func startServer(
        _ arguments: [String], descriptorsMax: Int? = nil
    ) throws -> (Program, String) {
        let server = try Program(
            "example_tcp_server", arguments, descriptorsMax: descriptorsMax)
        try server.wait("the address") { server.outputText.contains("\n") }
        let text = server.outputText
        try #require(text.hasPrefix("listening on ") && text.hasSuffix("\n"))
        return (server, String(text.dropFirst(13).dropLast()))
    }

    /// Ends the server by a signal; it must exit with 0 and have printed one line.
    @discardableResult
    func endServer(_ server: Program, by signal: Int32 = SIGINT) throws -> Program.Ending {
        server.signal(signal)
        let ending = try server.end()
        #expect(ending.status == 0)
        #expect(ending.output.filter { $0 == "\n" }.count == 1)
        return ending
    }

    @Suite("The TCP server", .serialized)
    struct TCPServerTests {
        @Test("An echo gives every byte back", arguments: ServerKind.all)
        func echo(_ kind: ServerKind) throws {
            // If this failed, bytes would be lost, changed, or out of order.
            let (server, address) = try startServer(kind.arguments)
            // The other output may be read first.
            let choice = "example_tcp_server: \(kind.backend): asked for"
            try server.wait("the choice") { server.errorText.contains(choice) }
            let clients = try (0..<4).map { _ in try Client(address) }
            for (number, client) in clients.enumerated() {
                let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
                for start in stride(from: 0, to: bytes.count, by: 100_000) {
                    let piece = Array(bytes[start..<(start + 100_000)])
                    try client.send(piece)
                    #expect(try client.receive(piece.count) == piece)
                }
                client.finishWriting()
                #expect(try client.receive() == [])
                client.close()
            }
            let ending = try endServer(server)
            #expect(ending.errorOutput.contains("4 connections, 1,200,000 bytes in"))
            #expect(ending.errorOutput.contains("1,200,000 bytes out"))
        }

        @Test("Lines are counted over all connections", arguments: ServerKind.all)
        func count(_ kind: ServerKind) throws {
            // If this failed, the totals would be wrong.
            let (server, address) = try startServer(kind.arguments + ["--count"])
            for text in ["one\ntwo\n", "three", "\n\n\r\nrest"] {
                let client = try Client(address)
                try client.send(text)
                client.finishWriting()
                #expect(try client.receive() == [])
            }
            let ending = try endServer(server, by: SIGTERM)
            #expect(ending.errorOutput.contains("3 connections, 21 bytes in, 0 bytes out, 5 lines"))
        }

        @Test("Each line is answered by its first word", arguments: ServerKind.all)
        func acks(_ kind: ServerKind) throws {
            // If this failed, a client would wait for ever, or take a message for another one.
            let (server, address) = try startServer(kind.arguments + ["--acks"])
            let lines = "one 1\n  two\t2\n\n   \nthree\r\n\r\nfour\rx\n\tfive   \nunfinished"
            let answers = "one\ntwo\n\n\nthree\n\nfour\nfive\n"
            let atOnce = try Client(address)
            try atOnce.send(lines)
            atOnce.finishWriting()
            #expect(try atOnce.receiveText() == answers)
            let byteByByte = try Client(address)
            for byte in lines.utf8 {
                try byteByByte.send([byte])
            }
            #expect(try byteByByte.receiveText(answers.utf8.count) == answers)
            #expect(byteByByte.isQuiet(milliseconds: 50))
            try byteByByte.send(" line\n")
            #expect(try byteByByte.receiveText(11) == "unfinished\n")
            byteByByte.close()
            try endServer(server)
        }

        @Test("Many lines are all answered in order")
        func manyAcks() throws {
            // If this failed, answers would be lost where reads end in the middle of a line.
            let (server, address) = try startServer(["--acks"])
            let client = try Client(address)
            var expected = ""
            for block in 0..<20 {
                var lines = ""
                for number in (block * 1000)..<((block + 1) * 1000) {
                    lines += "m\(number) with some text behind it\n"
                    expected += "m\(number)\n"
                }
                try client.send(lines)
            }
            client.finishWriting()
            #expect(try client.receiveText() == expected)
            let ending = try endServer(server)
            #expect(ending.errorOutput.contains("20,000 lines"))
        }

        @Test("A long line does not make memory grow")
        func longLine() throws {
            // If this failed, one client could take all memory.
            let (server, address) = try startServer(["--acks"])
            let client = try Client(address)
            let before = server.residentByteCount
            let block = [UInt8](repeating: UInt8(ascii: "w"), count: 1 << 20)
            for _ in 0..<24 { try client.send(block) }
            try client.send("\nnext line\n")
            let answer = try client.receive(65_537 + 5)
            #expect(answer.prefix(65_536).allSatisfy { $0 == UInt8(ascii: "w") })
            #expect(answer.suffix(6) == Array("\nnext\n".utf8)[...])
            #expect(server.residentByteCount - before < 16 << 20)
            client.close()
            try endServer(server)
        }
    }
#else
    @Suite("The larger examples without their trait")
    struct WithoutTraitTests {
        @Test(
            "They say how to build them",
            arguments: ["example_tcp_client", "example_tcp_server"])
        func explanation(_ name: String) throws {
            // If this failed, a newcomer would not learn why nothing runs.
            let ending = try Program(name).end()
            #expect(ending.status == 2)
            #expect(ending.errorOutput.contains("swift build --traits Examples"))
        }
    }
#endif
