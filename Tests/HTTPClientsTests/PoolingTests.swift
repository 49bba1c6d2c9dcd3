// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import HTTP1Codec
import Networking
import Testing

@testable import HTTPClients

@Suite("Connections of the HTTP client that are used again", .serialized)
struct PoolingTests {
    /// A peer that answers so many requests of each connection, and then does something else.
    private func dying(
        after count: Int, _ end: @escaping @Sendable (Peer) async -> Void
    ) -> @Sendable (Peer) async -> Void {
        { peer in
            for _ in 0..<count {
                guard await peer.head() != nil else { return }
                await peer.answer()
            }
            // The first connection only: those after it are good.
            if peer.number == 0 {
                await end(peer)
            } else {
                while await peer.head() != nil { await peer.answer() }
            }
        }
    }

    @Test(
        "A connection that dies under a request is replaced, if that is safe", arguments: backends)
    func retries(_ choice: BackendChoice) throws {
        // If this failed, requests would fail for no reason, or be done twice.
        let ends: [@Sendable (Peer) async -> Void] = [
            { peer in _ = await peer.head() },
            { peer in
                _ = await peer.head()
                peer.stream.reset()
            },
        ]
        for end in ends {
            for (method, body, isRepeated) in [
                ("GET", ClientBody.none, true), ("PUT", .text("x"), true), ("DELETE", .none, true),
                ("HEAD", .none, true), ("POST", .text("x"), false), ("PATCH", .none, false),
                ("PUT", .stream(byteCount: 1) { try await $0.write([1]) }, false),
                (
                    "PUT",
                    .stream(byteCount: 1, isRepeatable: true) { try await $0.write([1]) }, true
                ),
            ] {
                try withPeer(choice, peer: dying(after: 1, end)) { rig in
                    #expect(try await rig.get().text == "ok")
                    let request = try rig.request("/", method, body: body)
                    let error = try await failure {
                        try await rig.client.fetch(request, upTo: 9)
                    }
                    if isRepeated {
                        #expect(error == nil, "\(method)")
                        #expect(rig.log.connectionCount == 2, "\(method)")
                    } else {
                        guard case .disconnected = error else {
                            Issue.record("\(method): \(String(describing: error))")
                            return
                        }
                        #expect(rig.log.connectionCount == 1, "\(method)")
                    }
                }
            }
        }
    }

    @Test("Nothing is sent again once a byte of an answer has come, or on a new connection")
    func noRetry() throws {
        // If this failed, a request that was done would be done again.
        for text in ["H", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
            try withPeer(
                .epoll,
                peer: dying(after: 1) { peer in
                    _ = await peer.head()
                    await peer.send(text)
                    await peer.pause(20)
                    peer.stream.reset()
                }
            ) { rig in
                _ = try await rig.get()
                let error = try await failure { try await rig.get() }
                #expect(error != nil)
                #expect(rig.log.connectionCount == 1)
            }
        }
        try withPeer(.epoll) { peer in
            _ = await peer.head()
        } _: { rig in
            try await expectFailure(.disconnected(nil)) { try await rig.get() }
            #expect(rig.log.connectionCount == 1)
        }
    }

