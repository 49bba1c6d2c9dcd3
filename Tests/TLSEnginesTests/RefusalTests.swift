// SPDX-License-Identifier: MIT

#if TLS

    import Testing

    @testable import TLSEngines
    import TLSTestSupport

    /// What is refused, by which end, and what the other is told.
    struct RefusalTests {
        private func check(
            _ link: Link, client error: CertificateFault
        ) {
            link.pump()
            #expect(link.client.failure == .certificate(error))
            #expect(link.server.failure == .alertReceived(error.alert))
            #expect(!link.client.hasOutgoing)
            #expect(link.client.write([1].span) == 0)
        }

        @Test func wrongServerName() throws {
            // Wrong if a certificate for another name is taken.
            try check(Ends().link("elsewhere.test"), client: .wrongServerName)
            try check(Ends().link("a.b.wild.test"), client: .wrongServerName)
            try check(Ends().link("wild.test"), client: .wrongServerName)
            #expect(try Ends().connected("x.wild.test").client.isOpen)
            #expect(try Ends().connected("A.TEST").client.isOpen)
        }

        @Test func unknownAuthority() throws {
            // Wrong if an authority that nobody trusts is trusted.
            try check(Ends(anchors: "other").link(), client: .notTrusted)
        }

        @Test func weakKeyOfAServer() throws {
            // Wrong if RSA keys of 1,024 bits are taken.
            let files = TestCertificates.shared
            #expect(throws: TLSSetupError(files("weak.key"), .badKeySize(bits: 1024))) {
                try files.identity("weak")
            }
        }

        @Test func expired() throws {
            // Wrong if the date does not count, or not the given clock's.
            try check(Ends(["expired"]).link(), client: .expired)
            let future = TLSClock { 4_102_444_800 }
            try check(Ends(client: { $0.clock = future }).link(), client: .expired)
            let past = TLSClock { 946_684_800 }
            try check(Ends(client: { $0.clock = past }).link(), client: .expired)
            let none = TLSClock { -1 }
            #expect(try Ends(client: { $0.clock = none }).connected().client.isOpen)
        }

        @Test func addressesAreNoNames() throws {
            // Wrong if a name is taken that cannot be checked.
            let connector = try Ends().connector
            for name in ["127.0.0.1", "::1", "", ".", "a..b", "a b", "ä.test", "a\0.test"] {
                #expect(throws: TLSSetupError(name, .badServerName)) {
                    try connector.open(serverName: name)
                }
            }
            #expect(try Ends().connected("localhost.").client.isOpen)
        }

        @Test(arguments: [0, 1, 2, 3, 10, 40])
        func changedOnTheWay(_ offset: Int) throws {
            // Wrong if a changed record passes, or its end is not told.
            let link = try Ends().connected()
            link.toServer = { bytes in
                var bytes = bytes
                bytes[min(offset, bytes.count - 1)] ^= 0x40
                return bytes
            }
            _ = link.client.write(pattern(100).span)
            link.client.flush()
            link.pump()
            let error = try #require(link.server.failure)
            #expect(error != .truncated)
            if offset != 3 {
                #expect(link.client.failure == .alertReceived(try #require(error.alert)))
            }
            if offset >= 5 { #expect(error == .badRecordMAC) }
            #expect(!link.server.hasReceived)
        }

        @Test func changedFinished() throws {
            // Wrong if the checksum over the handshake is not compared.
            let link = try Ends().link()
            var count = 0
            link.toServer = { bytes in
                count += 1
                var bytes = bytes
                // The client's second flight: its key, the change of cipher, its checksum.
                if count == 2 { bytes[bytes.count - 1] ^= 1 }
                return bytes
            }
            link.pump()
            #expect(link.server.failure != nil)
            #expect(!link.server.isOpen)
            if case .alertReceived = link.client.failure {
            } else {
                Issue.record("the client was not told: \(String(describing: link.client.failure))")
            }
        }

        @Test func dataBeforeTheHandshake() throws {
            // Wrong if a record with data is taken before there are keys.
            let link = try Ends().link()
            let record: [UInt8] = [23, 3, 3, 0, 1, 0]
            #expect(link.server.receive(record.span) == record.count)
            #expect(link.server.failure == .clientHello(.notTLS))
            let client = try Ends().connector.open(serverName: "localhost")
            _ = client.receive(record.span)
            #expect(client.failure == .unexpectedMessage)
        }

        @Test func truncation() throws {
            // Wrong if an end that is cut off looks like one that has closed.
            let link = try Ends().connected()
            link.server.wireEnded()
            #expect(link.server.failure == .truncated)
            #expect(!link.server.hasPeerClosed)
            #expect(!link.server.hasOutgoing)
            let fresh = try Ends().link()
            fresh.server.wireEnded()
            #expect(fresh.server.failure == .truncated)
            let closed = try Ends().connected()
            closed.client.close()
            closed.pump()
            closed.server.wireEnded()
            closed.client.wireEnded()
            #expect(closed.server.phase == .closed)
            #expect(closed.client.phase == .closed)
        }

        @Test func closeFromEitherEnd() throws {
            // Wrong if data that was written before a close is lost, or the close is not answered.
            for isClient in [true, false] {
                let link = try Ends().connected()
                let (first, second) =
                    isClient ? (link.client, link.server) : (link.server, link.client)
                let bytes = pattern(5_000)
                #expect(first.write(bytes.span) == bytes.count)
                first.close()
                #expect(first.phase == .closing)
                #expect(first.write([1].span) == 0)
                link.pump()
                #expect(!second.hasPeerClosed)
                var arrived = 0
                second.withReceived {
                    arrived = $0.count
                    return $0.count
                }
                #expect(arrived == bytes.count)
                link.pump()
                #expect(second.phase == .closed)
                #expect(first.phase == .closed)
            }
        }

        @Test func closeInMidHandshake() throws {
            // Wrong if a close before the end of the handshake hangs or traps.
            let link = try Ends().link()
            link.client.close()
            link.pump()
            #expect(link.client.phase != .handshake)
            let early = try Ends().link()
            early.server.close()
            #expect(early.server.phase == .closed)
            #expect(!early.server.hasOutgoing)
        }
    }

#endif
