// SPDX-License-Identifier: MIT

#if TLS

    import Testing

    @testable import TLSEngines
    import TLSTestSupport

    /// Two of our own ends, joined in memory.
    struct HandshakeTests {
        @Test(arguments: [["ec"], ["rsa"], ["ec", "rsa"], ["rsa", "ec"]])
        func dataFlowsBothWays(_ identities: [String]) throws {
            // Wrong if ends of ours do not understand one another.
            let link = try Ends(identities).connected()
            #expect(link.client.isOpen)
            #expect(link.server.isOpen)
            #expect(link.client.failure == nil)
            #expect(link.server.failure == nil)
            let bytes = pattern(100_000)
            #expect(link.carry(bytes, from: link.client, to: link.server) == bytes)
            #expect(link.carry(bytes, from: link.server, to: link.client) == bytes)
            #expect(link.client.suite == link.server.suite)
            #expect(!link.server.isResumed)
            #expect(link.server.serverName == "localhost")
            #expect(link.client.peerVerdict == .trusted)
            #expect(link.server.peerVerdict == .notAsked)
        }

        @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 11, 16, 100, 1_000, 4_096])
        func anyPiecesDo(_ pieceByteCount: Int) throws {
            // Wrong if the ends rely on how the network cuts their bytes.
            let link = try Ends(["ec", "rsa"]).connected(pieceByteCount: pieceByteCount)
            #expect(link.client.isOpen)
            #expect(link.server.isOpen)
            let bytes = pattern(20_000)
            #expect(link.carry(bytes, from: link.client, to: link.server) == bytes)
            #expect(link.carry(bytes, from: link.server, to: link.client) == bytes)
            link.client.close()
            link.pump()
            #expect(link.client.phase == .closed)
            #expect(link.server.phase == .closed)
        }

        @Test func everyRecordSize() throws {
            // Wrong if a record of some size is torn or lost, in either direction.
            let link = try Ends().connected()
            let bytes = pattern(16_384)
            for count in 1...16_384 {
                for (from, to) in [(link.client, link.server), (link.server, link.client)] {
                    let written = from.write(bytes.span.extracting(0..<count))
                    from.flush()
                    link.pump()
                    var isSame = written == count
                    to.withReceived { span in
                        isSame =
                            isSame && span.count == count
                            && span[count - 1]
                                == bytes[count - 1]
                        return span.count
                    }
                    if !isSame {
                        Issue.record("a record of \(count) bytes did not arrive")
                        return
                    }
                }
            }
        }

        @Test func chainWithIntermediate() throws {
            // Wrong if only the first certificate of a chain is sent.
            let link = try Ends(["end"]).connected("end.test")
            #expect(link.client.isOpen)
            let files = TestCertificates.shared
            let alone = try TLSIdentity(
                chainFile: files("end-alone.pem"), keyFile: files("end.key"))
            let acceptor = TLSAcceptor(try TLSServerPolicy(TLSServerOptions(identities: [alone])))
            let client = try Ends().connector.open(serverName: "end.test")
            let short = Link(client, acceptor.open())
            short.pump()
            #expect(short.client.failure == .certificate(.notTrusted))
        }

        @Test(arguments: ["ec-sec1.key", "ec.key"])
        func keyFormatsOfCurves(_ key: String) throws {
            // Wrong if a form of key is read wrongly: the signature would be another.
            try check(chain: "ec.pem", key)
        }

        @Test(arguments: ["rsa-pkcs1.key", "rsa.key"])
        func keyFormatsOfRSA(_ key: String) throws {
            // Wrong if a form of key is read wrongly: the signature would be another.
            try check(chain: "rsa.pem", key)
        }

        @Test(arguments: ["b": "b.test", "c": "c.test", "rsa4096": "localhost"])
        func otherKeys(_ identity: (key: String, value: String)) throws {
            // Wrong if the larger curves and keys are not supported.
            #expect(try Ends([identity.key]).connected(identity.value).client.isOpen)
        }

        private func check(chain: String, _ key: String) throws {
            let files = TestCertificates.shared
            let identity = try TLSIdentity(chainFile: files(chain), keyFile: files(key))
            let acceptor = TLSAcceptor(
                try TLSServerPolicy(TLSServerOptions(identities: [identity])))
            let link = Link(try Ends().connector.open(serverName: "a.test"), acceptor.open())
            link.pump()
            #expect(link.client.isOpen)
        }

        @Test func selfSignedIsTrustedForItself() throws {
            // Wrong if a certificate that is no authority's cannot be trusted alone.
            #expect(try Ends(["self"], anchors: "self").connected().client.isOpen)
            let link = try Ends(["self"]).connected()
            #expect(link.client.failure == .certificate(.notTrusted))
        }

        @Test func enginesShareNoRandomNumbers() throws {
            // Wrong if copies of one pattern have one seed: connections would have the same keys.
            let ends = try Ends()
            var seen: Set<[UInt8]> = []
            for _ in 0..<200 {
                let link = try ends.link()
                // SAFETY: valid until it is sent.
                seen.insert(unsafe Array(link.client.outgoing[15..<43]))
                let hello = unsafe Array(link.client.outgoing)
                _ = link.server.receive(hello.span)
                // SAFETY: valid until it is sent.
                seen.insert(unsafe Array(link.server.outgoing[15..<43]))
            }
            #expect(seen.count == 400)
        }

        @Test func entropyIsTheCallers() throws {
            // Wrong if a given source of random numbers is not used, or its refusal is not heeded.
            let fixed = TLSEntropy { span in
                for index in span.indices { span[index] = 7 }
                return true
            }
            let ends = try Ends(client: { $0.entropy = fixed })
            let first = try ends.connector.open(serverName: "localhost")
            let second = try ends.connector.open(serverName: "localhost")
            // SAFETY: valid until it is sent.
            #expect(unsafe Array(first.outgoing) == Array(second.outgoing))
            let none = TLSEntropy { _ in false }
            let broken = try Ends(server: { $0.entropy = none }, client: { $0.entropy = none })
            #expect(try broken.connector.open(serverName: "localhost").failure == .noEntropy)
            #expect(broken.acceptor.open().failure == .noEntropy)
        }

        @Test func idleEndsHoldNoBuffers() throws {
            // Wrong if a connection that waits keeps 33 kB.
            let ends = try Ends()
            let fresh = ends.acceptor.open()
            #expect(ends.acceptor.lentBufferCount == 0)
            let link = try ends.connected()
            #expect(ends.acceptor.lentBufferCount == 0)
            #expect(ends.connector.lentBufferCount == 0)
            _ = link.client.write([1, 2, 3].span)
            #expect(ends.connector.lentBufferCount == 1)
            link.client.flush()
            link.pump()
            #expect(ends.connector.lentBufferCount == 0)
            #expect(ends.acceptor.lentBufferCount == 1)
            link.server.withReceived { $0.count }
            #expect(ends.acceptor.lentBufferCount == 0)
            #expect(fresh.phase == .handshake)
            #expect(fresh.memoryByteCount <= 4_500)
        }
    }

#endif
