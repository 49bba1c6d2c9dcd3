// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@testable import HTTPClients

@Suite("Which requests go through which proxy")
struct ProxyTests {
    private func origin(_ text: String) throws -> HTTPOrigin { try RequestURL(text).origin }

    @Test("The usual variables choose")
    func variables() throws {
        // If this failed, requests would go past a proxy that the user has set, or to a wrong one.
        func chosen(_ variables: [String: String], _ url: String) throws -> String? {
            try ProxySettings { variables[$0] }.proxy(for: origin(url))?.description
        }
        #expect(try chosen([:], "http://h/") == nil)
        #expect(try chosen(["http_proxy": "http://p:1"], "http://h/") == "http://p:1")
        #expect(try chosen(["http_proxy": "p:1"], "http://h/") == "http://p:1")
        #expect(try chosen(["http_proxy": "p:1"], "https://h/") == nil)
        #expect(try chosen(["https_proxy": "p:1"], "https://h/") == "http://p:1")
        #expect(try chosen(["HTTPS_PROXY": "P:1"], "https://h/") == "http://p:1")
        #expect(
            try chosen(["HTTPS_PROXY": "p:1", "https_proxy": "q:2"], "https://h/")
                == "http://q:2")
        // In a CGI program this is a field of the request.
        #expect(try chosen(["HTTP_PROXY": "evil:1"], "http://h/") == nil)
        #expect(try chosen(["ALL_PROXY": "p:1"], "http://h/") == "http://p:1")
        #expect(try chosen(["all_proxy": "p:1", "http_proxy": "q:2"], "http://h/") == "http://q:2")
        #expect(try chosen(["http_proxy": ""], "http://h/") == nil)
        #expect(try chosen(["http_proxy": "p:1", "no_proxy": "h"], "http://h/") == nil)
        #expect(try chosen(["http_proxy": "p:1", "NO_PROXY": "*"], "http://x/") == nil)
        #expect(throws: ProxyVariableError(variable: "all_proxy", reason: .badScheme)) {
            try ProxySettings { $0 == "all_proxy" ? "socks5://p:1" : nil }
        }
    }

    @Test("Exceptions are names, what is below them, addresses and ports")
    func exceptions() throws {
        // If this failed, inner hosts would be asked for through the proxy, or outer ones past it.
        let exceptions = ProxyExceptions(
            "example.org, .sub.test,127.0.0.1 [::1]:8080, ::2, port.test:81,,BAD:x")
        for (url, isDirect) in [
            ("http://example.org/", true), ("http://EXAMPLE.org:99/", true),
            ("http://a.example.org/", true), ("http://notexample.org/", false),
            ("http://example.org.evil/", false), ("http://sub.test/", true),
            ("http://x.sub.test/", true), ("http://127.0.0.1:5/", true),
            ("http://127.0.0.2/", false), ("http://1.127.0.0.1/", false),
            ("http://[::1]:8080/", true), ("http://[::1]/", false), ("http://[::2]/", true),
            ("http://port.test:81/", true), ("http://port.test/", false), ("http://bad/", false),
        ] {
            #expect(exceptions.contains(try origin(url)) == isDirect, "\(url)")
        }
        #expect(ProxyExceptions("*").contains(try origin("http://any/")))
        #expect(!ProxyExceptions("").contains(try origin("http://any/")))
    }

    @Test("A proxy's URL may hold a name and a password")
    func authorization() throws {
        // If this failed, a proxy would refuse who has the right password, or learn none.
        #expect(try HTTPProxy("http://h:3128").authorization == nil)
        #expect(try HTTPProxy("http://h").description == "http://h")
        #expect(
            try HTTPProxy("http://Aladdin:open%20sesame@h:1").authorization
                == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        #expect(try HTTPProxy("me:a%40b@h:1").authorization == "Basic bWU6YUBi")
        #expect(try HTTPProxy("http://me@h:1").authorization == "Basic bWU6")
        #expect(try HTTPProxy("http://me:pw@h:1/").description == "http://h:1")
        for text in ["https://h:1", "socks5://h:1", "http://", "", "http://a:%zz@h:1"] {
            #expect(throws: HTTPURLError.self, "\(text)") { try HTTPProxy(text) }
        }
    }

    @Test("Base64 is that of RFC 4648, section 10")
    func base64() {
        // If this failed, passwords of some lengths would be wrong.
        for (text, code) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ] { #expect(Base64.encode(Array(text.utf8)) == code) }
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
    }
}
