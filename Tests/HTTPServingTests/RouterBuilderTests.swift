// SPDX-License-Identifier: MIT

import Testing

@testable import HTTPServing

@Suite("Router: what is refused at registration")
struct RouterBuilderTests {
    @Test("Conflicts name both patterns")
    func conflicts() {
        // If this failed, one of two routes would silently never be taken.
        #expect(
            failure { () throws(RouteError) in try router(["GET /a/:x", "GET /a/:x"]) }
                == .duplicate(method: "GET", pattern: "/a/:x", existing: "/a/:x"))
        #expect(
            failure { () throws(RouteError) in try router(["GET /a%62", "GET /ab"]) }
                == .duplicate(method: "GET", pattern: "/ab", existing: "/a%62"))
        #expect(
            failure { () throws(RouteError) in try router(["GET /a/:x/b", "POST /a/:y/c"]) }
                == .nameConflict(pattern: "/a/:y/c", existing: "/a/:x/b"))
        #expect(
            failure { () throws(RouteError) in try router(["GET /*x", "POST /*y"]) }
                == .nameConflict(pattern: "/*y", existing: "/*x"))
        #expect(
            failure { () throws(RouteError) in try router(["GET /:x/:x"]) }
                == .duplicateName(pattern: "/:x/:x", name: "x"))
        #expect(
            failure { () throws(RouteError) in
                try router(["GET /:x", "POST /:x", "GET /:y(int)", "GET /:x/:z"])
            } == nil)
    }

    @Test(
        "Patterns that are none",
        arguments: [
            ("a", PatternFault.noLeadingSlash), ("", .noLeadingSlash), ("/a//b", .emptySegment),
            ("/:", .invalidName), ("/:a b", .invalidName), ("/*", .invalidName),
            ("/:x(float)", .unknownKind), ("/:x(int", .unknownKind), ("/:x()", .unknownKind),
            ("/:x(", .unknownKind), ("/*r/a", .wildcardNotLast), ("/a%2", .invalidEscape),
            (String(repeating: "/a", count: 33), .tooManySegments),
            ((0..<17).map { "/:p\($0)" }.joined(), .tooManyParameters),
            ("/" + String(repeating: "a", count: 4096), .tooLong),
        ])
    func faults(_ pattern: String, _ fault: PatternFault) {
        // If this failed, a misspelt pattern would be taken for something else.
        var builder = RouterBuilder<Int>()
        #expect(
            failure { () throws(RouteError) in try builder.get(pattern, 1) }
                == .invalidPattern(pattern, fault))
        #expect(builder.router().routeCount == 0)
        // At the limits, not above them.
        for pattern in [
            String(repeating: "/a", count: 32), (0..<16).map { "/:p\($0)" }.joined(),
            "/" + String(repeating: "a", count: 4095),
        ] {
            #expect(failure { () throws(RouteError) in try builder.get(pattern, 1) } == nil)
        }
    }

    @Test("Patterns that no request can match", arguments: ["/a/..", "/%2e", "/a?b", "/#", "/%00"])
    func unreachable(_ pattern: String) {
        // If this failed, a route would be registered and never taken.
        var builder = RouterBuilder<Int>()
        #expect(
            failure { () throws(RouteError) in try builder.get(pattern, 1) }
                == .unreachable(pattern))
    }

    @Test("Methods are tokens, and their number is bounded")
    func methods() throws {
        // If this failed, a method could break the Allow header.
        var builder = RouterBuilder<Int>()
        for method in ["", "A B", "A\r\n", "A,B", "\u{E4}"] {
            #expect(
                failure { () throws(RouteError) in try builder.add(method, "/", 1) }
                    == .invalidMethod(method))
        }
        for index in MethodCode.commonCount..<MethodCode.countMax {
            try builder.add("M\(index)", "/", index)
        }
        #expect(
            failure { () throws(RouteError) in try builder.add("ONE-MORE", "/", 1) }
                == .tooManyMethods("ONE-MORE"))
        let router = builder.router()
        var parameters = RouteParameters()
        let method = router.methodCode(bytes("M31").span)
        let outcome = router.lookup(method, bytes("/").span, &parameters)
        #expect(outcome == .found(RouteID(index: 22)))
    }

    @Test("Every common method has its number")
    func common() {
        // If this failed, a request would be routed by another method than its own.
        for (index, name) in MethodCode.commonNames.enumerated() {
            #expect(code(name).rawValue == UInt8(index))
            #expect(code(name.lowercased()) == .unknown)
            #expect(code(name + "X") == .unknown)
        }
        #expect(code("") == .unknown)
    }

    private func code(_ name: String) -> MethodCode { MethodCode(bytes(name).span) }

    @Test("Groups put their prefixes in front")
    func groups() throws {
        // If this failed, a group's routes would be found elsewhere.
        var builder = RouterBuilder<String>()
        try builder.group("/api/:v(uint)") { api throws(RouteError) in
            try api.get("/", "root")
            try api.group("/users") { users throws(RouteError) in
                try users.get("/:id", "user")
            }
            try api.delete("/x", "x")
        }
        try builder.post("/x", "outside")
        let router = builder.router()
        #expect(answer(router, "GET /api/1/") == "root v=1")
        #expect(answer(router, "GET /api/1/users/b") == "user v=1 id=b")
        #expect(answer(router, "DELETE /api/1/x") == "x v=1")
        #expect(answer(router, "POST /x") == "outside")
        #expect(router.pattern(of: RouteID(index: 1)) == "/api/:v(uint)/users/:id")
    }

    @Test("Two hundred routes, many children of one node")
    func many() throws {
        // If this failed, the search among a node's children would miss some.
        var routes = (0..<200).map { "GET /r/item-number-\($0)/:x" }
        routes += (0..<200).map { "GET /s/\($0)" }
        let router = try router(routes)
        for index in 0..<200 {
            #expect(
                answer(router, "GET /r/item-number-\(index)/v") == "\(routes[index]) x=v")
            #expect(answer(router, "GET /s/\(index)") == "GET /s/\(index)")
            #expect(answer(router, "GET /%72/item-number-\(index)/v") == "\(routes[index]) x=v")
        }
        #expect(answer(router, "GET /r/item-number-200/v") == "404")
    }

    @Test("An empty router knows no path")
    func empty() throws {
        // If this failed, a server without routes would trap.
        let router = try router([])
        #expect(answer(router, "GET /") == "404")
        #expect(answer(router, "POST /") == "501")
        #expect(answer(router, "OPTIONS *") == "204 GET, HEAD, OPTIONS")
    }
}
