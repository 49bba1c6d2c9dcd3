// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@Suite("Host")
struct HostTests {
    static func request(_ value: String) -> String { "GET / HTTP/1.1\r\nHost:\(value)\r\n\r\n" }

    @Test("A host and its port are found")
    func good() {
        // If this failed, requests would go to another site, or good ones be refused (RFC 9110,
        // section 7.2; RFC 3986, section 3.2).
        let hosts: [(value: String, host: String, port: UInt16)] = [
            ("a", "a", 0), ("example.com", "example.com", 0), ("example.com:80", "example.com", 80),
            ("a:", "a", 0), ("a:0080", "a", 80), ("a:65535", "a", 65535),
            ("a:00000000080", "a", 80),
            ("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]", "[::1]", 0), ("[::1]:80", "[::1]", 80),
            ("[::]", "[::]", 0), ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", 0),
            ("[1::8]", "[1::8]", 0), ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", 0),
            ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", 0),
            ("[2001:DB8::1]:443", "[2001:DB8::1]", 443),
            ("[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", 0),
            ("[1:2:3:4::5:1.2.3.4]", "[1:2:3:4::5:1.2.3.4]", 0), ("[v1.a:b]", "[v1.a:b]", 0),
            ("a_b", "a_b", 0), ("xn--bcher-kva.example", "xn--bcher-kva.example", 0),
            ("a%20b", "a%20b", 0), ("a!$&'()*+,;=~", "a!$&'()*+,;=~", 0), ("A.B", "A.B", 0),
            ("", "", 0), ("a.", "a.", 0),
            ("averyverylonghostname.example.org:1", "averyverylonghostname.example.org", 1),
        ]
        for (value, host, port) in hosts {
            let request = Self.request(" \(value)\t")
            let head = outcome(of: request).head
            #expect(head.map { text($0.host, of: request) } == host, "\(value)")
            #expect(head?.port == port, "\(value)")
        }
    }

    @Test("What is no host is refused, in both versions and for both forms")
    func bad() {
        // If this failed, a cache or a router behind us would take another host than we did.
        let values = [
            "[::1", "::1", "[]", "[:]", "[:::]", "[::1]x", "[::1]:x", "[1:2]",
            "[1:2:3:4:5:6:7:8:9]", "[1::2::3]", "[12345::]", "[g::]", "[1:2:3:4:5:6:7:8::]",
            "[1:2:3:4::5:6:1.2.3.4]", "[1:2:3:4:5:6:7:1.2.3.4]", "[::1.2.3]", "[::1.2.3.256]",
            "[::01.2.3.4]", "[::1%25eth0]", "[v.a]", "[v1.]", "[v1a]",
            "a:b", "a:1:2", "a:-1", "a:+1", "a: 1", "a:65536", "a:99999999999999999999", "a%zz",
            "a%",
            "a%4", "%4g", "a b", "a\tb", "u@a", "u:p@a", "a/b", "a/", "/", "a?b", "a#b", "http://a",
            "a\\b", "a|b", "a\"b", "<a>", "é", ":80", ":", "a^", "{a}", "a`", "[::1]]", "a[1]",
            "a.example b.example", "a, b", "1:2:3",
        ]
        for value in values {
            for version in ["1.0", "1.1"] {
                let request = "GET / HTTP/\(version)\r\nHost: \(value)\r\n\r\n"
                #expect(outcome(of: request) == .refused(.badHost), "\(value)")
                let absolute = "GET http://b/ HTTP/\(version)\r\nHost: \(value)\r\n\r\n"
                #expect(outcome(of: absolute) == .refused(.badHost), "\(value)")
            }
        }
    }

    @Test("HTTP/1.1 needs exactly one Host; HTTP/1.0 at most one")
    func number() {
        // If this failed, a request without a host would be served (RFC 9112, section 3.2).
        #expect(outcome(of: "GET / HTTP/1.1\r\n\r\n") == .refused(.missingHost))
        #expect(outcome(of: "GET / HTTP/1.1\r\nA: b\r\n\r\n") == .refused(.missingHost))
        #expect(outcome(of: "GET http://a/ HTTP/1.1\r\n\r\n") == .refused(.missingHost))
        #expect(outcome(of: "OPTIONS * HTTP/1.1\r\n\r\n") == .refused(.missingHost))
        #expect(outcome(of: "CONNECT a:1 HTTP/1.1\r\n\r\n") == .refused(.missingHost))
        #expect(outcome(of: "GET / HTTP/1.0\r\n\r\n").head?.host.isEmpty == true)
        for version in ["1.0", "1.1"] {
            let twice = "GET / HTTP/\(version)\r\nHost: a\r\nHOST: a\r\n\r\n"
            #expect(outcome(of: twice) == .refused(.repeatedHost))
        }
    }

    @Test("The host of an absolute target wins over Host")
    func absolute() {
        // If this failed, the request would go to the wrong site (RFC 9112, section 3.2.2).
        let request = "GET http://b.example:81/c HTTP/1.1\r\nHost: a:80\r\n\r\n"
        let head = outcome(of: request).head
        #expect(head.map { text($0.host, of: request) } == "b.example")
        #expect(head?.port == 81)
        let plain = "GET http://b/ HTTP/1.1\r\nHost: a:80\r\n\r\n"
        #expect(outcome(of: plain).head?.port == 0)
        let connect = "CONNECT [::1]:443 HTTP/1.1\r\nHost: a:80\r\n\r\n"
        #expect(outcome(of: connect).head.map { text($0.host, of: connect) } == "[::1]")
    }
}
