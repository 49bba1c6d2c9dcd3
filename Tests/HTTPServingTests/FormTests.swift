// SPDX-License-Identifier: MIT

import Testing

@testable import HTTPServing

@Suite("Queries and forms")
struct FormTests {
    private func pairs(_ text: String) throws -> [String] {
        let form = try Form(bytes(text))
        return form.fields.map { field in
            let pair = form.text(of: field)
            return "\(pair.name)=\(pair.value)"
        }
    }

    @Test("The URL Standard's parser, rule by rule")
    func parsing() throws {
        // If this failed, forms would be read otherwise than browsers write them.
        #expect(try pairs("a=1&b=2") == ["a=1", "b=2"])
        #expect(try pairs("") == [])
        #expect(try pairs("&&a&&") == ["a="])
        #expect(try pairs("a") == ["a="])
        #expect(try pairs("=1") == ["=1"])
        #expect(try pairs("a=b=c") == ["a=b=c"])
        #expect(try pairs("a+b=c+%2B") == ["a b=c +"])
        #expect(try pairs("a%=%4&%zz=%%41") == ["a%=%4", "%zz=%A"])
        #expect(try pairs("%61%3D=%26") == ["a==&"])
        #expect(try pairs("n=J%C3%B8rn&n=%FF") == ["n=J\u{F8}rn", "n=\u{FFFD}"])
        #expect(try pairs("a;b=1") == ["a;b=1"])
        #expect(try pairs("%EF%BB%BFa=1") == ["\u{FEFF}a=1"])
    }

    @Test("Names are compared decoded")
    func names() throws {
        // If this failed, an encoded name would not be found, or another one would.
        let form = try Form(bytes("a%20b=1&a+b=2&ab=3&%61b=4&a%20=5"))
        #expect(form["a b"] == "1")
        #expect(form.all("a b") == ["1", "2"])
        #expect(form.all("ab") == ["3", "4"])
        #expect(form["a"] == nil)
        #expect(form[""] == nil)
        #expect(try Form(bytes("=x"))[""] == "x")
    }

    @Test("The limits are exact")
    func limits() throws {
        // If this failed, a form of a million pairs would be collected.
        let form = try Form(bytes("a&b&c"), pairCountMax: 3)
        #expect(form.fields.count == 3)
        #expect(
            failure { () throws(FormError) in try Form(bytes("a&b&c&d"), pairCountMax: 3) }
                == .tooManyPairs)
        #expect(
            failure { () throws(FormError) in try Form(bytes("a=12"), byteCountMax: 3) }
                == .tooLong)
        #expect(try Form(bytes("a&b&&&&"), pairCountMax: 2).fields.count == 2)
    }

    @Test("What is written is read again")
    func roundTrip() throws {
        // If this failed, redirects would carry other values than meant.
        let values = ["", "a b", "a+b", "&=%", "\u{F8}\u{1F600}", "*-._~", "\r\n\0"]
        var output: [UInt8] = []
        for value in values { Form.append(value, value, to: &output) }
        #expect(text(output).hasPrefix("=&a+b=a+b&a%2Bb=a%2Bb&%26%3D%25=%26%3D%25&"))
        #expect(text(output).contains("*-._%7E="))
        #expect(try pairs(text(output)) == values.map { "\($0)=\($0)" })
    }
}

@Suite("Cookies")
struct CookieTests {
    private func cookies(_ header: String, max: Int = 64) throws(CookieError) -> [String] {
        let header = bytes(header)
        var scanner = CookieScanner(cookieCountMax: max)
        var result: [String] = []
        while let cookie = try scanner.next(in: header.span) {
            result.append("\(text(header, cookie.name))=\(cookie.valueText(in: header.span))")
        }
        return result
    }

    private func field(_ cookie: SetCookie) throws(CookieError) -> String {
        var output: [UInt8] = []
        try cookie.append(to: &output)
        return text(output)
    }

