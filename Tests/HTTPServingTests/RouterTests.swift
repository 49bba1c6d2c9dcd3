// SPDX-License-Identifier: MIT

import StressSupport
import Testing

@testable import HTTPServing

@Suite("Router: what matches")
struct RouterTests {
    @Test("Literal before typed before string before wildcard")
    func precedence() throws {
        // If this failed, a request would reach a more general route than the one meant for it.
        let router = try router([
            "GET /u/me", "GET /u/:uuid(uuid)", "GET /u/:id(uint)", "GET /u/:signed(int)",
            "GET /u/:name", "GET /u/*rest", "GET /",
        ])
        #expect(answer(router, "GET /") == "GET /")
        #expect(answer(router, "GET /u/me") == "GET /u/me")
        #expect(answer(router, "GET /u/12") == "GET /u/:id(uint) id=12")
        #expect(answer(router, "GET /u/-12") == "GET /u/:signed(int) signed=-12")
        #expect(answer(router, "GET /u/012") == "GET /u/:name name=012")
        #expect(answer(router, "GET /u/m") == "GET /u/:name name=m")
        let uuid = "0190a6f0-1D2c-7abc-8def-0123456789ab"
        #expect(answer(router, "GET /u/\(uuid)") == "GET /u/:uuid(uuid) uuid=\(uuid)")
        #expect(answer(router, "GET /u/a/b") == "GET /u/*rest rest=a/b")
        #expect(answer(router, "GET /u/") == "GET /u/*rest rest=")
        #expect(answer(router, "GET /u") == "404")
    }

    @Test("A dead end goes back to the next choice, also for the method")
    func backtracking() throws {
        // If this failed, a literal prefix would hide routes that match behind it.
        let router = try router([
            "GET /a/b/c", "GET /a/:x/d", "GET /:p/b/e", "GET /*rest", "POST /a/*tail",
            "PUT /a/:n(int)", "DELETE /a/:x",
        ])
        #expect(answer(router, "GET /a/b/c") == "GET /a/b/c")
        #expect(answer(router, "GET /a/b/d") == "GET /a/:x/d x=b")
        #expect(answer(router, "GET /a/b/e") == "GET /:p/b/e p=a")
        #expect(answer(router, "GET /a/b/f") == "GET /*rest rest=a/b/f")
        #expect(answer(router, "POST /a/b/c") == "POST /a/*tail tail=b/c")
        #expect(answer(router, "DELETE /a/7") == "DELETE /a/:x x=7")
        #expect(answer(router, "PATCH /a/7") == "405 GET, HEAD, POST, PUT, DELETE, OPTIONS")
        #expect(answer(router, "PATCH /a/x") == "405 GET, HEAD, POST, DELETE, OPTIONS")
    }

    @Test("405 for known paths, 404 and 501 for unknown ones")
    func methods() throws {
        // If this failed, clients would be told that a method is unknown to the server, or that a
        // path is, when it is not.
        let router = try router(["GET /a", "POST /b", "PURGE /c", "OPTIONS /d", "HEAD /e"])
        #expect(answer(router, "HEAD /a") == "GET /a")
        #expect(answer(router, "POST /a") == "405 GET, HEAD, OPTIONS")
        #expect(answer(router, "BREW /a") == "405 GET, HEAD, OPTIONS")
        #expect(answer(router, "get /a") == "405 GET, HEAD, OPTIONS")
        #expect(answer(router, "HEAD /b") == "405 POST, OPTIONS")
        #expect(answer(router, "PURGE /c") == "PURGE /c")
        #expect(answer(router, "GET /c") == "405 OPTIONS, PURGE")
        #expect(answer(router, "GET /e") == "405 HEAD, OPTIONS")
        #expect(answer(router, "OPTIONS /a") == "204 GET, HEAD, OPTIONS")
        #expect(answer(router, "OPTIONS /d") == "OPTIONS /d")
        #expect(answer(router, "OPTIONS *") == "204 GET, HEAD, POST, OPTIONS, PURGE")
        #expect(answer(router, "GET *") == "400")
        #expect(answer(router, "PURGE /x") == "404")
        #expect(answer(router, "HEAD /x") == "404")
        #expect(answer(router, "OPTIONS /x") == "404")
        #expect(answer(router, "BREW /x") == "501")
        #expect(answer(router, "PUT /x") == "501")
    }

