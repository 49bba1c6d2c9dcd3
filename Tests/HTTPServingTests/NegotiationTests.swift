// SPDX-License-Identifier: MIT

import Testing

@testable import HTTPServing

@Suite("Content negotiation")
struct NegotiationTests {
    private func choose(
        _ fields: [String], _ offered: ContentCodings = [.identity, .gzip, .deflate, .br]
    ) -> ContentCoding? {
        var accepted = AcceptedCodings()
        for field in fields { accepted.add(bytes(field).span) }
        return accepted.choose(from: offered)
    }

    @Test("The best coding that the client allows")
    func codings() {
        // If this failed, a client would get bytes that it cannot read, or that are too many.
        #expect(choose([]) == .identity)
        #expect(choose([""]) == .identity)
        #expect(choose(["gzip, deflate, br"]) == .br)
        #expect(choose(["gzip, deflate"]) == .gzip)
        #expect(choose(["deflate"]) == .deflate)
        #expect(choose(["x-gzip"]) == .gzip)
        #expect(choose(["GZIP;Q=0.5, br;q=0.4"]) == .gzip)
        #expect(choose(["gzip;q=0.001"]) == .gzip)
        #expect(choose(["gzip;q=0.5, identity"]) == .identity)
        #expect(choose(["gzip;q=0"]) == .identity)
        #expect(choose(["*"]) == .br)
        #expect(choose(["*;q=0.5, br;q=0"]) == .gzip)
        #expect(choose(["zstd, compress"]) == .identity)
        #expect(choose(["gzip"], [.identity]) == .identity)
        #expect(choose(["gzip", "br"]) == .br)
        #expect(choose(["gzip ; q=1.000 , br ; q=0.999"]) == .gzip)
    }

    @Test("406 only where nothing is allowed")
    func refusedCodings() {
        // If this failed, a refused coding would be sent.
        #expect(choose(["identity;q=0"], [.identity]) == nil)
        #expect(choose(["*;q=0"], [.identity, .gzip]) == nil)
        #expect(choose(["gzip;q=0, *;q=0"]) == nil)
        #expect(choose(["*;q=0, identity"]) == .identity)
        #expect(choose(["identity;q=0, gzip"]) == .gzip)
        #expect(choose(["identity;q=0"]) == nil)
        #expect(choose(["identity;q=0, *"]) == .br)
    }

    @Test(
        "Malformed weights",
        arguments: ["2", "1.001", "0.1234", ".5", "", "a", "-1", "0,5", "\"1\"x"])
    func weights(_ weight: String) {
        // If this failed, nonsense would count as a wish.
        #expect(choose(["gzip;q=\(weight)"], [.gzip, .identity]) == .identity)
    }

    @Test("The coding of a request's body, or 415")
    func requestCoding() {
        // If this failed, a body would be read in a coding that it does not have.
        func coding(_ field: String) -> ContentCoding? {
            ContentCoding.ofRequest(bytes(field).span)
        }
        #expect(coding("") == .identity)
        #expect(coding("gzip") == .gzip)
        #expect(coding("identity, BR") == .br)
        #expect(coding("zstd") == nil)
        #expect(coding("gzip, gzip") == nil)
        #expect(coding("gzip;q=1") == nil)
    }

    @Test("The best media type")
    func types() {
        // If this failed, a browser would get JSON or a program a page.
        let offers: [StaticString] = ["text/html", "application/json", "text/plain;format=flowed"]
        func best(_ accept: String?) -> Int? {
            guard let accept else { return AcceptedTypes.best(of: offers, accept: nil) }
            let field = bytes(accept)
            return AcceptedTypes.best(of: offers, accept: field.span)
        }
        #expect(best(nil) == 0)
        #expect(best(" ") == 0)
        #expect(best("*/*") == 0)
        #expect(best("application/json") == 1)
        #expect(best("APPLICATION/*") == 1)
        #expect(best("text/html;q=0.5, application/json;q=0.6") == 1)
        #expect(best("text/html;q=0, */*;q=0.1") == 1)
        #expect(best("text/*;q=0.3, text/plain;q=0.9, */*;q=0.5") == 2)
        #expect(best("text/plain; format=fixed") == nil)
        #expect(best("text/plain;format=flowed") == 2)
        #expect(best("text/plain;format=flowed; q=0.5, */*;q=0.1") == 2)
        #expect(best("image/png") == nil)
        #expect(best("application/json;q=0") == nil)
        #expect(best("text") == nil)
        #expect(best("*") == nil)
        #expect(best("tex/*") == nil)
        let flood = String(repeating: "a/b,", count: 64) + "application/json"
        #expect(best(flood) == nil)
        #expect(AcceptedTypes.best(of: [], accept: nil) == nil)
    }

    @Test("Types by extension")
    func extensions() {
        // If this failed, browsers would download pages instead of showing them.
        func type(_ path: String) -> String {
            "\(MediaTypes.type(forPath: bytes(path).span))"
        }
        #expect(type("a/index.html") == "text/html; charset=utf-8")
        #expect(type("A.JPEG") == "image/jpeg")
        #expect(type("x.tar.gz") == "application/gzip")
        #expect(type("x.webmanifest") == "application/manifest+json")
        #expect(type("x.7z") == "application/x-7z-compressed")
        for path in ["", "x", ".", "x.", "x.unknown", "a.html/x", "x.h-tml", "x.aaaaaaaaaaaaaaaa"] {
            #expect(type(path) == "application/octet-stream", "\(path)")
        }
        #expect(MediaTypes.entries.count >= 60)
        for (name, expected) in MediaTypes.entries {
            let found = MediaTypes.type(forExtension: bytes(name).span).map { "\($0)" }
            #expect(found == "\(expected)", "\(name) is in the table twice, or not found")
        }
    }

    @Test("What is worth compressing")
    func compressible() {
        // If this failed, pictures would be compressed again, or scripts not at all.
        for type in [
            "text/html; charset=utf-8", "TEXT/plain", "application/json", "image/svg+xml",
            "application/ld+json", "application/wasm", "font/ttf", "application/xml",
        ] {
            let isWorth = MediaTypes.isCompressible(bytes(type).span)
            #expect(isWorth, "\(type)")
        }
        for type in [
            "image/png", "font/woff2", "application/zip", "video/mp4", "", "+json", "text",
        ] {
            let isWorth = MediaTypes.isCompressible(bytes(type).span)
            #expect(!isWorth, "\(type)")
        }
    }
}
