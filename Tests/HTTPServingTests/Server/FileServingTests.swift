// SPDX-License-Identifier: MIT

import EventLoops
import Testing

@testable import HTTPServing

@Suite("Server: files")
struct ServerFileTests {
    private static let letters = "abcdefghijklmnopqrstuvwxyz"

    private func serve(_ choice: Wire) throws -> (TestServer, TemporaryFolder) {
        let folder = TemporaryFolder()
        folder.write("letters.txt", Self.letters)
        folder.write("empty.html", "")
        folder.write("large.bin", String(repeating: Self.letters, count: 100_000))
        folder.write(".hidden", "secret")
        folder.folder("folder")
        for name in ["letters.txt", "empty.html", "large.bin"] { folder.settle(name) }
        var routes = try TestRoutes.all()
        try routes.files("/files", StaticFiles(folder.path))
        return (try TestServer(choice, routes: routes), folder)
    }

    @Test("Whole files, HEAD, and what is no file", arguments: wires)
    func files(_ choice: Wire) throws {
        // If this failed, files would be cut, or ones outside the folder given away.
        let (server, folder) = try serve(choice)
        let client = try server.connect()
        try client.send(request("GET /files/letters.txt"))
        let answer = try client.answer()
        #expect(text(answer.body) == Self.letters)
        #expect(answer["content-type"] == "text/plain; charset=utf-8")
        #expect(answer["accept-ranges"] == "bytes" && answer["last-modified"] != nil)
        try client.send(request("HEAD /files/letters.txt"))
        let head = try client.answer(isHead: true)
        #expect(head["content-length"] == "26" && head["etag"] == answer["etag"])
        try client.send(request("GET /files/empty.html"))
        #expect(try client.answer().body == [])
        try client.send(request("GET /files/large.bin"))
        #expect(try client.answer().body.count == 2_600_000)
        for (path, status) in [
            ("/files/nothing", 404), ("/files/.hidden", 404), ("/files/folder", 308),
            ("/files/", 308), ("/files/../x", 400), ("/files/%2e%2e/x", 400),
            ("/files/..%2fx", 400), ("/files/a%2f..%2f..%2fx", 400),
        ] {
            try client.send(request("GET " + path))
            let answer = try client.answer()
            #expect(answer.status == status || answer.status == 404, "\(path)")
        }
        try client.send(request("POST /files/letters.txt", "Content-Length: 0\r\n"))
        #expect(try client.answer().status == 405)
        withExtendedLifetime(folder) {}
    }