    @Test("A parameter fallback keeps GET's HEAD and a HEAD of its own")
    func head() throws {
        // If this failed, HEAD would be answered by another route than GET.
        let router = try router(["GET /a", "HEAD /a", "GET /:x"])
        #expect(answer(router, "HEAD /a") == "HEAD /a")
        #expect(answer(router, "HEAD /b") == "GET /:x x=b")
    }

    @Test("Segments are decoded after splitting")
    func decoding() throws {
        // If this failed, an encoded slash would change which route is taken.
        let router = try router([
            "GET /caf%C3%A9/:x", "GET /a%2Fb", "GET /n/:n(int)", "GET /%3Aid/%2Astar", "GET /p%25",
        ])
        #expect(answer(router, "GET /caf%c3%A9/a%2Fb%20c") == "GET /caf%C3%A9/:x x=a/b c")
        #expect(answer(router, "GET /caf\u{E9}/1") == "GET /caf%C3%A9/:x x=1")
        #expect(answer(router, "GET /%63af%C3%A9/1") == "GET /caf%C3%A9/:x x=1")
        #expect(answer(router, "GET /a%2fb") == "GET /a%2Fb")
        #expect(answer(router, "GET /a/b") == "404")
        #expect(answer(router, "GET /n/%31%32") == "GET /n/:n(int) n=12")
        #expect(answer(router, "GET /:id/*star") == "GET /%3Aid/%2Astar")
        #expect(answer(router, "GET /p%25") == "GET /p%25")
        #expect(answer(router, "GET /p%") == "400")
        let long = String(repeating: "%31", count: 200)
        #expect(answer(router, "GET /n/\(long)") == "404")
    }

    @Test(
        "What no path may be is refused whatever the routes are",
        arguments: [
            "/..", "/a/../b", "/%2e%2E", "/.%2e/", "/./a", "/a/.", "/%2e", "/a%00b", "/a%0", "/%zz",
            "/a b", "/a\u{7F}", "a", "", "/a\tb", "/x/..", "//..", "/%",
        ])
    func hostile(_ path: String) throws {
        // If this failed, a path could climb out of a folder or hide from a proxy's rules.
        let router = try router(["GET /*rest", "GET /x/:y"])
        var parameters = RouteParameters()
        let path = bytes(path)
        let outcome = router.lookup(.get, path.span, &parameters)
        #expect(outcome == .malformedPath)
    }

    @Test("Names with dots are names")
    func dots() throws {
        // If this failed, files called ".x" or "..." could not be asked for.
        let router = try router(["GET /*rest"])
        for path in ["/...", "/.a", "/a..", "/..a", "/%2e%2e%2e", "/a/.well-known"] {
            #expect(answer(router, "GET \(path)").hasPrefix("GET /*rest rest="))
        }
    }

    @Test("Empty and deep paths")
    func shapes() throws {
        // If this failed, double slashes or very deep paths would match or trap.
        let router = try router(["GET /a/:x/b", "GET /w/*rest", "GET /d/"])
        #expect(answer(router, "GET /a//b") == "404")
        #expect(answer(router, "GET //a/x/b") == "404")
        #expect(answer(router, "GET /d/") == "GET /d/")
        #expect(answer(router, "GET /d") == "404")
        let deep = "/w" + String(repeating: "/s", count: 1000)
        #expect(answer(router, "GET \(deep)") == "GET /w/*rest rest=\(deep.dropFirst(3))")
        #expect(answer(router, "GET \(deep.dropFirst(2))") == "404")
        let longest = "/w/" + String(repeating: "x", count: 65_532)
        #expect(answer(router, "GET \(longest)").count == 12 + 6 + 65_532)
        #expect(answer(router, "GET \(longest)x") == "414")
    }

