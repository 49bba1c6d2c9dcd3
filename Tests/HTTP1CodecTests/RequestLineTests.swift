// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Request line")
struct RequestLineTests {
    /// A request with this line and what a request must have.
    static func request(_ line: String) -> String { "\(line)\r\nHost: a\r\n\r\n" }

    /// Lines that are refused, and their status. RFC 9112, section 3, if nothing else is said.
    static let refused: [(line: String, status: Int)] = [
        // Section 3: exactly one space between the parts.
        ("GET  / HTTP/1.1", 400), ("GET /  HTTP/1.1", 400), ("GET / HTTP/1.1 ", 400),
        (" GET / HTTP/1.1", 400), ("GET\t/ HTTP/1.1", 400), ("GET /\tHTTP/1.1", 400),
        ("GET/ HTTP/1.1", 400), ("GET /HTTP/1.1", 400), ("GET", 400), ("GET ", 400),
        // Section 3.1: a method is a token.
        ("G@T / HTTP/1.1", 400), ("G(T / HTTP/1.1", 400), ("GET: / HTTP/1.1", 400),
        ("G\u{7F}T / HTTP/1.1", 400), ("G\u{0}T / HTTP/1.1", 400), ("GÉT / HTTP/1.1", 400),
        ("\"GET\" / HTTP/1.1", 400), ("/ HTTP/1.1", 400), ("{} / HTTP/1.1", 400),
        // Section 2.3: the version is exactly "HTTP/" digit "." digit.
        ("GET /", 400), ("GET / ", 400), ("GET / http/1.1", 400), ("GET / HTTP/1.10", 400),
        ("GET / HTTP/01.1", 400), ("GET / HTTP/1", 400), ("GET / HTTP/1.", 400),
        ("GET / HTTP/.1", 400), ("GET / HTTP /1.1", 400), ("GET / HTTP/ 1.1", 400),
        ("GET / HTTP/1,1", 400), ("GET / HTTP/+1.1", 400), ("GET / HTTP/1.x", 400),
        ("GET / HTTPS/1.1", 400), ("GET / HTP/1.1", 400), ("GET / ICE/1.0", 400),
        ("GET / HTTP/1.1HTTP/1.1", 400), ("GET / Http/1.1", 400), ("GET / HTTP-1.1", 400),
        // RFC 9110, section 15.6.6: well-formed, but another major version.
        ("GET / HTTP/2.0", 505), ("GET / HTTP/3.0", 505), ("GET / HTTP/0.9", 505),
        ("GET / HTTP/9.9", 505), ("PRI * HTTP/2.0", 505),
        ("GET / HTTP/2.00", 400), ("GET / HTTP/2", 400), ("GET / HTTP/12.1", 400),
        // Section 3.2.1 and RFC 3986: what a path cannot hold.
        ("GET /a#b HTTP/1.1", 400), ("GET /# HTTP/1.1", 400), ("GET /a\"b HTTP/1.1", 400),
        ("GET /<a> HTTP/1.1", 400), ("GET /a\\b HTTP/1.1", 400), ("GET /a`b HTTP/1.1", 400),
        ("GET /{a} HTTP/1.1", 400), ("GET /é HTTP/1.1", 400), ("GET /\u{1} HTTP/1.1", 400),
        ("GET /\u{7F} HTTP/1.1", 400), ("GET /a\u{0}b HTTP/1.1", 400),
        ("GET /?a#b HTTP/1.1", 400), ("GET /?<a> HTTP/1.1", 400), ("GET /?\"a\" HTTP/1.1", 400),
        ("GET /?é HTTP/1.1", 400), ("GET /?\u{7F} HTTP/1.1", 400),
        // RFC 3986, section 2.1: an escape has two hexadecimal digits.
        ("GET /%zz HTTP/1.1", 400), ("GET /% HTTP/1.1", 400), ("GET /%1 HTTP/1.1", 400),
        ("GET /%1g HTTP/1.1", 400), ("GET /%%41 HTTP/1.1", 400), ("GET /a%?b HTTP/1.1", 400),
        ("GET /%00 HTTP/1.1", 400), ("GET /a%00.html HTTP/1.1", 400),
        ("GET http://a/%zz HTTP/1.1", 400), ("GET http://a/%00 HTTP/1.1", 400),
        // Section 3.2: a target has one of four forms, and two of them have one method each.
        ("GET a HTTP/1.1", 400), ("GET example.com HTTP/1.1", 400), ("GET ?a HTTP/1.1", 400),
        ("GET example.com:80 HTTP/1.1", 400), ("GET * HTTP/1.1", 400), ("POST * HTTP/1.1", 400),
        ("OPTIONS ** HTTP/1.1", 400), ("OPTIONS *?a HTTP/1.1", 400), ("OPTIONS */ HTTP/1.1", 400),
        ("CONNECT / HTTP/1.1", 400), ("CONNECT * HTTP/1.1", 400), ("CONNECT a HTTP/1.1", 400),
        ("CONNECT a: HTTP/1.1", 400), ("CONNECT :443 HTTP/1.1", 400),
        ("CONNECT a:0 HTTP/1.1", 400), ("CONNECT a:65536 HTTP/1.1", 400),
        ("CONNECT a:4x HTTP/1.1", 400), ("CONNECT http://a:443/ HTTP/1.1", 400),
        ("CONNECT a:443/ HTTP/1.1", 400), ("CONNECT u@a:443 HTTP/1.1", 400),
        ("GET http:// HTTP/1.1", 400), ("GET http:///a HTTP/1.1", 400),
        ("GET http:/a HTTP/1.1", 400), ("GET http:a HTTP/1.1", 400), ("GET ftp://a/ HTTP/1.1", 400),
        ("GET http://u@a/ HTTP/1.1", 400), ("GET http://u:p@a/ HTTP/1.1", 400),
        ("GET http://a:b/ HTTP/1.1", 400), ("GET http://a:1:2/ HTTP/1.1", 400),
        ("GET http://a:65536/ HTTP/1.1", 400), ("GET http://[::1/ HTTP/1.1", 400),
        ("GET http://a%zz/ HTTP/1.1", 400), ("GET http://:80/ HTTP/1.1", 400),
        ("GET http://a/{} HTTP/1.1", 400), ("GET http://a/# HTTP/1.1", 400),
    ]