    @Test("Cookies of a header, also of sloppy clients")
    func parsing() throws {
        // If this failed, a session would be lost or taken from another cookie.
        #expect(try cookies("a=1; b=2") == ["a=1", "b=2"])
        #expect(try cookies("a=1;b=2;;  ; c ;=x; d=\"q\"") == ["a=1", "b=2", "d=q"])
        #expect(try cookies(" a = 1 ") == ["a=1"])
        #expect(try cookies("a=b=c; e=") == ["a=b=c", "e="])
        #expect(try cookies("a=\"; b=2") == ["a=\"", "b=2"])
        #expect(try cookies("") == [])
        #expect(try cookies("a=%20\u{F8}") == ["a=%20\u{F8}"])
        #expect(
            failure { () throws(CookieError) in try cookies("a=1;b=1", max: 1) } == .tooManyCookies)
        #expect(try cookies("a=1;;;b", max: 1) == ["a=1"])
    }

    @Test("The first cookie of a name, in its case")
    func first() throws {
        // If this failed, a cookie for a parent path would win over the nearer one.
        let header = bytes("A=0; ab=1; a=2; a=3")
        let name = bytes("a")
        let cookie = try CookieScanner.first(named: name.span, in: header.span)
        #expect(cookie.map { text(header, $0.value) } == "2")
        let none = bytes("b")
        let missing = try CookieScanner.first(named: none.span, in: header.span)
        #expect(missing == nil)
    }

    @Test("Set-Cookie with its defaults and with everything")
    func writing() throws {
        // If this failed, cookies would be sent without TLS or to scripts.
        var cookie = try SetCookie(name: "sid", value: "abc")
        #expect(try field(cookie) == "sid=abc; Path=/; SameSite=Lax; Secure; HttpOnly")
        cookie.domain = "example.org"
        cookie.path = "/a"
        cookie.maxAgeSeconds = 3600
        cookie.sameSite = SetCookie.SameSite.none
        cookie.isPartitioned = true
        #expect(
            try field(cookie) == "sid=abc; Domain=example.org; Path=/a; Max-Age=3600;"
                + " SameSite=None; Secure; HttpOnly; Partitioned")
        #expect(
            try field(SetCookie.removal(of: "sid"))
                == "sid=; Path=/; Max-Age=0; SameSite=Lax; Secure; HttpOnly")
        cookie = try SetCookie(name: "x", value: "")
        cookie.path = nil
        cookie.sameSite = nil
        cookie.isSecure = false
        cookie.isHTTPOnly = false
        #expect(try field(cookie) == "x=")
    }

    @Test("What would break the header or the promise is refused")
    func refusals() throws {
        // If this failed, a value could add attributes or whole fields to the response.
        for value in ["a b", "a;b", "a,b", "\"a\"", "a\r\nX: y", "\u{E4}", "\\", "\0", "\u{7F}"] {
            #expect(
                failure { () throws(CookieError) in try SetCookie(name: "a", value: value) }
                    == .invalidValue)
        }
        for name in ["", "a b", "a=b", "a;", "\u{E4}", "a\n"] {
            #expect(
                failure { () throws(CookieError) in try SetCookie(name: name, value: "") }
                    == .invalidName)
        }
        let long = String(repeating: "a", count: 4096)
        #expect(
            failure { () throws(CookieError) in try SetCookie(name: "a", value: long) } == .tooLong)
        #expect(try refusal("a") { $0.path = "a" } == .invalidPath)
        #expect(try refusal("a") { $0.path = "/;Domain=evil" } == .invalidPath)
        #expect(try refusal("a") { $0.path = "/\n" } == .invalidPath)
        #expect(try refusal("a") { $0.domain = "a;b" } == .invalidDomain)
        #expect(try refusal("a") { $0.domain = "" } == .invalidDomain)
        #expect(try refusal("a") { $0.domain = String(repeating: "a", count: 1025) } == .tooLong)
        #expect(try refusal("a") { $0.isSecure = false } == nil)
        #expect(try refusal("__Secure-a") { $0.isSecure = false } == .needsSecure)
        #expect(try refusal("__Host-a") { _ in } == nil)
        #expect(try refusal("__Host-a") { $0.isSecure = false } == .needsSecure)
        #expect(try refusal("__Host-a") { $0.path = "/a" } == .invalidHostPrefix)
        #expect(try refusal("__Host-a") { $0.domain = "a.b" } == .invalidHostPrefix)
        #expect(
            try refusal("a") {
                $0.isSecure = false
                $0.isPartitioned = true
            } == .needsSecure)
        #expect(
            try refusal("a") {
                $0.isSecure = false
                $0.sameSite = SetCookie.SameSite.none
            } == .needsSecure)
    }

    private func refusal(
        _ name: String, _ change: (inout SetCookie) -> Void
    ) throws -> CookieError? {
        var cookie = try SetCookie(name: name, value: "v")
        change(&cookie)
        return failure { () throws(CookieError) in try field(cookie) }
    }
}
