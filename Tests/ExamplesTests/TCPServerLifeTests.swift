// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    @Suite("The TCP server's beginning and end", .serialized)
    struct TCPServerLifeTests {
        @Test("Ctrl-C lets what runs end", arguments: ServerKind.all)
        func drain(_ kind: ServerKind) throws {
            // If this failed, a restart would cut off requests, or take new ones it cannot serve.
            let (server, address) = try startServer(
                kind.arguments + ["--shutdown-timeout", "30s"])
            let client = try Client(address)
            try client.send("before")
            #expect(try client.receiveText(6) == "before")
            server.signal(SIGINT)
            try server.wait("the drain") { server.errorText.contains("1 connection open") }
            #expect(waitBriefly(seconds: 5) { (try? Client(address)) == nil })
            try client.send("behind")
            #expect(try client.receiveText(6) == "behind")
            client.finishWriting()
            #expect(try client.receive() == [])
            client.close()
            #expect(try server.end().status == 0)
        }

        @Test("Connections that stay are cut off at the deadline", arguments: ServerKind.all)
        func deadline(_ kind: ServerKind) throws {
            // If this failed, one idle client would keep the server from ending.
            let (server, address) = try startServer(
                kind.arguments + ["--shutdown-timeout", "200ms"])
            let client = try Client(address)
            try client.send("x")
            #expect(try client.receive(1).count == 1)
            let ending = try endServer(server, by: SIGTERM)
            #expect(ending.errorOutput.contains("connections were still open after 200ms"))
            #expect(try client.receive() == [])
        }

        @Test("A second Ctrl-C ends at once", arguments: ServerKind.all)
        func secondSignal(_ kind: ServerKind) throws {
            // If this failed, an impatient user would have to kill the server.
            let (server, address) = try startServer(kind.arguments + ["--shutdown-timeout", "1m"])
            let client = try Client(address)
            try client.send("x")
            #expect(try client.receive(1).count == 1)
            server.signal(SIGINT)
            try server.wait("the drain") { server.errorText.contains("Ctrl-C again") }
            let ending = try endServer(server)
            #expect(ending.errorOutput.contains("ended at once"))
        }

        @Test("A Unix socket serves and is removed", arguments: ServerKind.all)
        func unixSocket(_ kind: ServerKind) throws {
            // If this failed, the server could not be started twice on one path.
            let path = "/tmp/millrace-server-\(getpid())-\(kind.backend)-\(kind.loops)"
            unsafe unlink(path)  // SAFETY: NUL-terminated for the call.
            let (server, address) = try startServer(kind.arguments + ["--listen", "unix:\(path)"])
            #expect(address == "unix:\(path)")
            let clients = try (0..<3).map { _ in try Client(address) }
            for client in clients {
                try client.send("through the file system")
                #expect(try client.receiveText(23) == "through the file system")
            }
            let second = try Program(
                "example_tcp_server", kind.arguments + ["--listen", "unix:\(path)"]
            ).end()
            #expect(second.status == 1)
            #expect(
                second.errorOutput
                    == "example_tcp_server: cannot listen on unix:\(path):"
                    + " Address already in use (EADDRINUSE)\n")
            #expect(unsafe access(path, F_OK) == 0)  // SAFETY: NUL-terminated for the call.
            for client in clients { client.close() }
            try endServer(server)
            #expect(unsafe access(path, F_OK) != 0)  // SAFETY: as above.
        }

        @Test("A busy port is told", arguments: ServerKind.all)
        func busyPort(_ kind: ServerKind) throws {
            // If this failed, two servers would share a port, or one would die without a word.
            let (server, address) = try startServer(kind.arguments)
            let second = try Program(
                "example_tcp_server", kind.arguments + ["--listen", address]
            ).end()
            #expect(second.status == 1)
            #expect(second.output == "")
            #expect(
                second.errorOutput
                    == "example_tcp_server: cannot listen on \(address):"
                    + " Address already in use (EADDRINUSE)\n")
            try endServer(server)
        }

        @Test(
            "What cannot be listened on is told",
            arguments: [
                ("192.0.2.1:4000", "Cannot assign requested address (EADDRNOTAVAIL)"),
                ("nobody.invalid:4000", ""),
                ("unix:/nonexistent/socket", "No such file or directory (ENOENT)"),
                ("unix:/tmp", "Address already in use (EADDRINUSE)"),
            ])
        func cannotListen(_ address: String, _ reason: String) throws {
            // If this failed, the user would not know what to change.
            let ending = try Program("example_tcp_server", ["--listen", address]).end()
            #expect(ending.status == 1)
            #expect(ending.output == "")
            let line = "example_tcp_server: cannot listen on \(address): \(reason)"
            #expect(ending.errorOutput.hasPrefix(line))
            #expect(ending.errorOutput.filter { $0 == "\n" }.count == 1)
        }

        @Test(
            "Wrong usage exits with 2",
            arguments: [
                ["--listen", "nonsense"], ["--listen"], ["--listen", "a:99999"], ["--loops", "0"],
                ["--loops", "x"], ["--backend", "kqueue"], ["--echo", "--acks"], ["--unknown"],
                ["extra"], ["--shutdown-timeout", "5"], ["--shutdown-timeout", "none"],
            ])
        func wrongUsage(_ arguments: [String]) throws {
            // If this failed, a script could not tell a typing error from a failure.
            let ending = try Program("example_tcp_server", arguments).end()
            #expect(ending.status == 2)
            #expect(ending.output == "")
            #expect(ending.errorOutput.contains("Usage: example_tcp_server"))
        }

        @Test("The help text goes to standard output")
        func help() throws {
            // If this failed, '--help | less' would show nothing.
            let ending = try Program("example_tcp_server", ["--help"]).end()
            #expect(ending.status == 0)
            #expect(ending.errorOutput == "")
            #expect(ending.output.contains("--shutdown-timeout"))
        }
    }

    @Suite("The TCP server and difficult clients", .serialized)
    struct TCPServerClientTests {
        @Test("Clients that break off do no harm", arguments: ServerKind.all)
        func brokenClients(_ kind: ServerKind) throws {
            // If this failed, one reset would end the server.
            let (server, address) = try startServer(kind.arguments)
            for number in 0..<60 {
                let client = try Client(address)
                if number % 3 > 0 {
                    try client.send([UInt8](repeating: 1, count: 200_000 / number))
                }
                if number % 2 == 0 { client.reset() } else { client.close() }
            }
            let client = try Client(address)
            try client.send("still here")
            #expect(try client.receiveText(10) == "still here")
            client.close()
            try endServer(server)
        }

        @Test("Clients that do not read hold no one up", arguments: ServerKind.all)
        func stalledClients(_ kind: ServerKind) throws {
            // If this failed, memory would grow, or the stalled would starve the others.
            let (server, address) = try startServer(
                kind.arguments + ["--shutdown-timeout", "100ms"])
            let before = server.residentByteCount
            let stalled = try (0..<8).map { _ in try Client(address, receiveBuffer: 4096) }
            for client in stalled { _ = try client.sendUntilStuck(milliseconds: 60) }
            #expect(server.residentByteCount - before < 24 << 20)
            let client = try Client(address)
            try client.send("still here")
            #expect(try client.receiveText(10) == "still here")
            try endServer(server)
        }

        @Test("Without descriptors the server waits for some", arguments: ServerKind.all)
        func noDescriptors(_ kind: ServerKind) throws {
            // If this failed, a full descriptor table would end the server or its listening.
            let (server, address) = try startServer(kind.arguments, descriptorsMax: 24)
            let first = try Client(address)
            try first.send("first")
            #expect(try first.receiveText(5) == "first")
            var clients = try (0..<40).map { _ in try Client(address) }
            try first.send("again")
            #expect(try first.receiveText(5) == "again")
            first.close()
            let last = clients.removeLast()
            try last.send("last")
            clients = []
            #expect(try last.receiveText(4) == "last")
            last.close()
            try endServer(server)
        }

        @Test("Too few descriptors to start with are told", arguments: [4, 5, 6, 7])
        func cannotStart(_ limit: Int) throws {
            // If this failed, the server would trap instead of saying what it lacks.
            let server = try Program(
                "example_tcp_server", ["--loops", "4"], descriptorsMax: limit)
            let ending = try server.end()
            #expect(ending.status == 1)
            #expect(ending.errorOutput.contains("(EMFILE)"))
        }
    }
#endif