    @Test("The three policies for a slash at the end")
    func trailingSlash() throws {
        // If this failed, the stated policy would not be what the router does.
        let routes = ["GET /a", "GET /b/", "GET /w/*rest", "POST /x/:y"]
        let strict = try router(routes)
        #expect(answer(strict, "GET /a/") == "404")
        #expect(answer(strict, "GET /b") == "404")
        let ignoring = try router(routes, .ignore)
        #expect(answer(ignoring, "GET /a/") == "GET /a")
        #expect(answer(ignoring, "GET /b") == "GET /b/")
        #expect(answer(ignoring, "GET /w") == "GET /w/*rest rest=")
        #expect(answer(ignoring, "POST /x/1/") == "POST /x/:y y=1")
        #expect(answer(ignoring, "GET /a//") == "404")
        #expect(answer(ignoring, "GET /") == "404")
        let redirecting = try router(routes, .redirect)
        #expect(answer(redirecting, "GET /a/") == "308 remove")
        #expect(answer(redirecting, "GET /b") == "308 add")
        #expect(answer(redirecting, "PUT /a/") == "308 remove")
        #expect(answer(redirecting, "GET /a") == "GET /a")
        let deep = "/q" + String(repeating: "/s", count: 100) + "/"
        #expect(answer(redirecting, "GET \(deep)") == "404")
        // What is not remembered of a long path does not make it one of 32 segments.
        let most = String(repeating: "/s", count: 32)
        for policy in [TrailingSlash.ignore, .redirect] {
            let router = try router(["GET \(most)"], policy)
            #expect(answer(router, "GET \(most)") == "GET \(most)")
            #expect(answer(router, "GET \(most)/s/s/") == "404")
            #expect(answer(router, "GET \(most)/s/") == "404")
        }
    }

    @Test("Typed parameters as numbers")
    func numbers() throws {
        // If this failed, a handler would get another number than the one in the path.
        let router = try router(["GET /:a(int)/:b(uint)/:c(uuid)"])
        let path = bytes(
            "/-9223372036854775808/18446744073709551615/00000000-0000-0001-8000-00000000000F")
        var parameters = RouteParameters()
        let outcome = router.lookup(.get, path.span, &parameters)
        #expect(outcome == .found(RouteID(index: 0)))
        let integer = parameters.integer(at: 0, in: path.span)
        #expect(integer == .min)
        let unsigned = parameters.unsigned(at: 1, in: path.span)
        #expect(unsigned == .max)
        let uuid = parameters.uuid(at: 2, in: path.span)
        #expect(uuid?.high == 1)
        #expect(uuid?.low == 0x8000_0000_0000_000F)
        let least = bytes("-9223372036854775808")
        let isLeast = parameters.equals(at: 0, in: path.span, least.span)
        #expect(isLeast)
        for outside in ["9223372036854775808", "-9223372036854775809", "-0", "+1", "-", "1.0"] {
            #expect(answer(router, "GET /\(outside)/1/\(text(path).suffix(36))") == "404")
        }
        #expect(answer(router, "GET /1/18446744073709551616/\(text(path).suffix(36))") == "404")
        #expect(router.parameterIndex("b", of: RouteID(index: 0)) == 1)
        #expect(router.parameterIndex("x", of: RouteID(index: 0)) == nil)
    }

    @Test("A thousand random tables agree with trying every pattern")
    func oracle() throws {
        // If this failed, the flat tables would lose or mistake a route.
        var random = SplitMix64(seed: 20_261_125)
        for _ in 0..<1000 { try compareWithOracle(&random) }
    }

    private func compareWithOracle(_ random: inout SplitMix64) throws {
        let words = ["a", "b", "longer-than-eight", "longer-than-nine", "7", ":s", ":i(int)"]
        var patterns: Set<String> = []
        for _ in 0..<Int.random(in: 1...30, using: &random) {
            var pattern = ""
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                pattern += "/" + (words.randomElement(using: &random) ?? "")
            }
            // Names must be unique in one pattern.
            let isUnique = pattern.split(separator: ":").count <= 2
            if isUnique { patterns.insert(pattern) }
        }
        if patterns.isEmpty { return }
        let router = try router(patterns.sorted().map { "GET \($0)" })
        for _ in 0..<30 {
            let path = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                (words.dropLast(2) + ["c", "12"]).randomElement(using: &random) ?? ""
            }
            let found = answer(router, "GET /" + path.joined(separator: "/"))
            let best = patterns.filter { matches($0, path) }.max { rank($0) < rank($1) }
            #expect(
                found.split(separator: " ").prefix(2).joined(separator: " ")
                    == (best.map { "GET \($0)" } ?? "404"))
        }
    }

    private func matches(_ pattern: String, _ path: [String]) -> Bool {
        let segments = pattern.split(separator: "/").map(String.init)
        guard segments.count == path.count else { return false }
        return zip(segments, path).allSatisfy { segment, word in
            if segment == ":s" { return true }
            if segment == ":i(int)" { return Int(word) != nil }
            return segment == word
        }
    }

    /// From left to right: literal 2, typed 1, string 0.
    private func rank(_ pattern: String) -> String {
        pattern.split(separator: "/").map {
            $0 == ":s" ? "0" : $0 == ":i(int)" ? "1" : "2"
        }.joined()
    }
}