    @Test("A retry takes a new connection, and there is one at most")
    func retryBound() throws {
        // If this failed, a server that restarts would cost as many tries as there are idle
        // connections, or a client would try for ever.
        try withPeer(.epoll) { peer in
            // Two connections answer once; then all die under their requests.
            guard await peer.head() != nil else { return }
            guard peer.number < 2 else { return }
            await peer.pause(20)
            await peer.answer()
            _ = await peer.head()
        } _: { rig in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 0..<2 { tasks.addTask { _ = try await rig.get() } }
                try await tasks.waitForAll()
            }
            #expect(rig.log.connectionCount == 2)
            try await expectFailure(.disconnected(nil)) { try await rig.get() }
            #expect(rig.log.connectionCount == 3)
            #expect(rig.log.heads.count == 4)
        }
    }

    @Test("A connection that the server has closed is not used again", arguments: backends)
    func closedByPeer(_ choice: BackendChoice) throws {
        // If this failed, a POST would fail after each pause that is longer than the server's.
        for isReset in [false, true] {
            try withPeer(
                choice,
                peer: dying(after: 1) { peer in
                    if isReset { peer.stream.reset() }
                }
            ) { rig in
                #expect(try await rig.get().text == "ok")
                #expect(await until { rig.log.endCount == 1 })
                try await LoopTime.sleep(for: .milliseconds(20))
                let request = try rig.request("/", "POST", body: .text("x"))
                #expect(try await rig.client.fetch(request, upTo: 9).text == "ok")
                #expect(rig.log.connectionCount == 2)
            }
        }
    }

    @Test(
        "Idle connections are closed in time, and those that peers closed soon", arguments: backends
    )
    func sweeping(_ choice: BackendChoice) throws {
        // If this failed, descriptors would pile up.
        let configuration = quick { $0.pool.idleTimeout = .milliseconds(100) }
        try withPeer(choice, configuration) { peer in
            while await peer.head() != nil { await peer.answer() }
        } _: { rig in
            _ = try await rig.get()
            #expect(rig.log.endCount == 0)
            #expect(await until { rig.log.endCount == 1 })
        }
    }

    @Test("Connection: close, HTTP/1.0 and until-close end a connection; keep-alive keeps 1.0")
    func lasting() throws {
        // If this failed, requests would go into connections that are about to end.
        for (head, isKept) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", true),
        ] {
            try withPeer(.epoll) { peer in
                while await peer.head() != nil { await peer.send(head) }
            } _: { rig in
                for _ in 0..<2 {
                    let answer = try await rig.get()
                    #expect(answer.text == "ok")
                }
                #expect(rig.log.connectionCount == (isKept ? 1 : 2), "\(head)")
            }
        }
    }

    @Test("Requests beyond the line are refused, and those in it wait no longer than they may")
    func line() throws {
        // If this failed, requests would pile up behind a server that is slow.
        let configuration = quick {
            $0.pool.connectionsPerOriginMax = 1
            $0.pool.waitingRequestsMax = 1
            $0.connectTimeout = .milliseconds(100)
        }
        try withPeer(.epoll, configuration) { peer in
            while await peer.head() != nil {
                await peer.pause(400)
                await peer.answer()
            }
        } _: { rig in
            try await withThrowingTaskGroup(of: HTTPClientError?.self) { tasks in
                for _ in 0..<3 { tasks.addTask { try await failure { try await rig.get() } } }
                var errors: [HTTPClientError?] = []
                while let error = try await tasks.next() { errors.append(error) }
                #expect(errors == [.tooManyWaiting, .timedOut(.waiting), nil])
            }
        }
    }

    @Test("Nobody there, and nobody who answers", arguments: backends)
    func unreachable(_ choice: BackendChoice) throws {
        // If this failed, one could not tell a wrong port from a slow server.
        try withPeer(choice) { _ in
        } _: { rig in
            let free = try StreamListener(on: loopback)
            let port = free.address.port
            free.close()
            // io_uring lets go of it a little later.
            try await LoopTime.sleep(for: .milliseconds(50))
            let request = ClientRequest(try RequestURL("http://127.0.0.1:\(port)/"))
            guard
                case .unreachable(let reason) = try await failure({
                    try await rig.client.fetch(request, upTo: 9)
                })
            else {
                Issue.record("nobody is there")
                return
            }
            #expect("\(reason)".contains("ECONNREFUSED"))
            let unknown = ClientRequest(try RequestURL("http://nobody.invalid/"))
            guard
                case .unreachable = try await failure({
                    try await rig.client.fetch(unknown, upTo: 9)
                })
            else {
                Issue.record("there is no such host")
                return
            }
        }
    }

    @Test("Redirects are followed over connections that are kept", arguments: backends)
    func redirects(_ choice: BackendChoice) throws {
        // If this failed, redirects would not be followed, or each would cost a connection.
        try withPeer(choice) { peer in
            while let (head, rest) = await peer.head() {
                if head.hasPrefix("POST /form") {
                    _ = await peer.body(rest, 3)
                    await peer.send(
                        "HTTP/1.1 303 See\r\nLocation: ../list?a\r\nContent-Length: 4\r\n\r\nmore")
                } else if head.hasPrefix("GET /list?a") {
                    await peer.send(
                        "HTTP/1.1 302 Found\r\nLocation: //127.0.0.1:\(peer.port)/end\r\n"
                            + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
                } else if head.hasPrefix("GET /loop") {
                    await peer.send(
                        "HTTP/1.1 301 Moved\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")
                } else {
                    await peer.answer("end")
                }
            }
        } _: { rig in
            let request = try rig.request("/form/", "POST", body: .text("a=b"))
            let (text, url, count) = try await rig.client.send(request) { response in
                (
                    String(decoding: try await response.body.collect(upTo: 9), as: UTF8.self),
                    response.url, response.redirectCount
                )
            }
            #expect(text == "end" && count == 2)
            #expect(url == (try rig.url("/end")))
            #expect(rig.log.connectionCount == 1)
            try await expectFailure(.redirect(.loop)) { try await rig.get("/loop") }
        }
        try withPeer(choice, quick { $0.redirects = .none }) { peer in
            while await peer.head() != nil {
                await peer.send("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
            }
        } _: { rig in
            let answer = try await rig.get()
            #expect(answer.status == 302)
        }
    }
}

extension Peer {
    /// The port that the peer listens on.
    var port: UInt16 { (try? stream.localAddress.port) ?? 0 }
}