    @Test("Conditional requests", arguments: wires)
    func conditions(_ choice: Wire) throws {
        // If this failed, caches would fetch again what they have, or keep what has changed.
        let (server, folder) = try serve(choice)
        let client = try server.connect()
        try client.send(request("GET /files/letters.txt"))
        let first = try client.answer()
        let tag = first["etag"] ?? ""
        let date = first["last-modified"] ?? ""
        let past = "Thu, 01 Jan 1998 00:00:00 GMT"
        for (fields, status) in [
            ("If-None-Match: \(tag)", 304), ("If-None-Match: W/\(tag)", 304),
            ("If-None-Match: \"x\", \(tag)", 304), ("If-None-Match: *", 304),
            ("If-None-Match: \"x\"", 200), ("If-Match: \(tag)", 200), ("If-Match: *", 200),
            ("If-Match: \"x\"", 412), ("If-Match: W/\(tag)", 412),
            ("If-Modified-Since: \(date)", 304), ("If-Modified-Since: \(past)", 200),
            ("If-Modified-Since: nonsense", 200), ("If-Unmodified-Since: \(date)", 200),
            ("If-Unmodified-Since: \(past)", 412),
            ("If-None-Match: \"x\"\r\nIf-Modified-Since: \(date)", 200),
            ("If-Match: \(tag)\r\nIf-Unmodified-Since: \(past)", 200),
        ] {
            for method in ["GET", "HEAD"] {
                try client.send(request("\(method) /files/letters.txt", fields + "\r\n"))
                let answer = try client.answer(isHead: method == "HEAD")
                #expect(answer.status == status, "\(method) \(fields)")
                if status == 304 { #expect(answer["etag"] == tag && answer.body == []) }
            }
        }
        withExtendedLifetime(folder) {}
    }

    @Test("Ranges", arguments: wires)
    func ranges(_ choice: Wire) throws {
        // If this failed, downloads would go on in the wrong place.
        let (server, folder) = try serve(choice)
        let client = try server.connect()
        func get(_ fields: String, _ method: String = "GET") throws -> Answer {
            try client.send(request("\(method) /files/letters.txt", fields + "\r\n"))
            return try client.answer(isHead: method == "HEAD")
        }
        for (range, body, content) in [
            ("0-4", "abcde", "0-4"), ("20-", "uvwxyz", "20-25"), ("-3", "xyz", "23-25"),
            ("25-99", "z", "25-25"), ("-99", Self.letters, "0-25"), ("0-0", "a", "0-0"),
            ("0-4,2-6", "abcdefg", "0-6"),
        ] {
            let answer = try get("Range: bytes=" + range)
            #expect(answer.status == 206 && text(answer.body) == body, "\(range)")
            #expect(answer["content-range"] == "bytes \(content)/26")
        }
        for range in ["bytes=4-2", "bytes=a-b", "items=0-1", "bytes=", "bytes=-"] {
            #expect(try get("Range: " + range).status == 200, "\(range)")
        }
        for range in ["bytes=26-", "bytes=-0", "bytes=99-100"] {
            let answer = try get("Range: " + range)
            #expect(answer.status == 416 && answer["content-range"] == "bytes */26")
        }
        let tag = try get("Range: bytes=0-0")["etag"] ?? ""
        #expect(try get("Range: bytes=0-0\r\nIf-Range: \(tag)").status == 206)
        #expect(try get("Range: bytes=0-0\r\nIf-Range: \"x\"").status == 200)
        #expect(try get("Range: bytes=0-0\r\nIf-Range: W/\(tag)").status == 200)
        #expect(try get("Range: bytes=0-0\r\nIf-None-Match: \(tag)").status == 304)
        let head = try get("Range: bytes=0-4", "HEAD")
        #expect(head.status == 200 && head["content-length"] == "26")
        try several(get("Range: bytes=0-1,4-5,-2"))
        withExtendedLifetime(folder) {}
    }

    @Test("Files that lie there compressed, and what caches are told", arguments: wires)
    func compressed(_ choice: Wire) throws {
        // If this failed, a cache would give compressed bytes to clients that cannot read them.
        let folder = TemporaryFolder()
        folder.write("page.html", Self.letters)
        folder.write("page.html.gz", "zipped")
        var options = FileRootOptions()
        options.precompressed = [.gzip, .br]
        var routes = try TestRoutes.all()
        let files = try StaticFiles(folder.path, options: options, cacheControl: "max-age=60")
        try routes.files("/files", files)
        let server = try TestServer(choice, routes: routes)
        let client = try server.connect()
        for (fields, body, coding) in [
            ("", Self.letters, nil), ("Accept-Encoding: br, gzip\r\n", "zipped", "gzip"),
            ("Accept-Encoding: br\r\n", Self.letters, nil),
            ("Accept-Encoding: gzip;q=0\r\n", Self.letters, nil as String?),
        ] {
            try client.send(request("GET /files/page.html", fields))
            let answer = try client.answer()
            #expect(answer.status == 200 && text(answer.body) == body, "\(fields)")
            #expect(answer["content-encoding"] == coding, "\(fields)")
            #expect(answer["vary"] == "Accept-Encoding", "\(fields)")
            #expect(answer["cache-control"] == "max-age=60", "\(fields)")
            #expect(answer["content-type"] == "text/html; charset=utf-8", "\(fields)")
            let tag = answer["etag"] ?? ""
            try client.send(
                request("GET /files/page.html", fields + "If-None-Match: \(tag)\r\n"))
            let second = try client.answer()
            #expect(second.status == 304 && second["vary"] == "Accept-Encoding", "\(fields)")
            #expect(second["cache-control"] == "max-age=60", "\(fields)")
        }
    }

    /// Checks an answer with the ranges 0-1, 4-5 and 24-25.
    private func several(_ answer: Answer) throws {
        #expect(answer.status == 206 && answer["content-range"] == nil)
        let type = answer["content-type"] ?? ""
        try #require(type.hasPrefix("multipart/byteranges; boundary="))
        let boundary = type.drop { $0 != "=" }.dropFirst().filter { $0 != "\"" }
        var expected = ""
        for (range, body) in [("0-1", "ab"), ("4-5", "ef"), ("24-25", "yz")] {
            expected +=
                "\r\n--\(boundary)\r\nContent-Type: text/plain; charset=utf-8\r\n"
                + "Content-Range: bytes \(range)/26\r\n\r\n\(body)"
        }
        expected += "\r\n--\(boundary)--\r\n"
        let body = text(answer.body)
        #expect(body == expected || body == String(expected.dropFirst()))
    }

    @Test("A file that shrinks while it is sent breaks the answer off", arguments: wires)
    func shrinking(_ choice: Wire) throws {
        // If this failed, a client would wait for bytes that never come.
        let (server, folder) = try serve(choice)
        let client = try server.connect(receiveBuffer: 4_096)
        folder.write("shrinking", String(repeating: Self.letters, count: 400_000))
        try client.send(request("GET /files/shrinking"))
        #expect(!client.isQuiet(milliseconds: 2_000))
        folder.write("shrinking", "")
        let failure = #expect(throws: RawClient.Failure.self) { try client.answer() }
        #expect(failure?.description.hasPrefix("nothing came") == false)
        #expect(try ServerConnectionTests.hello(server))
    }
}
