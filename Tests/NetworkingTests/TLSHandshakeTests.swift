// SPDX-License-Identifier: MIT

#if TLS

    import AsyncRuntime
    import AtomicSupport
    import CLinuxShims
    import EventLoops
    import Networking
    import TLSEngines
    import TLSTestSupport
    import Testing

    @Suite("TLS: handshakes of connections")
    struct TLSHandshakeTests {
        @Test("Both ends know what was agreed on, and resume", arguments: backends)
        func agreement(_ choice: BackendChoice) throws {
            // If this failed, a program could not tell whom it talks to, or every connection would
            // pay for a whole handshake.
            let ends = try TLSEnds {
                $0.protocols = ["a", "b"]
            } client: {
                $0.protocols = ["c", "b"]
            }
            try LoopGroup.run(choice: choice) { group in
                let listener = try StreamListener(on: loopback)
                defer { listener.close() }
                let acceptors = Box(TLSAcceptor(ends.server))
                let connector = TLSConnector(ends.client)
                for round in 0..<3 {
                    async let accepted = listener.accept()
                    let near = try await StreamConnection.connect(to: listener.address)
                    let far = try await accepted
                    #expect(near.security == nil)
                    async let shaking: Void = far.startTLS(acceptors.value, until: inTime)
                    try await near.startTLS(connector, serverName: "localhost", until: inTime)
                    try await shaking
                    for security in [near.security, far.security] {
                        let security = try #require(security)
                        #expect(security.isResumed == (round > 0))
                        #expect(security.applicationProtocol == "b" && security.suite >> 8 != 0)
                        #expect(security.serverName == "localhost")
                    }
                    #expect(near.security?.peerVerdict == .trusted)
                    #expect(near.security?.peerFingerprint != nil)
                    #expect(far.security?.peerVerdict == .notAsked)
                    near.close()
                    far.close()
                    // What is closed still knows, and holds no buffers.
                    #expect(near.security != nil)
                    #expect(acceptors.value.lentBufferCount == 0)
                    #expect(connector.lentBufferCount == 0)
                }
            }
        }

        @Test("Servers that are not who they should be", arguments: backends)
        func servers(_ choice: BackendChoice) throws {
            // If this failed, anybody could stand in for a server, or would not be told why not.
            let cases: [(identity: String, name: String, anchors: String, CertificateFault)] = [
                ("ec", "else.test", "ca", .wrongServerName),
                ("ec", "localhost", "other", .notTrusted),
                ("self", "localhost", "ca", .notTrusted),
                ("expired", "localhost", "ca", .expired),
            ]
            for (identity, name, anchors, fault) in cases {
                let endings = try shakeHands(
                    choice, TLSEnds(identity, anchors: anchors), name: name)
                #expect(endings.clientFault == .certificate(fault), "\(identity) for \(name)")
                let alert = try #require(TLSError.certificate(fault).alert)
                #expect(endings.serverFault == .alertReceived(alert), "\(identity) for \(name)")
            }
            let good = try shakeHands(choice, TLSEnds(), name: "x.wild.test")
            #expect(good.client == nil && good.server == nil)
            let none = try shakeHands(choice, TLSEnds(), name: "127.0.0.1")
            if case .setup = none.client {} else { Issue.record("\(none)") }
        }

        @Test("Clients' certificates: right, wrong and missing", arguments: backends)
        func clients(_ choice: BackendChoice) throws {
            // If this failed, a client without the right certificate would be let in.
            func ends(_ identity: String?, isRequired: Bool) throws -> TLSEnds {
                let anchors = try TestCertificates.shared.anchors()
                return try TLSEnds(clientIdentity: identity) {
                    $0.clientCertificates = isRequired ? .required(anchors) : .optional(anchors)
                }
            }
            for identity in ["client", "client-rsa"] {
                let endings = try shakeHands(choice, ends(identity, isRequired: true))
                #expect(endings.client == nil && endings.server == nil, "\(identity)")
            }
            let cases: [(identity: String?, isRequired: Bool, TLSError?)] = [
                (nil, true, .noCertificate), (nil, false, nil),
                ("client-other", true, .certificate(.notTrusted)),
                ("client-other", false, .certificate(.notTrusted)),
                ("client-expired", true, .certificate(.expired)),
            ]
            for (identity, isRequired, fault) in cases {
                let endings = try shakeHands(choice, ends(identity, isRequired: isRequired))
                let name = identity ?? "none"
                #expect(endings.serverFault == fault, "\(name), \(isRequired)")
                #expect(endings.clientFault == fault?.alert.map { .alertReceived($0) }, "\(name)")
            }
            let verdicts: [(String?, PeerVerdict)] = [
                (nil, .absent), ("client", .trusted), ("client-other", .refused(.notTrusted)),
            ]
            for (identity, verdict) in verdicts {
                let anchors = try TestCertificates.shared.anchors()
                let ends = try TLSEnds(clientIdentity: identity) {
                    $0.clientCertificates = .requested(anchors)
                }
                try tlsPair(choice, ends) { connection in
                    #expect(connection.security?.peerVerdict == verdict)
                    #expect((connection.security?.peerFingerprint == nil) == (identity == nil))
                    try await connection.finishWriting()
                } client: {
                    _ = try await readAll($0, atMost: 1)
                }
            }
        }

        @Test("A peer that does not answer, leaves, or speaks something else", arguments: backends)
        func strangers(_ choice: BackendChoice) throws {
            // If this failed, a silent peer would hold a connection for ever, or be trusted.
            let ends = try TLSEnds()
            func ending(
                of isClient: Bool,
                _ peer: @escaping @Sendable (StreamConnection) async throws -> Void
            ) throws -> String {
                try pair(choice, on: loopback, server: peer) { connection in
                    let limit = MonotonicInstant.now.advanced(by: .milliseconds(500))
                    let found = await NetworkingTests.ending { () throws(HandshakeError) in
                        if isClient {
                            try await connection.startTLS(
                                TLSConnector(ends.client), serverName: "localhost", until: limit)
                        } else {
                            try await connection.startTLS(TLSAcceptor(ends.server), until: limit)
                        }
                    }
                    connection.close()
                    return found.map { "\($0)" } ?? ""
                }
            }
            for isClient in [true, false] {
                let silent = try ending(of: isClient) { _ = try? await readAll($0, atMost: 1000) }
                #expect(silent.contains("ETIMEDOUT"), "\(silent)")
                let left = try ending(of: isClient) { try await $0.finishWriting() }
                #expect(left.contains("without close_notify"), "\(left)")
                let reset = try ending(of: isClient) { $0.reset() }
                #expect(reset.contains("ECONNRESET"), "\(reset)")
                let plain = try ending(of: isClient) { connection in
                    try await connection.write(Array("GET / HTTP/1.1\r\n\r\n".utf8))
                    let words = try? await readAll(connection, atMost: 100_000)
                    // An alert, behind a client's hello.
                    #expect(words?.suffix(7).first == 21, "\(words ?? [])")
                }
                #expect(plain.contains("handshake: "), "\(plain)")
            }
        }

        @Test("A task that is cancelled in the middle of a handshake", arguments: backends)
        func cancellation(_ choice: BackendChoice) throws {
            // If this failed, a server that stops would wait for clients that are silent.
            let ends = try TLSEnds()
            for delay in [0, 1, 5, 20] {
                let found = try pair(choice, on: loopback) { connection in
                    _ = try? await readAll(connection, atMost: 1000)
                } client: { connection in
                    await withTaskGroup(of: HandshakeError?.self) { tasks in
                        tasks.addTask {
                            await ending { () throws(HandshakeError) in
                                try await connection.startTLS(
                                    TLSConnector(ends.client), serverName: "localhost",
                                    until: inTime)
                            }
                        }
                        try? await LoopTime.sleep(for: .milliseconds(delay))
                        tasks.cancelAll()
                        let found = await tasks.next() ?? nil
                        connection.close()
                        return found
                    }
                }
                #expect("\(found.map { "\($0)" } ?? "")".contains("ECANCELED"), "after \(delay) ms")
            }
        }

        @Test("What came before a cut is read, and the cut is told", arguments: backends)
        func truncation(_ choice: BackendChoice) throws {
            // If this failed, a part would look whole, or would be lost with the connection.
            for delay in [0, 100] {
                for size in [0, 1, 10_000, 100_000] {
                    try tlsPair(choice, TLSEnds()) { connection in
                        if size > 0 { try await connection.write(pattern(size)) }
                        _ = try await connection.read(atMost: 1)
                    } client: { connection in
                        try await connection.write([1])
                        try await LoopTime.sleep(for: .milliseconds(delay))
                        var all: [UInt8] = []
                        let code = await code {
                            while true {  // Ends with the stream.
                                let bytes = try await connection.read(atMost: 30_000)
                                if bytes.isEmpty { return }
                                all += bytes
                            }
                        }
                        #expect(all == pattern(size), "\(size) bytes, after \(delay) ms")
                        #expect(code == Int32(MILLRACE_EPROTO), "\(size) bytes")
                        #expect(connection.securityFailure == .truncated)
                    }
                }
            }
        }

        @Test("The end that a peer says is an end; writing behind it fails", arguments: backends)
        func closing(_ choice: BackendChoice) throws {
            // If this failed, close_notify would be taken for nothing, or for a failure.
            try tlsPair(choice, TLSEnds()) { connection in
                _ = try await connection.read(atMost: 1)
                try await connection.write([1, 2, 3])
                try await connection.finishWriting()
                #expect(try await connection.read(atMost: 1).isEmpty)
                let again = await code { try await connection.write([1]) }
                #expect(again == Int32(MILLRACE_EPIPE))
            } client: { connection in
                try await connection.write([9])
                #expect(try await readAll(connection, atMost: 2) == [1, 2, 3])
                #expect(connection.isAtEnd && connection.securityFailure == nil)
                let writing = await code { try await connection.write([1]) }
                #expect(writing == Int32(MILLRACE_EPIPE))
                try await connection.finishWriting()
            }
        }

        @Test("A peer that ends right behind the handshake has shaken hands", arguments: backends)
        func endAtOnce(_ choice: BackendChoice) throws {
            // If this failed, a server that has nothing to say would look like one that refuses.
            for isWhole in [true, false] {
                try tlsPair(choice, TLSEnds()) { connection in
                    if isWhole {
                        try await connection.finishWriting()
                    } else {
                        try await connection.flush()
                    }
                } client: { connection in
                    let code = await code { _ = try await connection.read(atMost: 1) }
                    #expect(code == (isWhole ? 0 : Int32(MILLRACE_EPROTO)))
                }
            }
        }
    }

#endif
