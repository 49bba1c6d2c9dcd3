// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@testable import HTTPClients

@Suite("URLs that can be asked for")
struct URLTests {
    @Test("Right URLs mean what they say")
    func right() throws {
        // If this failed, a request would go to another place than the user wrote.
        for (text, origin, target) in [
            ("http://example.org", "http://example.org", "/"),
            ("HTTP://EXAMPLE.org:80/A?b", "http://example.org", "/A?b"),
            ("https://example.org:443", "https://example.org", "/"),
            ("https://example.org:80/", "https://example.org:80", "/"),
            ("http://example.org:/x", "http://example.org", "/x"),
            ("http://example.org?q=1", "http://example.org", "/?q=1"),
            ("http://h/a%20b/%C3%A4?c=%2F#part", "http://h", "/a%20b/%C3%A4?c=%2F"),
            ("http://h#only", "http://h", "/"),
            ("http://[::1]:8080/", "http://[::1]:8080", "/"),
            ("http://[FE80::1]/", "http://[fe80::1]", "/"),
            ("http://127.0.0.1:65535/", "http://127.0.0.1:65535", "/"),
            ("http://h/a/../b", "http://h", "/a/../b"),
            ("http://h/?a=b&c[]=d|e", "http://h", "/?a=b&c[]=d|e"),
        ] {
            let url = try RequestURL(text)
            #expect(url.origin.description == origin, "\(text)")
            #expect(url.target == target, "\(text)")
            #expect(try RequestURL(url.description) == url, "\(text)")
        }
        #expect(try RequestURL("http://[::1]/").origin.bareHost == "::1")
    }

    @Test("Wrong URLs are refused, with the reason")
    func wrong() {
        // If this failed, what others read differently would be sent: to the wrong host, or as two
        // requests.
        for (text, reason) in [
            ("", HTTPURLError.badScheme), ("example.org", .badScheme), ("ftp://h/", .badScheme),
            ("http:/h/", .badScheme), ("//h/", .badScheme), (" http://h/", .badScheme),
            ("http://", .badHost), ("http:///x", .badHost), ("http://:80/", .badHost),
            ("http://a b/", .badHost), ("http://h%41/", .badHost), ("http://[::1/", .badHost),
            ("http://[1:2]/", .badHost), ("http://h\\@evil/", .hasUserInfo),
            ("http://ä/", .badHost), ("http://me@h/", .hasUserInfo),
            ("http://me:pw@h/", .hasUserInfo), ("http://h:0/", .badPort),
            ("http://h:65536/", .badPort), ("http://h:8a/", .badPort), ("http://h:-1/", .badPort),
            ("http://h/a b", .badTarget), ("http://h/a\r\nX: y", .badTarget),
            ("http://h/%zz", .badTarget), ("http://h/%4", .badTarget), ("http://h/%00", .badTarget),
            ("http://h/ä", .badTarget), ("http://h/?a b", .badTarget),
            ("http://h/#a b", .badTarget),
            ("http://h/\"", .badTarget), ("http://h/?<", .badTarget),
            ("http://h/" + String(repeating: "a", count: 65_530), .tooLong),
        ] {
            #expect(throws: reason, "\(text.prefix(80))") { try RequestURL(text) }
        }
    }

    @Test("References are resolved as RFC 3986 says, section 5.4")
    func references() throws {
        // If this failed, redirects with a relative Location would lead elsewhere.
        let base = try RequestURL("http://a/b/c/d;p?q")
        for (reference, result) in [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"), ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"), ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"), ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"), ("..", "http://a/b/"), ("../", "http://a/b/"),
            ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"), ("/./g", "http://a/g"), ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."), ("..g", "http://a/b/c/..g"), ("./../g", "http://a/b/g"),
            ("g;x=1/../y", "http://a/b/c/y"), ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("https://h:1/x", "https://h:1/x"), ("?a:b", "http://a/b/c/d;p?a:b"),
        ] {
            #expect(try base.resolving(reference).description == result, "\(reference)")
        }
        for reference in ["mailto:x", "javascript:alert(1)", "file:///etc/passwd", "http:g"] {
            #expect(throws: HTTPURLError.badScheme) { try base.resolving(reference) }
        }
        #expect(throws: HTTPURLError.hasUserInfo) { try base.resolving("//me@h/") }
    }
}
