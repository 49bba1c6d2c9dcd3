// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    @Suite("The HTTP server as a service")
    struct HTTPServiceTests {
        @Test("A signal stops the services; what is under way ends", arguments: [SIGTERM, SIGINT])
        func gracefulShutdown(_ signal: Int32) throws {
            // If this failed, a server among other services would be cut off, or never end.
            let program = try Program("example_http_service")
            try program.wait("its address") { program.outputText.contains("/\n") }
            let link = String(program.outputText.dropFirst("listening on ".count).dropLast())
            let address = String(link.dropFirst("http://".count).dropLast())
            let idle = try Client(address)
            try idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try idle.receiveText(15) == "HTTP/1.1 200 OK")
            let busy = try Client(address)
            try busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(busy.isQuiet(milliseconds: 100))
            program.signal(signal)
            try program.wait("the stop") { program.outputText.contains("stopping with 2 open") }
            #expect(try idle.receiveText().hasSuffix("Hello, World!"))
            #expect(try busy.receiveText().hasSuffix("slow, and whole\n"))
            busy.close()
            idle.close()
            let ending = try program.end()
            #expect(ending.status == 0)
            #expect(ending.output.contains("ended; 2 answers"))
        }

        @Test(
            "Wrong usage exits with 2",
            arguments: [["--listen", "nonsense"], ["--listen"], ["8080"], ["--unknown"]])
        func wrongUsage(_ arguments: [String]) throws {
            // If this failed, a typing error would start a server somewhere else.
            let ending = try Program("example_http_service", arguments).end()
            #expect(ending.status == 2)
            #expect(ending.output == "")
            #expect(ending.errorOutput.contains("Usage: example_http_service"))
        }

        @Test("A busy port is told, and exits with 1")
        func busyPort() throws {
            // If this failed, a busy port would be a trap with a backtrace.
            let first = try Program("example_http_service")
            try first.wait("its address") { first.outputText.contains("/\n") }
            let address = String(
                first.outputText.dropFirst("listening on http://".count).dropLast(2))
            let ending = try Program("example_http_service", ["--listen", address]).end()
            #expect(ending.status == 1)
            #expect(ending.errorOutput.contains("cannot listen on \(address)"))
            first.signal(SIGTERM)
            #expect(try first.end().status == 0)
        }
    }
#endif
