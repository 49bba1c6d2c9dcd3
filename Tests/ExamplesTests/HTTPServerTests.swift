// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    /// Starts the HTTP server, plain alone, and waits until it listens; with its address.
    func startHTTPServer(_ arguments: [String]) throws -> (Program, String) {
        let isPlaced = arguments.contains("--listen")
        let server = try Program(
            "example_http_server", arguments + (isPlaced ? [] : ["--listen", "127.0.0.1:0"]))
        try server.wait("the address") { server.outputText.contains("\n") }
        let text = server.outputText
        try #require(text.hasPrefix("listening on ") && text.hasSuffix("\n"))
        return (server, String(text.dropFirst(13).dropLast()))
    }

    /// Runs curl to its end, without a proxy and without its configuration file.
    @discardableResult
    func curl(_ arguments: [String], input: String? = nil) throws -> Program.Ending {
        let script = "shift; exec curl -q --noproxy '*' --max-time 20 -sS \"$@\""
        let program = try Program(
            "example_http_server", arguments, script: script, hasInput: input != nil)
        if let input { try program.write(input) }
        program.closeInput()
        return try program.end(seconds: 25)
    }

    @Suite("The HTTP server", .serialized)
    struct HTTPServerTests {
        @Test("curl gets the pages, in 1.1 and 1.0", arguments: ServerKind.all)
        func pages(_ kind: ServerKind) throws {
            // If this failed, the first thing that a user tries would not work.
            let (server, link) = try startHTTPServer(kind.arguments)
            // The other output may be read first.
            let choice = "example_http_server: \(kind.backend): asked for"
            try server.wait("the choice") { server.errorText.contains(choice) }
            #expect(try curl([link]).output.contains("<title>Millrace</title>"))
            #expect(try curl([link + "hello"]).output == "Hello, World!")
            #expect(try curl(["--http1.0", link + "hello"]).output == "Hello, World!")
            #expect(
                try curl(["-o", "/dev/null", link + "missing", "-w", "%{http_code}"]).output
                    == "404")
            #expect(try curl([link + "healthz"]).output == "ok\n")
            let metrics = try curl([link + "metrics"]).output
            #expect(metrics.contains("http_answers_total{class=\"2xx\"}"))
            let head = try curl(["-I", link + "hello"]).output
            #expect(
                head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 13\r\n"))
            let many = Array(repeating: link + "hello", count: 50)
            #expect(try curl(many).output == String(repeating: "Hello, World!", count: 50))
            let ending = try endServer(server)
            #expect(ending.errorOutput.contains("57 answers"))
        }

        @Test("curl uploads, slowly too", arguments: ServerKind.all)
        func uploads(_ kind: ServerKind) throws {
            // If this failed, bodies would be lost, or slow clients cut off.
            let (server, link) = try startHTTPServer(
                kind.arguments + ["--max-body", "3000000", "--body-timeout", "1s"])
            let file = try TemporaryFile(byteCount: 2_500_000)
            let answer = try TemporaryFile(byteCount: 0)
            let upload = ["--data-binary", "@" + file.path, "-o", answer.path, link + "echo"]
            #expect(try curl(upload).status == 0)
            #expect(answer.bytes == file.bytes)
            #expect(try curl(["--limit-rate", "2M"] + upload).status == 0)
            #expect(answer.bytes == file.bytes)
            #expect(try curl(["-H", "Transfer-Encoding: chunked"] + upload).status == 0)
            #expect(answer.bytes == file.bytes)
            #expect(
                try curl(["-X", "POST", "-T", "-", link + "echo"], input: "from a pipe").output
                    == "from a pipe")
            let large = try TemporaryFile(byteCount: 3_000_001)
            let refused = try curl([
                "--data-binary", "@" + large.path, "-o", "/dev/null", "-w", "%{http_code}",
                link + "echo",
            ])
            #expect(refused.output == "413")
            try endServer(server)
        }

        @Test("curl gets files and parts of them", arguments: ServerKind.all)
        func files(_ kind: ServerKind) throws {
            // If this failed, downloads would be wrong, or could not go on after a break.
            let file = try TemporaryFile(byteCount: 2_500_000)
            let copy = try TemporaryFile(byteCount: 0)
            let (server, link) = try startHTTPServer(kind.arguments + ["--root", "/tmp"])
            let url = link + "files/" + file.name
            #expect(try curl(["-o", copy.path, url]).status == 0)
            #expect(copy.bytes == file.bytes)
            for (range, part) in [
                ("0-9", file.bytes.prefix(10)), ("-10", file.bytes.suffix(10)),
                ("1000000-", file.bytes[1_000_000...]),
            ] {
                #expect(try curl(["-o", copy.path, "-r", range, url]).status == 0)
                #expect(copy.bytes == Array(part))
            }
            try copy.replace(Array(file.bytes.prefix(1_234_567)))
            #expect(try curl(["-o", copy.path, "-C", "-", url]).status == 0)
            #expect(copy.bytes == file.bytes)
            let code = ["-o", "/dev/null", "-w", "%{http_code}"]
            #expect(try curl(code + ["-r", "9999999-", url]).output == "416")
            #expect(try curl(code + ["-z", "1 Jan 2099", url]).output == "304")
            #expect(
                try curl(code + ["--path-as-is", link + "files/../etc/passwd"]).output == "400")
            try endServer(server)
        }

        @Test("The access log has a line for each answer", arguments: ServerKind.all)
        func accessLog(_ kind: ServerKind) throws {
            // If this failed, tools that read such logs would not understand them.
            let (server, link) = try startHTTPServer(kind.arguments + ["--access-log"])
            try curl(["-A", "a \"b\"", "-e", "http://r/", link + "hello?x=1"])
            try server.wait("the line") { server.outputText.filter { $0 == "\n" }.count == 2 }
            let line = String(server.outputText.split(separator: "\n")[1])
            #expect(line.hasPrefix("127.0.0.1:") || line.hasPrefix("127.0.0.1 "))
            #expect(
                line.hasSuffix(
                    "\"GET /hello?x=1 HTTP/1.1\" 200 13 \"http://r/\" \"a \\\"b\\\"\""))
            server.signal(SIGINT)
            #expect(try server.end().status == 0)
        }

        @Test("The page's figures come as events", arguments: ServerKind.all)
        func events(_ kind: ServerKind) throws {
            // If this failed, the page would stay empty, or keep the server from stopping.
            let (server, link) = try startHTTPServer(kind.arguments)
            let client = try Program(
                "example_http_server", [link + "events"],
                script: "shift; exec curl -q --noproxy '*' --max-time 20 -sSN \"$@\"")
            try client.wait("an event") { client.outputText.contains("\n\n") }
            #expect(client.outputText.hasPrefix("data: {\"uptime\":"))
            let ending = try endServer(server)
            #expect(ending.errorOutput.contains("1 connection open"))
            #expect(try client.end().status == 0)
        }
    }
#endif
