// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import Testing

#if Examples
    @Suite("What the TCP client sends", .serialized)
    struct TCPClientInputTests {
        @Test("Every line arrives as it was read", arguments: bothBackends)
        func lines(_ backend: String) throws {
            // If this failed, bytes would be changed, or lines split, joined or dropped.
            let text: [UInt8] =
                Array("0 plain\n\n\r\n1 CRLF\r\n  2 indented\n3\tå€\n4 ".utf8)
                + [0, 1, 0xFF, 0xFE, 0x80, 0] + Array("\n\n5 without an end".utf8)
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address,
                ["--acks", "lines", "--outcomes", "-", "--input", "-", "--connections", "1"],
                backend: backend, hasInput: true)
            try client.write(text)
            client.closeInput()
            let ending = try client.end()
            let record = peer.stop()
            #expect(ending.status == 0)
            #expect(Array(record.lines.joined()) == text + [0x0A])
            let outcomes = try OutcomeLines(ending.output, count: 9)
            #expect(outcomes.ok.count == 9)
            #expect(outcomes.order == Array(0..<9))
        }

        @Test("A long line arrives whole", arguments: bothBackends)
        func longLine(_ backend: String) throws {
            // If this failed, a message larger than a buffer would be cut.
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address, ["--acks", "lines", "--outcomes", "-"], backend: backend,
                hasInput: true)
            try client.write("0 short\n1 ")
            try client.write([UInt8](repeating: 0x78, count: 3_000_000))
            try client.write("\n2 short\n")
            client.closeInput()
            let ending = try client.end()
            let record = peer.stop()
            #expect(ending.status == 0)
            #expect(try OutcomeLines(ending.output, count: 3).ok.count == 3)
            #expect(record.byteCount == 8 + 3_000_003 + 8)
        }

        @Test("Equal first words are told apart")
        func equalWords() throws {
            // If this failed, one answer would confirm several messages, or none.
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address, ["--acks", "lines", "--outcomes", "-", "--connections", "1"],
                hasInput: true)
            for number in 0..<300 { try client.write("same \(number)\n") }
            client.closeInput()
            let ending = try client.end()
            let record = peer.stop()
            let outcomes = try OutcomeLines(ending.output, count: 300)
            #expect(outcomes.ok.count == 300)
            #expect(outcomes.order == Array(0..<300))
            #expect(record.lines.count == 300)
        }

        @Test("Generated messages have their number and length")
        func generated() throws {
            // If this failed, a receiver could not count what it gets.
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address,
                ["--acks", "lines", "--messages", "1200", "--size", "6", "--connections", "1"])
            #expect(try client.end().status == 0)
            let record = peer.stop()
            let isEach = record.lines.enumerated().allSatisfy { number, line in
                line.count == 6 && String(decoding: line, as: UTF8.self).hasPrefix("\(number) ")
                    && line.last == 0x0A
            }
            #expect(isEach)
            #expect(record.lines.count == 1200)
        }

        @Test("Nothing to send is nothing wrong", arguments: [["--messages", "0"], []])
        func nothing(_ arguments: [String]) throws {
            // If this failed, a script could not send an empty file.
            let peer = try FaultyPeer()
            let ending = try startClient(to: peer.address, arguments).end()
            let record = peer.stop()
            #expect(ending.status == 0)
            #expect(ending.output.hasPrefix("messages: 0 read, 0 ok, 0 failed, 0 re-sent"))
            #expect(record.acceptInstants.isEmpty)
        }

        @Test("The rate is kept")
        func rate() throws {
            // If this failed, --rate would send all at once, or wait for ever.
            let peer = try FaultyPeer()
            let start = millrace_monotonic_nanoseconds()
            let client = try startClient(
                to: peer.address, ["--acks", "lines", "--messages", "101", "--rate", "200"])
            #expect(try client.end().status == 0)
            #expect(millrace_monotonic_nanoseconds() - start >= 500_000_000)
            _ = peer.stop()
        }

        @Test("Other ways to name the destination", arguments: bothBackends)
        func addresses(_ backend: String) throws {
            // If this failed, only IPv4 would be served.
            let path = "/tmp/millrace-client-\(getpid())-\(backend)"
            defer { unsafe unlink(path) }  // SAFETY: NUL-terminated for the call.
            for host in ["::1", "unix:\(path)", "127.0.0.1"] {
                let peer = try FaultyPeer(on: host)
                let isName = host == "127.0.0.1"
                let address = isName ? "localhost:\(peer.port)" : peer.address
                let client = try startClient(
                    to: address, ["--acks", "lines", "--messages", "500", "--outcomes", "-"],
                    backend: backend)
                let ending = try client.end()
                let record = peer.stop()
                #expect(ending.status == 0, "\(ending.errorOutput)")
                checkHonesty(try OutcomeLines(ending.output, count: 500), record)
            }
        }

        @Test("The demonstration loses nothing", arguments: bothBackends, [1, 2])
        func demonstration(_ backend: String, _ loops: Int) throws {
            // If this failed, the first thing a visitor sees would be a loss.
            let client = try Program(
                "example_tcp_client",
                ["--messages", "60000", "--backend", backend, "--loops", "\(loops)"])
            let ending = try client.end(seconds: 40)
            #expect(ending.status == 0, "\(ending.errorOutput)")
            #expect(ending.output.hasSuffix("\nmessages: 60000 sent, 60000 arrived, 0 lost\n"))
            let line = ending.output.split(separator: "\n").first { $0.contains("  faults ") }
            let counts = (line ?? "").split { !$0.isNumber }.compactMap { Int($0) }
            #expect(counts.count == 5 && counts.allSatisfy { $0 > 0 }, "\(line ?? "no faults")")
            #expect(ending.output.contains("  before ") && ending.output.contains("  after "))
        }
    }
#endif
