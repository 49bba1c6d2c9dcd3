// SPDX-License-Identifier: MIT

import HTTP1Codec
import Testing

@testable import HTTPClients

@Suite("Chains of redirects")
struct RedirectTests {
    private func trail(
        _ method: String, _ policy: RedirectPolicy = RedirectPolicy(), body: ClientBody = .none,
        _ url: String = "http://a/x"
    ) throws -> RedirectTrail {
        var request = ClientRequest(try RequestURL(url), method: method)
        request.body = body
        for name in [
            "Authorization", "Cookie", "Proxy-Authorization", "Content-Type", "X-Other",
        ] { request.fields.add(name, "v") }
        return RedirectTrail(request, policy)
    }

    @Test("The method changes where RFC 9110, section 15.4 says so")
    func methods() throws {
        // If this failed, a form would be sent twice, or a PUT become a GET.
        for (status, before, after) in [
            (301, "GET", "GET"), (301, "POST", "GET"), (301, "PUT", "PUT"), (302, "POST", "GET"),
            (302, "DELETE", "DELETE"), (303, "POST", "GET"), (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"), (307, "POST", "POST"), (308, "POST", "POST"),
            (308, "HEAD", "HEAD"),
        ] {
            var trail = try trail(before, body: .text("b"))
            try trail.follow(status: status, location: "/y")
            #expect(trail.request.method == after, "\(status) \(before)")
            let keepsBody = before == after && !(status == 303)
            #expect(trail.request.hasBody == keepsBody || before == "HEAD", "\(status) \(before)")
            let isChanged = before != after
            #expect((trail.request.fields["Content-Type"] == nil) == isChanged)
            #expect(trail.request.fields["X-Other"] == "v")
        }
    }

    @Test("Only redirects with a Location are followed")
    func statuses() throws {
        // If this failed, 304 or a redirect without a goal would be an error.
        let trail = try trail("GET")
        for status in [200, 300, 304, 305, 306, 404] {
            #expect(!trail.isRedirect(status: status, location: "/y"))
        }
        for status in [301, 302, 303, 307, 308] {
            #expect(trail.isRedirect(status: status, location: "/y"))
            #expect(!trail.isRedirect(status: status, location: nil))
            let none = try self.trail("GET", .none)
            #expect(!none.isRedirect(status: status, location: "/y"))
        }
    }

    @Test("Credentials do not go to another origin, nor come back")
    func credentials() throws {
        // If this failed, a redirect could steal a password.
        for other in ["http://b/", "http://a:81/", "https://a/"] {
            var trail = try trail("GET")
            try trail.follow(status: 302, location: "/same")
            #expect(trail.request.fields["Authorization"] == "v")
            #expect(trail.request.fields["Cookie"] == "v")
            try trail.follow(status: 302, location: other)
            for name in ["Authorization", "Cookie", "Proxy-Authorization"] {
                #expect(trail.request.fields[name] == nil, "\(other)")
            }
            #expect(trail.request.fields["X-Other"] == "v")
            if trail.request.url.origin.isSecure { continue }
            try trail.follow(status: 302, location: "http://a/again")
            #expect(trail.request.fields["Authorization"] == nil)
        }
    }

    @Test("From https to http only if that is allowed")
    func downgrade() throws {
        // If this failed, what was secret would be sent in the clear.
        var strict = try trail("GET", "https://a/")
        #expect(throws: HTTPClientError.redirect(.downgrade)) {
            try strict.follow(status: 302, location: "http://a/")
        }
        var policy = RedirectPolicy()
        policy.allowsDowngrade = true
        var lax = try trail("GET", policy, "https://a/")
        try lax.follow(status: 302, location: "http://a/")
    }

    private func trail(_ method: String, _ url: String) throws -> RedirectTrail {
        try trail(method, RedirectPolicy(), body: .none, url)
    }

    private func trail(
        _ method: String, _ policy: RedirectPolicy, _ url: String
    ) throws -> RedirectTrail {
        try trail(method, policy, body: .none, url)
    }

    @Test("Chains are bounded, and circles are found")
    func bounds() throws {
        // If this failed, two servers could keep a client busy for ever.
        var long = try trail("GET")
        for number in 0..<10 { try long.follow(status: 302, location: "/\(number)") }
        #expect(throws: HTTPClientError.redirect(.tooMany)) {
            try long.follow(status: 302, location: "/10")
        }
        var round = try trail("GET")
        try round.follow(status: 302, location: "/y")
        #expect(throws: HTTPClientError.redirect(.loop)) {
            try round.follow(status: 302, location: "/x")
        }
        // A form that leads back to its own page is no circle: the method is another.
        var form = try trail("POST", body: .text("b"))
        try form.follow(status: 303, location: "/x")
        #expect(form.count == 1)
    }

    @Test("A body that cannot be repeated, or a bad Location, ends the chain")
    func refusals() throws {
        // If this failed, half a body or nothing would be sent on.
        var stream = try trail("POST", body: .stream { _ in })
        #expect(throws: HTTPClientError.redirect(.bodyNotRepeatable)) {
            try stream.follow(status: 307, location: "/y")
        }
        try stream.follow(status: 303, location: "/y")
        var bad = try trail("GET")
        #expect(throws: HTTPClientError.redirect(.badLocation(.badScheme))) {
            try bad.follow(status: 302, location: "ftp://h/")
        }
        #expect(throws: HTTPClientError.redirect(.badLocation(.badTarget))) {
            try bad.follow(status: 302, location: "/a b")
        }
    }
}
