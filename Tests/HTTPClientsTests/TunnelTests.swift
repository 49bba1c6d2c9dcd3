// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import HTTP1Codec
import Networking
import Testing

@testable import HTTPClients

@Suite("The HTTP client behind proxies", .serialized)
struct TunnelTests {
    /// Runs a client whose proxy is the peer.
    private func behind(
        _ choice: BackendChoice, peer: @escaping @Sendable (Peer) async -> Void,
        _ body: @escaping @Sendable (HTTPClient, PeerLog) async throws -> Void
    ) throws {
        try withPeer(choice, peer: peer) { rig in
            let configuration = quick {
                $0.proxies = ProxySettings(
                    try? HTTPProxy("http://me:pw@127.0.0.1:\(rig.port)"),
                    exceptions: ProxyExceptions("direct.invalid"))
            }
            try await HTTPClient.run(on: rig.group, configuration: configuration) { client in
                try await body(client, rig.log)
            }
        }
    }

    @Test(
        "http goes to the proxy with its whole URL, and the password only there",
        arguments: backends)
    func absolute(_ choice: BackendChoice) throws {
        // If this failed, a proxy would not know where to, or a server would learn its password.
        try behind(choice) { peer in
            while await peer.head() != nil { await peer.answer() }
        } _: { client, log in
            let url = try RequestURL("http://example.test:8000/a?b")
            for _ in 0..<2 {
                #expect(try await client.fetch(ClientRequest(url), upTo: 9).text == "ok")
            }
            #expect(log.connectionCount == 1)
            #expect(
                log.heads[0]
                    == "GET http://example.test:8000/a?b HTTP/1.1\r\nHost: example.test:8000\r\n"
                    + "User-Agent: millrace\r\n" + Self.codings
                    + "Proxy-Authorization: Basic bWU6cHc=\r\n\r\n")
            let direct = ClientRequest(try RequestURL("http://direct.invalid/"))
            guard case .unreachable = try await failure({ try await client.fetch(direct, upTo: 9) })
            else {
                Issue.record("an exception is asked directly")
                return
            }
        }
    }

    private static var codings: String {
        #if Compression
            "Accept-Encoding: gzip, br\r\n"
        #else
            ""
        #endif
    }

    @Test("https goes through a tunnel, which the proxy may refuse", arguments: backends)
    func tunnel(_ choice: BackendChoice) throws {
        // If this failed, what is secret would be sent to the proxy in the clear, or a proxy's page
        // be taken for the server's.
        let request = ClientRequest(try RequestURL("https://example.test/secret"))
        for (answer, expected) in [
            (
                "HTTP/1.1 407 Who\r\nContent-Length: 4\r\n\r\npage",
                HTTPClientError.proxyRefused(
                    status: 407)
            ),
            ("HTTP/1.1 502 No\r\n\r\n", .proxyRefused(status: 502)),
            ("", .disconnected(nil)),
            ("HTTP/1.1 200 OK\r\n\r\nevil", .proxyRefused(status: 200)),
            ("nonsense\r\n\r\n", .malformed(.badVersion)),
        ] {
            try behind(choice) { peer in
                _ = await peer.head()
                await peer.send(answer)
            } _: { client, log in
                try await expectFailure(expected) { try await client.fetch(request, upTo: 9) }
                #expect(
                    log.heads[0]
                        == "CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n"
                        + "User-Agent: millrace\r\nProxy-Authorization: Basic bWU6cHc=\r\n\r\n")
            }
        }
    }
}