    @Test("A wrong request line is refused, with the right status, at every split")
    func refusedLines() {
        // If this failed, what is no request would be served, or answered with a wrong status, or
        // the answer would depend on how the network cuts it.
        for (line, status) in Self.refused {
            let request = Self.request(line)
            #expect(outcome(of: request).status == status, "\(line)")
            #expect(firstDifferingSplit(of: Array(request.utf8)) == nil, "\(line)")
        }
    }

    /// Lines that are right: method, form, path and query, each nil if there is none.
    static let accepted:
        [(line: String, method: String, form: TargetForm, path: String, query: String?)] = [
            ("GET / HTTP/1.1", "GET", .origin, "/", nil),
            ("get / HTTP/1.1", "get", .origin, "/", nil),
            ("M-SEARCH / HTTP/1.1", "M-SEARCH", .origin, "/", nil),
            ("!#$%&'*+-.^_`|~9 / HTTP/1.1", "!#$%&'*+-.^_`|~9", .origin, "/", nil),
            ("PROPFIND //a//b HTTP/1.1", "PROPFIND", .origin, "//a//b", nil),
            ("GET /a/b.c;d=e,f HTTP/1.1", "GET", .origin, "/a/b.c;d=e,f", nil),
            ("GET /-._~!$&'()*+,;=:@ HTTP/1.1", "GET", .origin, "/-._~!$&'()*+,;=:@", nil),
            ("GET /%41%2f%7E HTTP/1.1", "GET", .origin, "/%41%2f%7E", nil),
            ("GET /a[1]|^ HTTP/1.1", "GET", .origin, "/a[1]|^", nil),
            ("GET /.. HTTP/1.1", "GET", .origin, "/..", nil),
            ("GET /? HTTP/1.1", "GET", .origin, "/", ""),
            ("GET /?a=b&c[]=d HTTP/1.1", "GET", .origin, "/", "a=b&c[]=d"),
            ("GET /a?b?c/d HTTP/1.1", "GET", .origin, "/a", "b?c/d"),
            ("GET /?100%!{|}\\^` HTTP/1.1", "GET", .origin, "/", "100%!{|}\\^`"),
            ("OPTIONS * HTTP/1.1", "OPTIONS", .asterisk, "", nil),
            ("OPTIONS / HTTP/1.1", "OPTIONS", .origin, "/", nil),
            ("CONNECT a.b:443 HTTP/1.1", "CONNECT", .authority, "", nil),
            ("CONNECT [::1]:443 HTTP/1.1", "CONNECT", .authority, "", nil),
            ("GET http://b/c?d HTTP/1.1", "GET", .absolute, "/c", "d"),
            ("GET HTTP://b/ HTTP/1.1", "GET", .absolute, "/", nil),
            ("GET https://b:8443?d HTTP/1.1", "GET", .absolute, "", "d"),
            ("GET http://b HTTP/1.1", "GET", .absolute, "", nil),
            ("OPTIONS http://b:80 HTTP/1.1", "OPTIONS", .absolute, "", nil),
        ]

