// SPDX-License-Identifier: MIT

#if HTTP
    import EventLoops
    import HTTP1Codec
    import HTTPTypes
    import Testing

    @testable import HTTPClients

    @Suite("The HTTP client and swift-http-types")
    struct BridgeTests {
        @Test("Requests and responses go over whole")
        func bridges() throws {
            // If this failed, a field would be lost, or a request go elsewhere.
            try withPeer(.epoll) { peer in
                _ = await peer.head()
                await peer.send("HTTP/1.1 404 No\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n")
            } _: { rig in
                var request = HTTPRequest(
                    method: .put, scheme: "http", authority: "127.0.0.1:\(rig.port)", path: "/a?b")
                request.headerFields[.accept] = "text/plain"
                let response = try await rig.client.send(try ClientRequest(request)) {
                    $0.httpResponse
                }
                #expect(response.status.code == 404)
                #expect(response.headerFields[values: .setCookie] == ["a", "b"])
                #expect(rig.log.heads[0].hasPrefix("PUT /a?b HTTP/1.1\r\n"))
                #expect(rig.log.heads[0].contains("\r\nAccept: text/plain\r\n"))
            }
            #expect(throws: HTTPURLError.badScheme) {
                try ClientRequest(
                    HTTPRequest(method: .get, scheme: "ftp", authority: "h", path: "/"))
            }
        }
    }
#endif
