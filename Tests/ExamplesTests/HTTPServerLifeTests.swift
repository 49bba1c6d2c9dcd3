// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    @Suite("The HTTP server's beginning and end", .serialized)
    struct HTTPServerLifeTests {
        /// "http://127.0.0.1:1234/" as `Client` takes it.
        private func address(_ link: String) -> String { String(link.dropFirst(7).dropLast()) }

        private static let hello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
        private static let upload =
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"

        @Test("Ctrl-C lets what runs end", arguments: ServerKind.all)
        func drain(_ kind: ServerKind) throws {
            // If this failed, a restart would cut off requests, or wait for idle clients.
            let (server, link) = try startHTTPServer(
                kind.arguments + ["--shutdown-timeout", "30s"])
            let idle = try Client(address(link))
            try idle.send(Self.hello)
            #expect(try idle.receiveText(15) == "HTTP/1.1 200 OK")
            let busy = try Client(address(link))
            try busy.send(Self.upload)
            #expect(busy.isQuiet(milliseconds: 100))
            server.signal(SIGINT)
            try server.wait("the drain") { server.errorText.contains("2 connections open") }
            #expect(try idle.receiveText().hasSuffix("Hello, World!"))
            #expect(waitBriefly(seconds: 5) { (try? Client(address(link))) == nil })
            try busy.send("def")
            let answer = try busy.receiveText()
            #expect(answer.hasSuffix("abcdef") && answer.contains("Connection: close\r\n"))
            busy.close()
            #expect(try server.end().status == 0)
        }

        @Test("What stays is cut off at the deadline", arguments: ServerKind.all)
        func deadline(_ kind: ServerKind) throws {
            // If this failed, one slow client would keep the server from ending.
            let (server, link) = try startHTTPServer(
                kind.arguments + ["--shutdown-timeout", "200ms"])
            let client = try Client(address(link))
            try client.send(Self.upload)
            #expect(client.isQuiet(milliseconds: 50))
            try endServer(server, by: SIGTERM)
        }

        @Test("A second Ctrl-C ends at once", arguments: ServerKind.all)
        func secondSignal(_ kind: ServerKind) throws {
            // If this failed, an impatient user would have to kill the server.
            let (server, link) = try startHTTPServer(kind.arguments + ["--shutdown-timeout", "1m"])
            let client = try Client(address(link))
            try client.send(Self.upload)
            #expect(client.isQuiet(milliseconds: 50))
            server.signal(SIGINT)
            try server.wait("the drain") { server.errorText.contains("Ctrl-C again") }
            let ending = try endServer(server)
            #expect(ending.errorOutput.contains("ended at once"))
        }

        @Test("A Unix socket serves and is removed", arguments: ServerKind.all)
        func unixSocket(_ kind: ServerKind) throws {
            // If this failed, the server could not be started twice on one path.
            let path = "/tmp/millrace-http-\(getpid())-\(kind.backend)-\(kind.loops)"
            unsafe unlink(path)  // SAFETY: NUL-terminated for the call.
            let listen = kind.arguments + ["--listen", "unix:\(path)"]
            let (server, link) = try startHTTPServer(listen)
            #expect(link == "unix:\(path)")
            let answer = try curl(["--unix-socket", path, "http://x/hello"])
            #expect(answer.output == "Hello, World!")
            let second = try Program("example_http_server", listen).end()
            #expect(second.status == 1)
            #expect(second.errorOutput.contains("Address already in use (EADDRINUSE)"))
            try endServer(server)
            #expect(unsafe access(path, F_OK) != 0)  // SAFETY: as above.
        }

        @Test("A busy port is told", arguments: ServerKind.all)
        func busyPort(_ kind: ServerKind) throws {
            // If this failed, two servers would share a port, or one would die without a word.
            let (server, link) = try startHTTPServer(kind.arguments)
            let second = try Program(
                "example_http_server", kind.arguments + ["--listen", address(link)]
            ).end()
            #expect(second.status == 1)
            #expect(second.output == "")
            #expect(
                second.errorOutput
                    == "example_http_server: cannot listen on \(address(link)):"
                    + " Address already in use (EADDRINUSE)\n")
            try endServer(server)
        }

        @Test(
            "What cannot be served is told",
            arguments: [
                (["--root", "/nonexistent"], "cannot serve '/nonexistent'"),
                (["--root", "/etc/passwd"], "cannot serve '/etc/passwd'"),
                (["--listen", "192.0.2.1:4000"], "(EADDRNOTAVAIL)"),
                (["--listen", "nobody.invalid:4000"], "cannot listen on"),
                (["--listen", "unix:/nonexistent/socket"], "(ENOENT)"),
            ])
        func cannotStart(_ arguments: [String], _ reason: String) throws {
            // If this failed, the user would not know what to change.
            let ending = try Program("example_http_server", arguments).end()
            #expect(ending.status == 1)
            #expect(ending.output == "")
            #expect(ending.errorOutput.hasPrefix("example_http_server: cannot "))
            #expect(ending.errorOutput.contains(reason))
            #expect(ending.errorOutput.filter { $0 == "\n" }.count == 1)
        }

        @Test(
            "Wrong usage exits with 2",
            arguments: [
                ["--listen", "nonsense"], ["--listen"], ["--loops", "0"], ["--backend", "kqueue"],
                ["--max-connections", "0"], ["--max-body", "-1"], ["--unknown"], ["extra"],
                ["--header-timeout", "5"], ["--idle-timeout", "none"], ["--root"],
            ])
        func wrongUsage(_ arguments: [String]) throws {
            // If this failed, a script could not tell a typing error from a failure.
            let ending = try Program("example_http_server", arguments).end()
            #expect(ending.status == 2)
            #expect(ending.output == "")
            #expect(ending.errorOutput.contains("Usage: example_http_server"))
        }

        @Test("The limits on the command line hold", arguments: ServerKind.all)
        func limits(_ kind: ServerKind) throws {
            // If this failed, the options would be there for show.
            let (server, link) = try startHTTPServer(
                kind.arguments + [
                    "--header-timeout", "200ms", "--idle-timeout", "300ms", "--body-timeout",
                    "250ms", "--max-connections", "3",
                ])
            let half = try Client(address(link))
            try half.send("GET /hello HTTP/1.1\r\n")
            #expect(try half.receiveText().hasPrefix("HTTP/1.1 408 "))
            let slow = try Client(address(link))
            try slow.send(Self.upload)
            #expect(try slow.receiveText().hasPrefix("HTTP/1.1 408 "))
            let idle = try Client(address(link))
            try idle.send(Self.hello)
            #expect(try idle.receiveText().hasSuffix("Hello, World!"))
            for client in [half, slow, idle] { client.close() }
            try curl(["--retry", "5", "--retry-delay", "1", link + "hello"])
            let three = try (0..<3).map { _ in try Client(address(link)) }
            let fourth = try curl(["-o", "/dev/null", "-w", "%{http_code}", link + "hello"])
            #expect(fourth.output == "503")
            for client in three { client.close() }
            try endServer(server)
        }
    }
#endif
