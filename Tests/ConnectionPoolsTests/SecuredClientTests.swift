// SPDX-License-Identifier: MIT

#if TLS

    import AsyncRuntime
    import ConnectionPools
    import EventLoops
    import Networking
    import TLSEngines
    import TLSTestSupport
    import Testing

    @Suite("The pooled client and TLS", .timeLimit(.minutes(20)))
    struct SecuredClientTests {
        /// A client that trusts an authority, and expects a name.
        private static func trusting(
            _ authority: String = "ca", named name: String? = "localhost",
            delivery: DeliveryMode = .confirmed, attempts: Int = 1_000_000
        ) throws -> ClientConfiguration {
            var configuration = quick(delivery, connections: 2, attempts: attempts)
            let anchors = try TestCertificates.shared.anchors(authority)
            let policy = try TLSClientPolicy(TLSClientOptions(anchors: anchors))
            configuration.tls = ClientTLS(policy, serverName: name)
            return configuration
        }

        private static func server(_ identity: String = "ec") throws -> TLSServerPolicy {
            try TLSServerPolicy(
                TLSServerOptions(identities: [TestCertificates.shared.identity(identity)]))
        }

        @Test(
            "Messages arrive through TLS, and again on another connection", arguments: bothBackends,
            DeliveryMode.allCases)
        func delivers(_ choice: BackendChoice, _ delivery: DeliveryMode) throws {
            // If this failed, what is delivered would be counted in bytes of records, or a
            // connection that broke would take messages with it.
            let policy = try Self.server()
            try withRig(choice, Self.trusting(delivery: delivery)) { peer in
                guard (try? await peer.stream.startTLS(TLSAcceptor(policy))) != nil else { return }
                await peer.lines { line in
                    try? await peer.stream.write(answer(line))
                    // The first ones break; a client that only writes may lose what it wrote.
                    let breaks = peer.number < 3 && delivery == .confirmed
                    return !breaks || peer.arrivals.totalCount % 50 != 49
                }
                peer.stream.reset()
            } _: { rig in
                await rig.send(0..<500)
                #expect(await rig.settled(500))
                #expect(rig.outcomes.okCount == 500 && rig.outcomes.repeatedCount == 0)
                #expect(await until { rig.arrivals.distinctCount == 500 })
                let disconnects = rig.client.statistics.pool.disconnects
                #expect((disconnects >= 3) == (delivery == .confirmed))
            }
        }

        @Test(
            "Who is not trusted, or is somebody else, gets no message", arguments: bothBackends,
            [("other", "localhost"), ("ca", "elsewhere.test")])
        func refused(_ choice: BackendChoice, _ expected: (String, String)) throws {
            // If this failed, messages would go to whoever sits in between.
            let policy = try Self.server()
            let configuration = try Self.trusting(expected.0, named: expected.1, attempts: 2)
            try withRig(choice, configuration) { peer in
                try? await peer.stream.startTLS(TLSAcceptor(policy))
                await peer.lines()
            } _: { rig in
                let error = try await Self.lastError(rig)
                guard error.reason == .security, case .certificate? = error.security else {
                    Issue.record("\(error)")
                    return
                }
                #expect(rig.arrivals.totalCount == 0)
            }
        }

        /// Sends a message that cannot arrive; gives back why the client gave up.
        private static func lastError(_ rig: Rig) async throws -> ConnectionError {
            await rig.send(0..<1)
            #expect(await rig.settled(1))
            #expect(rig.outcomes[0] == .failed(.gaveUp, wasPartlyWritten: false))
            do {
                try await rig.client.send([65])
            } catch {
                guard case .gaveUp(let last) = error else { throw error }
                return last
            }
            Issue.record("a client that gave up takes messages")
            return ConnectionError(.closed)
        }

        @Test("Who does not speak TLS is no server", arguments: bothBackends)
        func plain(_ choice: BackendChoice) throws {
            // If this failed, a client would go on in the clear.
            try withRig(choice, Self.trusting(attempts: 2)) { peer in
                try? await peer.stream.write(Array("220 welcome to mail.test\r\n".utf8))
                await peer.stall()
            } _: { rig in
                let error = try await Self.lastError(rig)
                #expect(error.reason == .security)
                #expect(error.security != nil)
            }
        }

        @Test("A server that leaves in the handshake is a failed attempt", arguments: bothBackends)
        func leaves(_ choice: BackendChoice) throws {
            // If this failed, such a server would count as reached, and be asked without pause.
            for isReset in [false, true] {
                try withRig(choice, Self.trusting(attempts: 2)) { peer in
                    _ = try? await peer.stream.read(atMost: 65_536)
                    if isReset { peer.stream.reset() } else { peer.stream.close() }
                } _: { rig in
                    let error = try await Self.lastError(rig)
                    if isReset {
                        #expect(error.reason == .reset)
                    } else {
                        #expect(error.reason == .security && error.security == .truncated)
                    }
                    #expect(rig.client.statistics.pool.disconnects == 0)
                }
            }
        }

        @Test("The handshake counts towards the time limit of connecting", arguments: bothBackends)
        func silent(_ choice: BackendChoice) throws {
            // If this failed, a server that takes connections and says nothing would be waited for
            // without end.
            var configuration = try Self.trusting(attempts: 2)
            configuration.pool.connectTimeoutNanoseconds = 50_000_000
            try withRig(choice, configuration) { peer in
                await peer.stall()
            } _: { rig in
                let error = try await Self.lastError(rig)
                #expect(error.reason == .connectTimeout)
            }
        }

        @Test("A client can end in the middle of a handshake", arguments: bothBackends)
        func ends(_ choice: BackendChoice) throws {
            // If this failed, a shutdown would wait for a server that says nothing.
            try withRig(choice, Self.trusting()) { peer in
                await peer.stall()
            } _: { rig in
                await rig.send(0..<1)
                #expect(await until { rig.arrivals.connectionCount == 1 })
                // The client has said its hello, and waits.
                try? await LoopTime.sleep(for: .milliseconds(20))
                await rig.client.shutdownNow()
                #expect(await rig.settled(1))
                #expect(rig.outcomes[0] == .failed(.cancelled, wasPartlyWritten: false))
            }
        }

        @Test("A destination without a name needs one that is given")
        func names() throws {
            // If this failed, a client would run that can never trust its server.
            let endpoints: [Endpoint] = [
                .unix(path: "/nowhere"), .host("127.0.0.1", port: 1), .host("not a name", port: 1),
            ]
            try LoopGroup.run(loops: 1, choice: .epoll) { group in
                for endpoint in endpoints {
                    #expect(throws: PoolConfigurationError.serverName) {
                        try PooledClient(
                            to: endpoint, configuration: Self.trusting(named: nil),
                            executors: group.executors)
                    }
                    _ = try PooledClient(
                        to: endpoint, configuration: Self.trusting(), executors: group.executors)
                }
                _ = try PooledClient(
                    to: .host("localhost", port: 1), configuration: Self.trusting(named: nil),
                    executors: group.executors)
            }
        }
    }

#endif