    @Test("A right request line is taken apart, at every split")
    func acceptedLines() {
        // If this failed, a server would answer 400 to a good request or look for another resource.
        for (line, method, form, path, query) in Self.accepted {
            let request = Self.request(line)
            guard let head = outcome(of: request).head else {
                Issue.record("\(line): \(outcome(of: request))")
                continue
            }
            #expect(text(head.methodName, of: request) == method)
            #expect(head.target.form == form, "\(line)")
            #expect(text(head.target.path, of: request) == path)
            #expect(head.target.hasQuery == (query != nil), "\(line)")
            #expect(text(head.target.query, of: request) == query ?? "")
            #expect(text(head.target.whole, of: request) == line.split(separator: " ")[1])
            #expect(head.byteCount == request.utf8.count)
            #expect(firstDifferingSplit(of: Array(request.utf8)) == nil, "\(line)")
        }
    }

    @Test("Known methods are recognised, in their own case only")
    func methods() {
        // If this failed, HEAD would be answered with a body, or "get" be taken for GET.
        for method in RequestMethod.allCases where method != .other {
            let target = method == .connect ? "a:1" : "/"
            let right = outcome(of: Self.request("\(method.name) \(target) HTTP/1.1"))
            #expect(right.head?.method == method)
            let lower = "\(method.name)".lowercased()
            #expect(outcome(of: Self.request("\(lower) / HTTP/1.1")).head?.method == .other)
            #expect(outcome(of: Self.request("X\(method.name) / HTTP/1.1")).head?.method == .other)
        }
    }

    @Test("Minor versions: 1.0 is old, 1.2 and 1.9 are of the family of 1.1")
    func versions() {
        // If this failed, a client of 1.2 would be refused (RFC 9110, section 2.5) or get the
        // keep-alive rules of 1.0.
        for (digit, keepsAlive) in [(0, false), (1, true), (2, true), (9, true)] {
            let head = outcome(of: Self.request("GET / HTTP/1.\(digit)")).head
            #expect(head?.versionMinor == UInt8(digit))
            #expect(head?.keepsAlive == keepsAlive)
        }
    }

    @Test("Line ends are CR LF; a few empty lines may stand before")
    func lineEnds() {
        // If this failed, a request could be read in two ways (RFC 9112, section 2.2), or a client
        // that sends an empty line behind a body be refused.
        let rest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for count in 0...4 {
            let request = String(repeating: "\r\n", count: count) + rest
            #expect(outcome(of: request).head?.byteCount == request.utf8.count)
            #expect(firstDifferingSplit(of: Array(request.utf8)) == nil)
        }
        let wrong: [(String, HTTP1Error)] = [
            (String(repeating: "\r\n", count: 5) + rest, .tooManyEmptyLines),
            ("\n" + rest, .bareLineFeed), ("\r" + rest, .bareCarriageReturn),
            ("\r\r\n" + rest, .bareCarriageReturn),
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET /\nHost: a\r\n\r\n", .bareLineFeed), ("GET\n", .badMethod),
            ("GET /\r\n\r\n", .badVersion), ("GET / \r\n\r\n", .badVersion),
        ]
        for (request, error) in wrong {
            #expect(outcome(of: request) == .refused(error), "\(request.debugDescription)")
            #expect(firstDifferingSplit(of: Array(request.utf8)) == nil)
        }
    }

    @Test("What never was HTTP is refused at its first wrong byte")
    func garbage() {
        // If this failed, a client of TLS would wait for an answer until the time limit, and
        // garbage without end would be answered as a long target.
        #expect(outcome(of: [0x16, 0x03, 0x01, 0x02, 0x00]) == .refused(.badMethod))
        #expect(outcome(of: "<html>") == .refused(.badMethod))
        let letters = [UInt8](repeating: 0x41, count: 100_000)
        #expect(outcome(of: letters) == .refused(.badMethod))
        let noise = (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
        #expect(outcome(of: noise).status == 400)
    }

    @Test("A long target is 414, exactly above its limit, whole or in pieces")
    func longTargets() {
        // If this failed, 431 or 400 would be answered, or a limit of one more or less be kept.
        var limits = HTTPLimits()
        limits.targetByteCountMax = 100
        for prefix in ["/", "/?", "/a?", "http://a/", "http://a/?b"] {
            for (count, isRefused) in [(100, false), (101, true), (400, true)] {
                let fill = String(repeating: "x", count: count - prefix.utf8.count)
                let bytes = Array(Self.request("GET \(prefix)\(fill) HTTP/1.1").utf8)
                let whole = outcome(of: bytes, limits: limits)
                #expect((whole == .refused(.targetTooLong)) == isRefused, "\(prefix) \(count)")
                #expect(firstDifferingSplit(of: bytes, limits: limits) == nil)
            }
        }
        // A fault behind the limit does not count.
        let late = Array(("GET /" + String(repeating: "x", count: 200) + "%zz").utf8)
        #expect(outcome(of: late, limits: limits) == .refused(.targetTooLong))
        #expect(firstDifferingSplit(of: late, limits: limits) == nil)
        let eight = String(repeating: "x", count: 7999)
        #expect(outcome(of: Self.request("GET /\(eight) HTTP/1.1")).head != nil)
    }
}
