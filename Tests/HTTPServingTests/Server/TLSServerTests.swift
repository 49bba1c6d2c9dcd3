// SPDX-License-Identifier: MIT

#if TLS

    import AtomicSupport
    import EventLoops
    import Networking
    import TLSEngines
    import TLSTestSupport
    import Testing

    @testable import HTTPServing

    /// What only a server with TLS can do wrong; the rest runs over both kinds of wires.
    @Suite("Server: TLS")
    struct TLSServerTests {
        private func serve(
            _ choice: BackendChoice, loops: Int = 1,
            _ change: (inout TLSServerOptions) throws -> Void = { _ in },
            configure: (inout HTTPServerConfiguration) -> Void = { _ in }
        ) throws -> TestServer {
            var routes = try TestRoutes.all()
            try routes.get("/who") { request in
                guard let security = await request.security else { return .text("plain") }
                let protocolName = security.applicationProtocol ?? "none"
                return .text("\(security.peerVerdict), \(protocolName), \(security.isResumed)")
            }
            let policy = try SecureServer.policy("ec", change)
            return try TestServer(choice, loops: loops, routes: routes) {
                $0.tls = policy
                configure(&$0)
            }
        }

        private func who(_ client: RawClient) throws -> String {
            try client.send(request("GET /who"))
            return try text(client.answer().body)
        }

        /// A client of its own kind.
        private func connect(
            _ server: TestServer, _ connector: TLSConnector
        ) throws -> RawClient {
            let client = try RawClient(server.address)
            try client.shakeHands(connector.open(serverName: "localhost"))
            return client
        }

        @Test("Plain HTTP and nonsense get an alert", arguments: backends)
        func plain(_ choice: BackendChoice) throws {
            // If this failed, a client that forgot the "s" would wait, or take the server down.
            let server = try serve(choice)
            let words = [
                request("GET /hello"), String(repeating: "\u{0}", count: 100), "SSH-2.0-x\r\n",
            ]
            for (index, word) in words.enumerated() {
                let client = try RawClient(server.address)
                try client.send(word)
                let alert = try client.receiveAll()
                #expect(alert.count == 7 && alert.starts(with: [21, 3]), "\(alert)")
                #expect(alert.suffix(2).first == 2, "a fatal one")
                #expect(server.server.statistics.failedHandshakes == UInt64(index + 1))
            }
            #expect(server.server.statistics.handshakes == 0)
            #expect(try ServerConnectionTests.hello(server))
            #expect(server.server.statistics.handshakes == 1)
        }

        @Test("A handshake byte by byte, and with both records in one", arguments: backends)
        func pieces(_ choice: BackendChoice) throws {
            // If this failed, a handshake would depend on how the network cuts it.
            let server = try serve(choice)
            for size in [1, 2, 7, 100] {
                let client = try RawClient(server.address)
                let engine = try SecureServer.connector().open(serverName: "localhost")
                client.engine = engine
                while !engine.isOpen {  // Ends: every turn moves bytes, or throws.
                    let piece = unsafe Array(engine.outgoing.prefix(size))  // SAFETY: copied.
                    if piece.isEmpty {
                        let bytes = try client.takeSome(size)
                        if bytes.isEmpty { break }
                        #expect(engine.receive(bytes.span) == bytes.count)
                        continue
                    }
                    engine.didSend(try client.putSome(piece[...]))
                    if size < 10 { _ = client.isQuiet(milliseconds: 0) }
                }
                #expect(try who(client) == "notAsked, http/1.1, false")
            }
        }

        @Test("Large answers and bodies in records of every size", arguments: backends)
        func records(_ choice: BackendChoice) throws {
            // If this failed, what does not fit into one record would be lost or cut.
            let server = try serve(choice)
            let client = try server.connect()
            for size in [16_000, 16_383, 16_384, 16_385, 3_000_001] {
                for path in ["/sized/", "/open/", "/whole/"] {
                    try client.send(request("GET \(path)\(size)"))
                    let body = try client.answer().body
                    #expect(body == TestRoutes.pattern(0, size), "\(path)\(size)")
                }
                let sent = TestRoutes.pattern(7, min(size, 1_000_000))
                try client.send(request("POST /echo", "Content-Length: \(sent.count)\r\n"))
                try client.send(sent)
                #expect(try client.answer().body == sent, "\(size) back")
            }
        }

        @Test("Clients that do not come to the end of a handshake are cut", arguments: backends)
        func slow(_ choice: BackendChoice) throws {
            // If this failed, silence would hold a connection for ever.
            let server = try serve(choice) { _ in
            } configure: {
                $0.headerTimeout = .milliseconds(300)
            }
            let engine = try SecureServer.connector().open(serverName: "localhost")
            let hello = unsafe Array(engine.outgoing)  // SAFETY: copied.
            for start in [0, 1, hello.count / 2, hello.count] {
                let client = try RawClient(server.address)
                try client.send(Array(hello[..<start]))
                let begin = MonotonicInstant.now
                let words = try client.receiveAll()
                let time = (MonotonicInstant.now.nanoseconds - begin.nanoseconds) / 1_000_000
                #expect((200...2_000).contains(time), "\(start) bytes: \(time) ms")
                #expect(words.isEmpty == (start < hello.count), "\(start) bytes: \(words.count)")
            }
            let drip = try RawClient(server.address)
            var count = 0
            let begin = MonotonicInstant.now
            while drip.isQuiet(milliseconds: 20), count < hello.count {  // Ends with the limit.
                try? drip.send([hello[count]])
                count += 1
            }
            let time = (MonotonicInstant.now.nanoseconds - begin.nanoseconds) / 1_000_000
            #expect(time < 2_000 && count < hello.count, "\(count) bytes in \(time) ms")
            try drip.expectEnd(orReset: true)
            #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
            #expect(server.server.statistics.handshakes == 0)
        }

        @Test("A flood of half handshakes takes no more places than there are", arguments: backends)
        func flood(_ choice: BackendChoice) throws {
            // If this failed, who begins handshakes and goes no further could take all memory, or
            // the connections of those who were there before.
            let server = try serve(choice, loops: 2) { _ in
            } configure: {
                $0.maxConnections = 100
                $0.headerTimeout = .milliseconds(1_500)
            }
            let good = try (0..<10).map { _ in try server.connect() }
            defer { withExtendedLifetime(good) {} }
            let engine = try SecureServer.connector().open(serverName: "localhost")
            let hello = unsafe Array(engine.outgoing)  // SAFETY: copied.
            let halves = try (0..<200).map { _ in try RawClient(server.address) }
            for (index, client) in halves.enumerated() {
                try? client.send(Array(hello.prefix(index % 2 == 0 ? hello.count : 100)))
            }
            #expect(TestServer.wait { server.server.statistics.refusedConnections == 110 })
            #expect(server.server.statistics.openConnections <= 126)
            for client in good { #expect(try who(client).hasPrefix("notAsked")) }
            for client in halves { _ = try? client.receiveAll() }
            #expect(TestServer.wait { server.server.statistics.openConnections == 10 })
            #expect(try ServerConnectionTests.hello(server))
        }

        @Test("Beyond the limit: 503 through TLS, then the end", arguments: backends)
        func shed(_ choice: BackendChoice) throws {
            // If this failed, a client that is too many would not know why.
            let server = try serve(choice) { _ in
            } configure: {
                $0.maxConnections = 4
            }
            let first = try (0..<4).map { _ in try server.connect() }
            defer { withExtendedLifetime(first) {} }
            for client in first { _ = try who(client) }
            let shed = try server.connect()
            try shed.send(request("GET /hello"))
            let answer = try shed.answer()
            #expect(answer.status == 503 && answer["retry-after"] == "1")
            try shed.expectEnd()
        }

        @Test("Handlers know their client's certificate, resumed or not", arguments: backends)
        func certificates(_ choice: BackendChoice) throws {
            // If this failed, a handler could not tell clients apart, or would mix them up.
            let anchors = try TestCertificates.shared.anchors()
            let server = try serve(choice) { $0.clientCertificates = .requested(anchors) }
            let cases = [
                (nil, "absent"), ("client", "trusted"), ("client-other", "refused"),
            ]
            for (identity, verdict) in cases {
                let connector = try SecureServer.connector(identity: identity)
                for isResumed in [false, true] {
                    let found = try who(connect(server, connector))
                    #expect(found.hasPrefix(verdict), "\(identity ?? "none"): \(found)")
                    #expect(found.hasSuffix(", \(isResumed)"), "\(identity ?? "none"): \(found)")
                }
            }
            #expect(server.server.statistics.resumedHandshakes == 3)
        }

        @Test("No session crosses to a server that asks for certificates", arguments: backends)
        func sessions(_ choice: BackendChoice) throws {
            // If this failed, a session of the open server would be a key to the closed one.
            let anchors = try TestCertificates.shared.anchors()
            let open = try serve(choice)
            let closed = try serve(choice) { $0.clientCertificates = .required(anchors) }
            let connector = try SecureServer.connector()
            for _ in 0..<2 { _ = try who(connect(open, connector)) }
            #expect(open.server.statistics.resumedHandshakes == 1)
            let failure = #expect(throws: RawClient.Failure.self) {
                _ = try connect(closed, connector)
            }
            #expect(failure?.description.contains("handshake_failure") == true)
            #expect(closed.server.statistics.handshakes == 0)
            #expect(closed.server.statistics.failedHandshakes == 1)
        }

        @Test("New certificates without a restart", arguments: backends)
        func replacing(_ choice: BackendChoice) throws {
            // If this failed, a certificate could not be renewed, or connections would be lost.
            let server = try serve(choice, loops: 2)
            let connector = try SecureServer.connector()
            let old = try connect(server, connector)
            _ = try who(old)
            let before = try #require(old.engine?.peerFingerprint)
            server.server.replaceTLS(try SecureServer.policy("rsa"))
            #expect(
                TestServer.wait {
                    (0..<4).allSatisfy { _ in
                        (try? connect(server, SecureServer.connector()))?.engine?.peerFingerprint
                            != before
                    }
                })
            // Whichever loop takes it: its session is forgotten.
            for _ in 0..<4 {
                let fresh = try connect(server, connector)
                #expect(fresh.engine?.peerFingerprint != before)
                #expect(try who(fresh).hasPrefix("notAsked"))
            }
            #expect(try who(old) == "notAsked, http/1.1, false")
        }

        @Test("An answer that is broken off is truncated, a whole one is not", arguments: backends)
        func truncation(_ choice: BackendChoice) throws {
            // If this failed, a client would take a part for the whole.
            let server = try serve(choice)
            let broken = try server.connect()
            try broken.send("GET /half-chunks HTTP/1.0\r\n\r\n")
            let failure = #expect(throws: RawClient.Failure.self) { try broken.answer() }
            let reason = failure?.description ?? ""
            #expect(reason.contains("close_notify") || reason.hasPrefix("receive: "), "\(reason)")
            let whole = try server.connect()
            try whole.send("GET /open/50000 HTTP/1.0\r\n\r\n")
            #expect(try whole.answer().body == TestRoutes.pattern(0, 50_000))
        }

        @Test("A request that comes with the client's end is no trap", arguments: backends)
        func farewell(_ choice: BackendChoice) throws {
            // If this failed, a client that says close_notify at once would jam its connection.
            let server = try serve(choice)
            for path in ["/hello", "/task", "/sized/100000", "/sleep/100"] {
                let client = try server.connect()
                let engine = try #require(client.engine)
                let words = bytes(request("GET " + path) + request("GET /hello"))
                #expect(engine.write(words.span) == words.count)
                engine.close()
                try client.push(engine)
                // What was asked may be answered or not (RFC 5246, section 7.2.1); the end is told.
                _ = try? client.receiveAll()
                #expect(engine.failure == nil && engine.hasPeerClosed, "\(path)")
                #expect(
                    TestServer.wait { server.server.statistics.openConnections == 0 }, "\(path)")
            }
        }

        @Test("A record that was changed ends the connection with an alert", arguments: backends)
        func changed(_ choice: BackendChoice) throws {
            // If this failed, somebody in between could change requests, or the client would not
            // know what happened.
            let server = try serve(choice)
            for start in ["", request("GET /sleep/100")] {
                let client = try server.connect()
                let engine = try #require(client.engine)
                if !start.isEmpty { try client.send(start) }
                let words = bytes(request("GET /hello"))
                #expect(engine.write(words.span) == words.count)
                engine.flush()
                var record = unsafe Array(engine.outgoing)  // SAFETY: copied.
                engine.didSend(record.count)
                record[record.count - 1] ^= 1
                #expect(try client.putSome(record[...]) == record.count)
                let failure = #expect(throws: RawClient.Failure.self) { try client.receiveAll() }
                #expect(failure?.description.contains("bad_record_mac") == true, "\(start)")
            }
            #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
        }

        @Test("A client that says its end in the middle of a large answer", arguments: backends)
        func endInAnswer(_ choice: BackendChoice) throws {
            // If this failed, one client could take the whole server down.
            let policy = try SecureServer.policy()
            let server = try TestServer(choice) { $0.tls = policy }
            let client = try server.connect(receiveBuffer: 65_536)
            try client.send(request("GET /direct-whole/8000000"))
            // The answer waits for its client, half sent.
            #expect(!client.isQuiet(milliseconds: 5_000))
            TestServer.pause(milliseconds: 100)
            client.finishWriting()
            TestServer.pause(milliseconds: 100)
            _ = try? client.receiveAll()
            client.close()
            #expect(TestServer.wait { server.server.statistics.openConnections == 0 })
            #expect(try ServerConnectionTests.hello(server))
        }
    }

#endif
