// SPDX-License-Identifier: MIT

import Glibc
import Testing

#if Examples
    /// Runs the HTTP client to its end, without the proxies of the environment.
    @discardableResult
    func fetch(
        _ kind: ServerKind, _ arguments: [String], input: String? = nil
    ) throws -> Program.Ending {
        let script = "unset http_proxy https_proxy all_proxy ALL_PROXY HTTPS_PROXY; exec \"$@\""
        let program = try Program(
            "example_http_client", kind.clientArguments + arguments, script: script,
            hasInput: input != nil)
        if let input { try program.write(input) }
        program.closeInput()
        return try program.end(seconds: 25)
    }

    extension ServerKind {
        /// The client has one loop, and so has its server here.
        fileprivate static var oneLoop: [ServerKind] { all.filter { $0.loops == 1 } }

        fileprivate var clientArguments: [String] { ["--backend", backend] }
    }

    /// A folder that goes away with its files.
    private final class Folder {
        let path: String

        init() throws {
            var pattern = Array("/tmp/millrace-client-XXXXXX".utf8CString)
            // SAFETY: NUL-terminated, and writable for the call.
            guard unsafe mkdtemp(&pattern) != nil else { throw Program.Failure(description: "dir") }
            path = String(
                decoding: pattern.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        deinit {
            for name in names { unsafe unlink("\(path)/\(name)") }  // SAFETY: NUL-terminated.
            unsafe rmdir(path)  // SAFETY: as above.
        }

        /// What is in it, in order.
        var names: [String] {
            // SAFETY: NUL-terminated for the call; closed below.
            guard let folder = unsafe opendir(path) else { return [] }
            defer { unsafe closedir(folder) }  // SAFETY: opened above.
            var names: [String] = []
            // SAFETY: opened above; an entry is valid until the next call.
            while let entry = unsafe readdir(folder) {
                let name = unsafe withUnsafePointer(to: entry.pointee.d_name) {
                    // SAFETY: as above; NUL-terminated.
                    unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                        unsafe String(cString: $0)
                    }
                }
                if name != "." && name != ".." { names.append(name) }
            }
            return names.sorted()
        }

        func text(_ name: String) -> String? { CaptureFile.contents(of: "\(path)/\(name)") }

        func bytes(_ name: String) -> [UInt8] {
            let file = unsafe fopen("\(path)/\(name)", "r")  // SAFETY: closed below.
            guard let file = unsafe file else { return [] }
            defer { unsafe fclose(file) }  // SAFETY: opened above.
            // SAFETY: the callee fills in at most the capacity.
            return unsafe [UInt8](unsafeUninitializedCapacity: 1 << 20) { bytes, count in
                count = unsafe fread(bytes.baseAddress, 1, 1 << 20, file)  // SAFETY: as above.
            }
        }
    }

    @Suite("The HTTP client", .serialized)
    struct HTTPClientTests {
        @Test("Answers are written, and the exit status tells", arguments: ServerKind.oneLoop)
        func answers(_ kind: ServerKind) throws {
            // If this failed, the first thing that a user tries would not work, or a script would
            // take an error for an answer.
            let (server, link) = try startHTTPServer(kind.arguments)
            let plain = try fetch(kind, [link + "hello"])
            #expect(plain.status == 0 && plain.output == "Hello, World!" && plain.errorOutput == "")
            #expect(try fetch(kind, [String(link.dropFirst(7)) + "hello"]).output == plain.output)
            let many = try fetch(kind, Array(repeating: link + "hello", count: 50))
            #expect(many.output == String(repeating: "Hello, World!", count: 50))
            let missing = try fetch(kind, [link + "missing"])
            #expect(missing.status == 0 && missing.output.contains("nothing"))
            let failed = try fetch(kind, ["--fail", link + "hello", link + "missing"])
            #expect(failed.status == 22 && failed.output == "Hello, World!")
            #expect(failed.errorOutput.contains("missing: status 404\n"))
            let head = try fetch(kind, ["--head", link + "hello"]).output
            #expect(head.hasPrefix("HTTP/1.1 200\r\n") && head.hasSuffix("\r\n\r\n"))
            let included = try fetch(kind, ["-i", "-v", link + "hello"])
            #expect(included.output.hasSuffix("\r\n\r\nHello, World!"))
            #expect(included.errorOutput.contains("> GET \(link)hello\n< HTTP/1.1 200\n"))
            for arguments in [
                [], ["ftp://h/"], ["http://me@h/"], ["-o", "a", link, link], ["-H", "x", link],
                ["--cert", "a", link], ["--output-dir", "d", link + "a/x", link + "b/x"],
                ["--parallel", "0", link], ["--proxy", "socks5://h", link],
            ] { #expect(try fetch(kind, arguments).status == 2, "\(arguments)") }
            #expect(try fetch(kind, ["http://127.0.0.1:1/"]).status == 1)
            try endServer(server)
        }

        @Test("Bodies are uploaded from text, files and pipes", arguments: ServerKind.oneLoop)
        func uploads(_ kind: ServerKind) throws {
            // If this failed, uploads would be cut or changed.
            let (server, link) = try startHTTPServer(kind.arguments + ["--max-body", "3000000"])
            let file = try TemporaryFile(byteCount: 2_500_000)
            let copy = try TemporaryFile(byteCount: 0)
            #expect(try fetch(kind, ["-d", "a=b", link + "echo"]).output == "a=b")
            #expect(try fetch(kind, ["-d", "-", link + "echo"], input: "piped").output == "piped")
            let upload = ["-d", "@" + file.path, "-o", copy.path, link + "echo"]
            #expect(try fetch(kind, upload).status == 0)
            let isWhole = copy.bytes == file.bytes
            #expect(isWhole)
            #expect(try fetch(kind, ["-d", "@/nowhere", link + "echo"]).status == 2)
            try endServer(server)
        }

        @Test("Several files are fetched at once, and each is whole", arguments: ServerKind.oneLoop)
        func files(_ kind: ServerKind) throws {
            // If this failed, downloads would be mixed up.
            let folder = try Folder()
            let files = try (0..<6).map { try TemporaryFile(byteCount: 300_000 + $0) }
            let (server, link) = try startHTTPServer(kind.arguments + ["--root", "/tmp"])
            let urls = files.map { link + "files/" + $0.name }
            let ending = try fetch(kind, ["--output-dir", folder.path, "--parallel", "3"] + urls)
            #expect(ending.status == 0, "\(ending.errorOutput)")
            #expect(folder.names == files.map(\.name).sorted())
            for file in files {
                let isWhole = folder.bytes(file.name) == file.bytes
                #expect(isWhole)
            }
            try endServer(server)
        }

        @Test(
            "A download that breaks, or is too long, leaves no file", arguments: ServerKind.oneLoop)
        func broken(_ kind: ServerKind) throws {
            // If this failed, half a file would be taken for a whole one.
            let folder = try Folder()
            let server = try TextServer([
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
            ])
            let path = "\(folder.path)/file"
            let url = "http://\(server.address)/"
            let ending = try fetch(kind, ["-o", path, url])
            #expect(ending.status == 1 && ending.errorOutput.contains("ended too early"))
            #expect(folder.names == [])
            #expect(try fetch(kind, ["-o", path, "--limit", "50", url]).status == 1)
            #expect(folder.names == [])
            #expect(try fetch(kind, ["-o", path, url]).status == 0)
            #expect(folder.names == ["file"] && folder.text("file") == "whole")
            _ = server.stop()
        }

        @Test("Redirects and retries are made if they are asked for", arguments: ServerKind.oneLoop)
        func again(_ kind: ServerKind) throws {
            // If this failed, a user could not follow a link, or would wait for nothing.
            let server = try TextServer([
                "HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\nmoved",
                "HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\nmoved",
                "HTTP/1.1 200 OK\r\n\r\nthere", "",
                "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nnow",
                "HTTP/1.1 503 Later\r\nContent-Length: 4\r\n\r\nlate",
            ])
            let url = "http://\(server.address)/a"
            #expect(try fetch(kind, [url]).output == "moved")
            #expect(try fetch(kind, ["-L", url]).output == "there")
            let retried = try fetch(kind, ["--retry", "2", url])
            #expect(retried.output == "now" && retried.status == 0)
            // A POST is not made again.
            let post = try fetch(kind, ["--retry", "2", "-X", "POST", url])
            #expect(post.output == "late")
            let lines = server.stop().map { $0.prefix { $0 != "\r\n" } }
            #expect(
                lines == [
                    "GET /a HTTP/1.1", "GET /a HTTP/1.1", "GET /b HTTP/1.1", "GET /a HTTP/1.1",
                    "GET /a HTTP/1.1", "GET /a HTTP/1.1", "POST /a HTTP/1.1",
                ])
        }

        @Test("Ctrl-C ends it at once, with what it had begun", arguments: ServerKind.oneLoop)
        func interrupt(_ kind: ServerKind) throws {
            // If this failed, a user could not end a download, or would find half of it.
            let folder = try Folder()
            let (server, link) = try startHTTPServer(kind.arguments)
            let client = try Program(
                "example_http_client", kind.clientArguments + ["--no-proxy", "*", link + "events"])
            try client.wait("an event") { client.outputText.contains("\n\n") }
            client.signal(SIGINT)
            #expect(try client.end().status == 130)
            let path = "\(folder.path)/events"
            let second = try Program(
                "example_http_client",
                kind.clientArguments + ["--no-proxy", "*", "-o", path, link + "events"])
            try second.wait("a beginning") { !folder.names.isEmpty }
            second.signal(SIGTERM)
            #expect(try second.end().status == 130)
            #expect(folder.names == [])
            try endServer(server)
        }
    }
#endif
