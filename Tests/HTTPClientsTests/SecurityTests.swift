// SPDX-License-Identifier: MIT

#if TLS
    import AsyncRuntime
    import AtomicSupport
    import EventLoops
    import Glibc
    import HTTP1Codec
    import HTTPServing
    import Networking
    import TLSEngines
    import Testing

    @testable import HTTPClients

    /// A certificate that trusts itself, and its key: one text in PEM, made by the openssl command.
    private struct TestCertificate {
        struct Failure: Error {}

        let pem: [UInt8]

        init(_ name: String) throws {
            let command =
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7"
                + " -subj /CN=\(name) -addext subjectAltName=DNS:\(name)"
                + " -keyout - -out - 2>/dev/null"
            // SAFETY: both are NUL-terminated for the call.
            guard let pipe = unsafe popen(command, "r") else { throw Failure() }
            // SAFETY: opened above; the callee fills in at most the capacity, and says how much.
            pem = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { bytes, count in
                // SAFETY: as above.
                count = unsafe fread(bytes.baseAddress, 1, 65_536, pipe)
            }
            guard unsafe pclose(pipe) == 0 else { throw Failure() }  // SAFETY: opened above.
        }

        func identity() throws -> TLSIdentity {
            try TLSIdentity(chain: pem, chainSource: "test", key: pem, keySource: "test")
        }

        func anchors() throws -> TrustAnchors { try TrustAnchors(pem: pem, source: "test") }
    }

    @Suite("The HTTP client and TLS", .serialized)
    struct SecurityTests {
        /// Runs a client against the package's own server with a certificate of that name.
        private func withTLS(
            _ choice: BackendChoice, named name: String = "localhost", isTrusted: Bool = true,
            clients: ClientCertificatePolicy = .ignored, identity: TLSIdentity? = nil,
            _ body: @escaping @Sendable (HTTPClient, HTTPServer, RequestURL) async throws -> Void
        ) throws {
            let certificate = try TestCertificate(name)
            var options = TLSServerOptions(identities: [try certificate.identity()])
            options.protocols = ["http/1.1"]
            options.clientCertificates = clients
            var settings = HTTPServerConfiguration()
            settings.tls = try TLSServerPolicy(options)
            let policy = try HTTPClientConfiguration.tlsPolicy(
                anchors: certificate.anchors(), identity: identity)
            let configuration = quick { if isTrusted { $0.tls = policy } }
            try withServer(choice, configuration, server: settings) { routes in
                try routes.get("/hello") { request in
                    let security = await request.security
                    return .text(
                        "\(security?.applicationProtocol ?? "none") \(security?.serverName ?? "")")
                }
                try routes.post("/echo") { request in
                    ServerResponse(bytes: try await request.body.collect(upTo: 1 << 24))
                }
            } _: { rig, server in
                let url = try RequestURL("https://localhost:\(rig.port)/hello")
                try await body(rig.client, server, url)
            }
        }

        @Test("Requests are secured, and share connections", arguments: backends)
        func secured(_ choice: BackendChoice) throws {
            // If this failed, https would not work, or pay a handshake for each request.
            try withTLS(choice) { client, server, url in
                for _ in 0..<5 {
                    let answer = try await client.fetch(ClientRequest(url), upTo: 100)
                    #expect(answer.text == "http/1.1 localhost")
                }
                var upload = ClientRequest(
                    try RequestURL("\(url.origin)/echo"), method: "POST")
                upload.body = .bytes(pattern(1_000_000))
                let isWhole =
                    try await client.fetch(upload, upTo: 1 << 24).bytes == pattern(1_000_000)
                #expect(isWhole)
                #expect(server.statistics.openConnections == 1)
            }
        }

        @Test("Who is not trusted, or has another name, is not asked", arguments: backends)
        func refused(_ choice: BackendChoice) throws {
            // If this failed, a request would go to whoever sits in between.
            for (name, isTrusted) in [("localhost", false), ("other.test", true)] {
                try withTLS(choice, named: name, isTrusted: isTrusted) { client, server, url in
                    let error = try await failure {
                        try await client.fetch(ClientRequest(url), upTo: 100)
                    }
                    guard case .notSecure(let reason) = error else {
                        Issue.record("\(name): \(String(describing: error))")
                        return
                    }
                    #expect(reason.hasPrefix("handshake: "), "\(reason)")
                    #expect(server.statistics.answers == 0)
                    // Addresses have no certificate that is looked at.
                    let address = try RequestURL("https://127.0.0.1:\(url.origin.port)/")
                    guard
                        case .notSecure = try await failure({
                            try await client.fetch(ClientRequest(address), upTo: 100)
                        })
                    else {
                        Issue.record("an address has no name")
                        return
                    }
                }
            }
        }

        @Test("The client shows its certificate to a server that asks", arguments: backends)
        func clientCertificate(_ choice: BackendChoice) throws {
            // If this failed, servers that let in certified clients only would be out of reach.
            let own = try TestCertificate("client.test")
            for identity in [try own.identity(), nil] {
                try withTLS(choice, clients: .required(own.anchors()), identity: identity) {
                    client, _, url in
                    let error = try await failure {
                        try await client.fetch(ClientRequest(url), upTo: 100)
                    }
                    #expect((error == nil) == (identity != nil))
                }
            }
        }

        @Test("A plain server, or none, is no secure one", arguments: backends)
        func plain(_ choice: BackendChoice) throws {
            // If this failed, a client would speak in the clear, or wait without end.
            let configuration = quick { $0.connectTimeout = .milliseconds(300) }
            for text in ["HTTP/1.1 400 Bad Request\r\n\r\n", nil] {
                try withPeer(choice, configuration) { peer in
                    _ = try? await peer.stream.read(atMost: 65_536)
                    guard let text else { return await peer.stall() }
                    await peer.send(text)
                } _: { rig in
                    let url = try RequestURL("https://localhost:\(rig.port)/")
                    let error = try await failure {
                        try await rig.client.fetch(ClientRequest(url), upTo: 100)
                    }
                    if text == nil {
                        #expect(error == .timedOut(.connect))
                    } else {
                        guard case .notSecure = error else {
                            Issue.record("\(String(describing: error))")
                            return
                        }
                    }
                }
            }
        }

        @Test("An answer that ends without close_notify is not whole", arguments: backends)
        func truncated(_ choice: BackendChoice) throws {
            // If this failed, somebody in between could cut a download, and it would look whole.
            let certificate = try TestCertificate("localhost")
            let policy = try TLSServerPolicy(
                TLSServerOptions(identities: [certificate.identity()]))
            let own = try HTTPClientConfiguration.tlsPolicy(anchors: certificate.anchors())
            for isWhole in [true, false] {
                try withPeer(choice, quick { $0.tls = own }) { peer in
                    try? await peer.stream.startTLS(TLSAcceptor(policy))
                    _ = await peer.head()
                    await peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")
                    if !isWhole {
                        try? await peer.stream.flush()
                        // Below TLS, which is not told.
                        _ = Glibc.shutdown(peer.stream.descriptor, Int32(SHUT_WR))
                    }
                } _: { rig in
                    let url = try RequestURL("https://localhost:\(rig.port)/")
                    let error = try await failure {
                        try await rig.client.fetch(ClientRequest(url), upTo: 100)
                    }
                    if isWhole {
                        #expect(error == nil)
                    } else {
                        guard case .disconnected = error else {
                            Issue.record("\(String(describing: error))")
                            return
                        }
                    }
                }
            }
        }

        @Test("A client that closes says so", arguments: backends)
        func farewell(_ choice: BackendChoice) throws {
            // If this failed, a server could not tell the end of a client from an attack (RFC 5246,
            // section 7.2.1).
            let certificate = try TestCertificate("localhost")
            let policy = try TLSServerPolicy(
                TLSServerOptions(identities: [certificate.identity()]))
            let own = try HTTPClientConfiguration.tlsPolicy(anchors: certificate.anchors())
            try withPeer(choice, quick { $0.tls = own }) { peer in
                try? await peer.stream.startTLS(TLSAcceptor(policy))
                _ = await peer.head()
                await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                if let rest = try? await peer.stream.read(atMost: 100), rest.isEmpty {
                    peer.log.wholeEndCount += 1
                }
            } _: { rig in
                let url = try RequestURL("https://localhost:\(rig.port)/")
                let answer = try await rig.client.fetch(ClientRequest(url), upTo: 100)
                #expect(answer.text == "ok")
                await rig.client.close()
                #expect(await until { rig.log.endCount == 1 })
                #expect(rig.log.wholeEndCount == 1)
            }
        }

        @Test("A tunnel through a proxy is secured at its end", arguments: backends)
        func tunnel(_ choice: BackendChoice) throws {
            // If this failed, https would not work behind a proxy, or be open to it.
            try withTLS(choice) { client, server, url in
                let proxy = try await StreamListener.one()
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await relay(from: proxy, to: url.origin.port) }
                    let configuration = quick {
                        $0.tls = client.configuration.tls
                        $0.proxies = ProxySettings(
                            try? HTTPProxy("http://127.0.0.1:\(proxy.address.port)"))
                    }
                    let group = client.group
                    try await HTTPClient.run(on: group, configuration: configuration) { client in
                        for _ in 0..<2 {
                            let answer = try await client.fetch(ClientRequest(url), upTo: 100)
                            #expect(answer.text == "http/1.1 localhost")
                        }
                    }
                    try await tasks.waitForAll()
                }
                #expect(server.statistics.answers == 2)
            }
        }
    }

    extension StreamListener {
        fileprivate static func one() async throws -> StreamListener {
            try StreamListener(on: loopback)
        }
    }

    /// A proxy for one tunnel: whatever comes is passed on, both ways.
    private func relay(from listener: StreamListener, to port: UInt16) async throws {
        let near = try await listener.accept()
        defer { near.close() }
        listener.close()
        guard let (head, _) = await Peer(stream: near, number: 0, log: PeerLog()).head() else {
            return
        }
        #expect(head.hasPrefix("CONNECT localhost:\(port) HTTP/1.1\r\n"))
        let far = try await StreamConnection.connect(to: .host("127.0.0.1", port: port))
        defer { far.close() }
        try await near.write(Array("HTTP/1.1 200 Go\r\n\r\n".utf8))
        await withTaskGroup(of: Void.self) { tasks in
            for (source, target) in [(near, far), (far, near)] {
                tasks.addTask {
                    while let bytes = try? await source.read(atMost: 65_536), !bytes.isEmpty {
                        try? await target.write(bytes)
                    }
                    try? await target.finishWriting()
                }
            }
        }
    }
#endif
