// SPDX-License-Identifier: MIT

import EventLoops
import Testing

@testable import HTTPServing

@Suite("Server: embedded files")
struct ServerEmbeddedFileTests {
    private static let letters = "abcdefghijklmnopqrstuvwxyz"
    private static let modified: Int64 = 1_700_000_000

    private func serve(_ choice: Wire) throws -> TestServer {
        let site = try EmbeddedFiles(
            [
                EmbeddedFile("index.html", bytes("<p>home")),
                EmbeddedFile(
                    "css/a b.css", bytes("plain"), lastModifiedSeconds: Self.modified
                ).adding(.gzip, bytes("zipped")).adding(.br, bytes("brotli")),
                EmbeddedFile("docs/index.html", bytes("<p>docs")),
                EmbeddedFile("letters", bytes(Self.letters), type: "text/x-letters"),
                EmbeddedFile("empty.txt", []),
            ], cacheControl: "max-age=60")
        var routes = try TestRoutes.all()
        try routes.files("/site", site)
        try routes.get("/home") { request in try site.respond(to: request, name: "index.html") }
        try routes.get("/nowhere") { request in try site.respond(to: request, name: "docs") }
        return try TestServer(choice, routes: routes)
    }

    @Test("Whole files, HEAD, folders, and what is no file", arguments: wires)
    func files(_ choice: Wire) throws {
        // If this failed, a program could not show its own pages.
        let server = try serve(choice)
        let client = try server.connect()
        func get(_ path: String, _ method: String = "GET") throws -> Answer {
            try client.send(request(method + " " + path))
            return try client.answer(isHead: method == "HEAD")
        }
        for (path, body, type) in [
            ("/site/", "<p>home", "text/html; charset=utf-8"),
            ("/site/index.html", "<p>home", "text/html; charset=utf-8"),
            ("/home", "<p>home", "text/html; charset=utf-8"),
            ("/site/docs/", "<p>docs", "text/html; charset=utf-8"),
            ("/site/css/a%20b.css", "plain", "text/css; charset=utf-8"),
            ("/site/letters", Self.letters, "text/x-letters"),
            ("/site/empty.txt", "", "text/plain; charset=utf-8"),
        ] {
            let answer = try get(path)
            #expect(answer.status == 200 && text(answer.body) == body, "\(path)")
            #expect(answer["content-type"] == type, "\(path)")
            #expect(answer["cache-control"] == "max-age=60" && answer["accept-ranges"] == "bytes")
            let head = try get(path, "HEAD")
            #expect(head["content-length"] == "\(body.utf8.count)", "\(path)")
            #expect(head["etag"] == answer["etag"] && answer["etag"]?.hasPrefix("\"") == true)
        }
        let folder = try get("/site/docs?a=b")
        #expect(folder.status == 308 && folder["location"] == "/site/docs/?a=b")
        for (path, status) in [
            ("/site/nothing", 404), ("/site/css/", 404), ("/site/css/none/", 404),
            ("/nowhere", 404), ("/site/a%2f..%2fb", 400), ("/site/css%2Fa", 400),
        ] { #expect(try get(path).status == status, "\(path)") }
        #expect(try get("/site/letters", "PUT").status == 405)
    }

    @Test("Codings by negotiation, each with a tag of its own", arguments: wires)
    func codings(_ choice: Wire) throws {
        // If this failed, a client would get bytes that it cannot read, or a cache mix two codings.
        let server = try serve(choice)
        let client = try server.connect()
        func get(_ fields: String, _ path: String = "/site/css/a%20b.css") throws -> Answer {
            try client.send(request("GET " + path, fields))
            return try client.answer()
        }
        var tags: Set<String> = []
        for (accept, body, coding) in [
            ("br, gzip", "brotli", "br"), ("gzip", "zipped", "gzip"),
            ("gzip, br;q=0.5", "zipped", "gzip"), ("identity", "plain", nil), ("", "plain", nil),
            ("gzip;q=0", "plain", nil), ("deflate", "plain", nil),
        ] {
            let answer = try get("Accept-Encoding: \(accept)\r\n")
            #expect(text(answer.body) == body && answer["content-encoding"] == coding, "\(accept)")
            #expect(answer["content-type"] == "text/css; charset=utf-8")
            #expect(answer["vary"] == "Accept-Encoding")
            tags.insert(answer["etag"] ?? "")
        }
        #expect(tags.count == 3)
        #expect(try get("").body == bytes("plain"))
        #expect(try get("Accept-Encoding: *;q=0\r\n").status == 406)
        #expect(try get("Accept-Encoding: identity;q=0, br\r\n").status == 200)
        let single = try get("Accept-Encoding: br\r\n", "/site/letters")
        #expect(single["vary"] == nil && single["content-encoding"] == nil)
    }

    @Test("Conditions and ranges", arguments: wires)
    func conditions(_ choice: Wire) throws {
        // If this failed, caches would fetch again what they have, and downloads not go on.
        let server = try serve(choice)
        let client = try server.connect()
        func get(_ fields: String, _ path: String = "/site/letters") throws -> Answer {
            try client.send(request("GET " + path, fields + "\r\n"))
            return try client.answer()
        }
        let tag = try get("A: b")["etag"] ?? ""
        for (fields, status) in [
            ("If-None-Match: \(tag)", 304), ("If-None-Match: \"x\"", 200),
            ("If-Match: \(tag)", 200), ("If-Match: \"x\"", 412),
            ("Range: bytes=26-", 416), ("Range: bytes=0-0\r\nIf-Range: \(tag)", 206),
            ("Range: bytes=0-0\r\nIf-Range: \"x\"", 200),
        ] { #expect(try get(fields).status == status, "\(fields)") }
        let part = try get("Range: bytes=2-4")
        #expect(text(part.body) == "cde" && part["content-range"] == "bytes 2-4/26")
        let parts = try get("Range: bytes=0-1,-2")
        #expect(text(parts.body).contains("\r\n\r\nab\r\n--"))
        #expect(text(parts.body).contains("\r\n\r\nyz\r\n--"))
        let date = "Tue, 14 Nov 2023 22:13:20 GMT"
        let dated = "/site/css/a%20b.css"
        #expect(try get("A: b", dated)["last-modified"] == date)
        #expect(try get("If-Modified-Since: \(date)", dated).status == 304)
        #expect(try get("If-Unmodified-Since: Thu, 01 Jan 1998 00:00:00 GMT", dated).status == 412)
        #expect(try get("A: b")["last-modified"] == nil)
    }
}

@Suite("Embedded files")
struct EmbeddedFileTests {
    private func fault(_ names: [String], type: String? = nil) -> EmbeddedFileError? {
        failure { () throws(EmbeddedFileError) in
            try EmbeddedFiles(names.map { EmbeddedFile($0, [1], type: type) })
        }
    }

    @Test("Sets that cannot be served are refused when they are made")
    func faults() {
        // If this failed, a file would be there that no request finds.
        for name in [
            "", "/a", "a/", "a//b", ".", "..", "a/../b", "a\\b", "a\nb",
            String(repeating: "n", count: 256),
        ] { #expect(fault([name]) == .badName(name), "\(name)") }
        for name in ["a", "a/b.c", "a b", "100%", "%2e%2e", ".well-known/x", "\u{E4}"] {
            #expect(fault([name]) == nil, "\(name)")
        }
        #expect(fault(["a", "b", "a"]) == .duplicateName("a"))
        #expect(fault(["a", "a/b"]) == .duplicateName("a"))
        #expect(fault(["a/b", "a"]) == .duplicateName("a"))
        #expect(fault(["a"], type: "text/plain\r\nX: y") == .badType("a"))
        #expect(fault(["a"], type: "") == .badType("a"))
    }

    @Test("Tags follow the bytes, and stay the same in another process")
    func tags() {
        // If this failed, a cache would keep the page of an older program, or fetch each time anew.
        // The values are those of the authors' test vectors for FNV-1a, 128 bits.
        func hash(_ content: [UInt8]) -> UInt128 { ContentTag.hash(content.span) }
        func tag(_ content: String, _ coding: ContentCoding = .identity) -> String {
            let content = bytes(content)
            return ContentTag.make(content.span, coding)?.text ?? ""
        }
        #expect(hash([]) == 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
        #expect(hash(bytes("a")) == 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964)
        let tags = ["a", "b", "ab", "ba", ""].map { tag($0) }
        #expect(Set(tags).count == 5)
        #expect(tags.allSatisfy { $0.utf8.count <= 32 && $0.hasPrefix("\"") })
        #expect(tag("a", .gzip) != tags[0])
    }

    #if Compression
        @Test("Compressed once, if it pays")
        func compressed() throws {
            // If this failed, pages would go out larger than before, or twice compressed.
            let long = bytes(String(repeating: "text and more text. ", count: 100))
            let page = try EmbeddedFile("a.html", long).compressed()
            #expect(Set(page.variants.map(\.coding)) == [.br, .gzip])
            #expect(page.variants.allSatisfy { $0.bytes.count < long.count / 4 })
            #expect(try EmbeddedFile("a.png", long).compressed().variants.isEmpty)
            #expect(try EmbeddedFile("a.html", bytes("x")).compressed().variants.isEmpty)
            let given = try EmbeddedFile("a.html", long).adding(.br, [1]).compressed()
            #expect(given.variants.first { $0.coding == .br }?.bytes == [1])
            #expect(given.variants.count == 2)
            #expect(try page.compressed().variants.count == 2)
        }
    #endif
}
