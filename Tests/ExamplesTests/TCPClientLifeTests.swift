// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import Testing

#if Examples
    @Suite("The TCP client's ends", .serialized)
    struct TCPClientLifeTests {
        @Test("Ctrl-C ends the wait for input", arguments: bothBackends)
        func interruptWhileReading(_ backend: String) throws {
            // If this failed, a client on a terminal could not be ended.
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address, ["--acks", "lines", "--outcomes", "-"], backend: backend,
                hasInput: true)
            try client.write("0\n1\n2 without an end")
            try client.wait("two outcomes") { client.outputText == "ok 0\nok 1\n" }
            client.signal(SIGINT)
            let ending = try client.end(seconds: 3)
            #expect(ending.status == 0)
            #expect(try OutcomeLines(ending.output, count: 2).ok.count == 2)
            #expect(peer.stop().lines.count == 2)
        }

        @Test("Ctrl-C delivers what was read, even what waits for room", arguments: bothBackends)
        func interruptBusy(_ backend: String) throws {
            // If this failed, every Ctrl-C during a large transfer would fail a message.
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "100000000", "--outcomes", "-", "--queue",
                    "2", "--shutdown-timeout", "1m",
                ], backend: backend)
            try client.wait("lines") { peer.lineCount > 1000 }
            client.signal(SIGINT)
            let ending = try client.end()
            let record = peer.stop()
            #expect(ending.status == 0, "\(ending.errorOutput)")
            let outcomes = try OutcomeLines(ending.output)
            #expect(outcomes.failed.isEmpty)
            checkHonesty(outcomes, record)
        }

        @Test("A stalled peer does not hold Ctrl-C up", arguments: bothBackends)
        func interruptStalled(_ backend: String) throws {
            // If this failed, the limit on draining would be none, or outcomes would be missing.
            let peer = try FaultyPeer(answers: false)
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "50000", "--outcomes", "-",
                    "--write-timeout", "1m", "--shutdown-timeout", "200ms",
                ], backend: backend)
            try client.wait("lines") { peer.lineCount > 1000 }
            client.signal(SIGTERM)
            let ending = try client.end()
            _ = peer.stop()
            #expect(ending.status == 130)
            #expect(ending.errorOutput.contains("stopping: delivers what was read, up to 200ms"))
            #expect(try OutcomeLines(ending.output).allFailed("closed"))
        }

        @Test("A second Ctrl-C ends at once", arguments: bothBackends)
        func secondInterrupt(_ backend: String) throws {
            // If this failed, an impatient user would have to kill the client.
            let peer = try FaultyPeer(answers: false)
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "50000", "--outcomes", "-",
                    "--write-timeout", "1m", "--shutdown-timeout", "1m",
                ], backend: backend)
            try client.wait("lines") { peer.lineCount > 1000 }
            client.signal(SIGINT)
            try client.wait("the drain") { client.errorText.contains("stopping") }
            client.signal(SIGINT)
            let ending = try client.end(seconds: 5)
            _ = peer.stop()
            #expect(ending.status == 130)
            #expect(try OutcomeLines(ending.output).allFailed("cancelled"))
        }

        @Test("Outcomes that nobody reads do not hold the second Ctrl-C up")
        func outcomesUnread() throws {
            // If this failed, a stopped reader of the outcomes would make the client unkillable.
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address,
                ["--acks", "lines", "--messages", "50000", "--outcomes", "-"],
                script: "mkfifo /tmp/millrace-unread-$$; sleep 20 < /tmp/millrace-unread-$$ & "
                    + "exec \"$@\" > /tmp/millrace-unread-$$")
            defer {
                // SAFETY: NUL-terminated for the call.
                _ = unsafe unlink("/tmp/millrace-unread-\(client.pid)")
            }
            try client.wait("all lines") { peer.lineCount >= 50000 }
            client.signal(SIGINT)
            try client.wait("the end's begin") { client.errorText.contains("stopping") }
            client.signal(SIGINT)
            let ending = try client.end(seconds: 8)
            _ = peer.stop()
            #expect(ending.status == 130)
            #expect(ending.errorOutput.contains("outcomes are not being read"))
        }

        @Test("A full disk is told", arguments: bothBackends)
        func fullDisk(_ backend: String) throws {
            // If this failed, missing outcomes would look like success.
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address,
                ["--acks", "lines", "--messages", "100000000", "--outcomes", "/dev/full"],
                backend: backend)
            let ending = try client.end()
            _ = peer.stop()
            #expect(ending.status == 1)
            #expect(ending.errorOutput.contains("/dev/full: No space left on device"))
        }

        @Test("Streams that are closed or end early kill nothing")
        func closedStreams() throws {
            // If this failed, '| head -1' would kill the client, or the summary would be sent to
            // the peer in place of a message.
            let scripts = [
                ("\"$@\" --outcomes - | head -1; exit 0", 0), ("exec \"$@\" >&-", 0),
                ("exec \"$@\" 2>&-", 0), ("exec \"$@\" >&- 2>&- <&-", 0),
                ("exec \"$@\" --outcomes - >&-", 1), ("exec \"$@\" >/dev/full", 0),
            ]
            for (script, status) in scripts {
                let peer = try FaultyPeer()
                let client = try startClient(
                    to: peer.address, ["--acks", "lines", "--messages", "2000"], script: script)
                let ending = try client.end()
                let record = peer.stop()
                #expect(ending.status == Int32(status), "\(script): \(ending.errorOutput)")
                let isClean = record.lines.allSatisfy { $0.count == 16 }
                #expect(isClean, "\(script): strange lines arrived")
            }
            let peer = try FaultyPeer()
            let ending = try startClient(to: peer.address, script: "exec \"$@\" <&-").end()
            _ = peer.stop()
            #expect(ending.status == 1)
            #expect(ending.errorOutput.contains("cannot read standard input"))
        }

        @Test("Few descriptors are told or lived with", arguments: Array(4...14))
        func fewDescriptors(_ limit: Int) throws {
            // If this failed, a full table would trap, or lose outcomes.
            let peer = try FaultyPeer()
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "3000", "--outcomes", "-",
                    "--max-reconnect-attempts", "1", "--backend", limit % 2 == 0 ? "epoll" : "auto",
                ], descriptorsMax: limit)
            let ending = try client.end()
            _ = peer.stop()
            #expect(ending.status == 0 || ending.status == 1, "\(ending.errorOutput)")
            if ending.status == 1 { #expect(ending.errorOutput.contains("example_tcp_client: ")) }
            _ = try OutcomeLines(ending.output)
        }

        @Test("Without io_uring it is epoll, or an error if io_uring was asked for")
        func noIOUring() throws {
            // If this failed, the client would not run in a container.
            let peer = try FaultyPeer()
            let script = "exec \"${1%/*}/DenyIOUring\" \"$@\""
            let arguments = ["--acks", "lines", "--messages", "100"]
            let fallback = try startClient(to: peer.address, arguments, script: script)
            let ending = try fallback.end()
            #expect(ending.status == 0, "\(ending.errorOutput)")
            #expect(ending.errorOutput.contains("epoll"))
            let asked = try startClient(
                to: peer.address, arguments, backend: "io_uring", script: script)
            let refusal = try asked.end()
            #expect(refusal.status == 1)
            #expect(refusal.errorOutput.contains("EPERM"))
            _ = peer.stop()
        }

        @Test("What cannot be read or found is told")
        func cannotStart() throws {
            // If this failed, the user would not know what to change.
            let peer = try FaultyPeer()
            let cases = [
                (
                    peer.address, ["--input", "/nonexistent"],
                    "cannot open /nonexistent: No such file"
                ),
                (peer.address, ["--input", "/tmp"], "cannot read /tmp: Is a directory"),
                (peer.address, ["--outcomes", "/nonexistent/o"], "cannot open /nonexistent/o"),
                ("nobody.invalid:4000", [], "cannot resolve nobody.invalid:4000"),
            ]
            for (address, arguments, text) in cases {
                let ending = try startClient(to: address, arguments).end()
                #expect(ending.status == 1)
                #expect(ending.errorOutput.contains(text), "\(ending.errorOutput)")
            }
            _ = peer.stop()
        }

        @Test(
            "Wrong usage exits with 2",
            arguments: [
                ["--to"], ["--to", "nonsense"], ["--to", "a:99999"], ["--unknown"], ["extra"],
                ["--connections", "0"], ["--connections", "x"], ["--queue", "0"],
                ["--connect-timeout", "0s"], ["--write-timeout", "5"], ["--write-timeout", "none"],
                ["--idle-timeout", "-1s"], ["--idle-timeout", "0ms"], ["--delivery", "maybe"],
                ["--acks", "bytes"], ["--backend", "kqueue"], ["--loops", "0"], ["--rate", "0"],
                ["--messages", "-1"], ["--messages", "1000", "--size", "4"], ["--size", "0"],
                ["--input", "-"], ["--to", "a:1", "--input", "-", "--messages", "1"],
                ["--to", "unix:/x", "--delivery", "acknowledged"],
                ["--max-reconnect-attempts", "-1"], ["--shutdown-timeout", "soon"],
            ])
        func wrongUsage(_ arguments: [String]) throws {
            // If this failed, a script could not tell a typing error from a failure.
            let ending = try Program("example_tcp_client", arguments).end()
            #expect(ending.status == 2)
            #expect(ending.output == "")
            #expect(ending.errorOutput.contains("Usage: example_tcp_client"))
        }

        @Test("The help text tells every option and its default")
        func help() throws {
            // If this failed, an option could only be found in the source.
            let ending = try Program("example_tcp_client", ["--help"]).end()
            #expect(ending.status == 0)
            #expect(ending.errorOutput == "")
            let text = ending.output.split { $0.isWhitespace }.joined(separator: " ")
            let defaults = [
                "--connections": "4", "--queue": "4096", "--max-reconnect-attempts": "10",
                "--connect-timeout": "5s", "--write-timeout": "5s", "--idle-timeout": "none",
                "--delivery": "written", "--acks": "none", "--backend": "auto", "--loops": "1",
                "--size": "16", "--shutdown-timeout": "5s",
            ]
            for (option, value) in defaults {
                let entry = text.range(of: " \(option) <").map { text[$0.upperBound...] } ?? ""
                let end = entry.range(of: " --")?.lowerBound ?? entry.endIndex
                #expect(entry[..<end].contains("default: \(value))"), "\(option)")
            }
            for option in ["--to", "--input", "--messages", "--rate", "--outcomes", "--quiet"] {
                #expect(text.contains(" \(option) "))
            }
        }
    }

    extension StringProtocol {
        /// Where a text first occurs.
        fileprivate func range(of text: String) -> Range<Index>? {
            var start = startIndex
            while start < endIndex {  // Ends with the text.
                if self[start...].hasPrefix(text) {
                    return start..<index(start, offsetBy: text.count)
                }
                start = index(after: start)
            }
            return nil
        }
    }
#endif
