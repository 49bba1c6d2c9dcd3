// SPDX-License-Identifier: MIT

#if TLS

    import Glibc
    import Testing

    @testable import TLSEngines
    import TLSTestSupport

    /// Server names, protocols, suites, and sessions.
    struct AgreementTests {
        @Test func certificatesByServerName() throws {
            // Wrong if a client gets another's certificate.
            let names = ["b", "ec", "c", "end"]
            let ends = try Ends(names)
            for (name, identity) in [
                ("localhost", "ec"), ("B.test", "b"), ("c.test", "c"), ("end.test", "end"),
                ("q.wild.test", "ec"),
            ] {
                let link = try ends.connected(name)
                #expect(link.client.isOpen, "\(name)")
                let leaf = Ends.fingerprint(identity)
                #expect(link.client.peerFingerprint == leaf, "\(name)")
            }
            let link = try ends.connected("unknown.test")
            #expect(link.client.failure == .certificate(.wrongServerName))
            let strict = try Ends(names, server: { $0.refusesUnknownServerNames = true })
            let refused = try strict.connected("unknown.test")
            #expect(refused.server.failure == .clientHello(.unknownServerName))
            #expect(refused.client.failure == .alertReceived(.unrecognizedName))
        }

        @Test func namesMatch() {
            // Wrong if a certificate is chosen for a name that it does not cover.
            for (pattern, name, matches) in [
                ("a.test", "A.Test", true), ("a.test", "b.test", false), ("*.test", "a.test", true),
                ("*.test", "a.b.test", false), ("*.test", "test", false),
                ("*.test", ".test", false),
                ("*.a.test", "x.A.test", true), ("*.a.test", "x.b.test", false),
                ("*", "a", false), ("a*.test", "ab.test", false), ("a.test", "xa.test", false),
            ] {
                let name = Array(name.utf8)
                #expect(ServerName.matches(Array(pattern.utf8), name.span) == matches)
            }
        }

        @Test func keyKindByTheClientsSuites() throws {
            // Wrong if a client that knows one kind of key gets the other.
            let ends = try Ends(["ec", "rsa"])
            let first = try ends.connected()
            #expect(first.client.peerFingerprint == Ends.fingerprint("ec"))
            var hello = HelloBuilder(suites: [0xc02f])
            hello.extensions.append(HelloBuilder.name([(0, "a.test")]))
            let engine = ends.acceptor.open()
            _ = engine.receive(hello.records().span)
            #expect(engine.failure == nil)
            // SAFETY: valid until it is sent. The suite stands behind a session's number.
            let answer = unsafe Array(engine.outgoing)
            #expect(Array(answer[76...77]) == [0xc0, 0x2f])
        }

        @Test func aesComesFirst() throws {
            // Wrong if the ten times slower suite is preferred where the processor knows AES.
            let link = try Ends().connected()
            #expect(link.client.suite == TLSSuites.ordered[0])
        }

        @Test func protocols() throws {
            // Wrong if ends do not agree on a protocol by the server's order.
            let both = try Ends(
                server: { $0.protocols = ["h2", "http/1.1"] },
                client: { $0.protocols = ["http/1.1", "h2"] })
            let link = try both.connected()
            #expect(link.client.selectedProtocol == "h2")
            #expect(link.server.selectedProtocol == "h2")
            let second = try both.connected()
            #expect(second.server.isResumed)
            #expect(second.server.selectedProtocol == "h2")
            let silent = try Ends(server: { $0.protocols = ["h2"] }).connected()
            #expect(silent.server.isOpen)
            #expect(silent.server.selectedProtocol == nil)
            let deaf = try Ends(client: { $0.protocols = ["h2"] }).connected()
            #expect(deaf.server.isOpen)
            #expect(deaf.client.selectedProtocol == nil)
        }

        @Test func noCommonProtocol() throws {
            // Wrong if a client without a common protocol goes on unasked, or is not told.
            let strict = try Ends(
                server: { $0.protocols = ["http/1.1"] }, client: { $0.protocols = ["h2"] }
            ).connected()
            #expect(strict.server.failure == .clientHello(.noCommonProtocol))
            #expect(strict.client.failure == .alertReceived(.noApplicationProtocol))
            let lax = try Ends(
                server: {
                    $0.protocols = ["http/1.1"]
                    $0.requiresCommonProtocol = false
                }, client: { $0.protocols = ["h2"] })
            #expect(try lax.connected().server.isOpen)
            // BearSSL alone reads beyond its list of protocols here, and crashes.
            let resumed = try lax.connected()
            #expect(resumed.server.isOpen)
            #expect(resumed.server.isResumed)
            #expect(resumed.server.selectedProtocol == nil)
        }

        @Test func sessionsAreResumed() throws {
            // Wrong if a second connection costs as much as the first, or knows less.
            let ends = try Ends()
            let first = try ends.connected()
            let second = try ends.connected()
            #expect(!first.client.isResumed)
            #expect(second.client.isResumed)
            #expect(second.server.isResumed)
            #expect(second.byteCount < first.byteCount)
            #expect(second.client.peerVerdict == .trusted)
            #expect(second.client.peerFingerprint == first.client.peerFingerprint)
            let bytes = pattern(1_000)
            #expect(second.carry(bytes, from: second.client, to: second.server) == bytes)
            #expect(try ends.connected("a.test").server.isResumed == false)
        }

        @Test func sessionsEnd() throws {
            // Wrong if sessions live for ever, or where there shall be none.
            let clock = TestClock()
            let ends = try Ends(server: {
                $0.clock = TLSClock { clock.seconds }
                $0.sessionSeconds = 100
            })
            _ = try ends.connected()
            clock.seconds += 99
            #expect(try ends.connected().server.isResumed)
            clock.seconds += 2
            #expect(try !ends.connected().server.isResumed)
            let none = try Ends(server: { $0.sessionCount = 0 })
            _ = try none.connected()
            #expect(try !none.connected().server.isResumed)
            let forgetful = try Ends(client: { $0.resumesSessions = false })
            _ = try forgetful.connected()
            #expect(try !forgetful.connected().server.isResumed)
        }

        @Test func sessionsStayWithTheirName() throws {
            // Wrong if a session of one name is resumed under another (RFC 6066, section 3).
            let ends = try Ends(["ec", "b"])
            _ = try ends.connected("localhost")
            let saved = try #require(ends.connector.sessions.load(Array("localhost\0".utf8)))
            let parameters = saved.parameters
            ends.connector.sessions.save(
                Array("a.test\0".utf8), parameters, saved.fingerprint)
            let link = try ends.connected("a.test")
            #expect(link.server.isOpen)
            #expect(!link.server.isResumed)
            #expect(!link.client.isResumed)
        }

        @Test func sessionsStayWithTheirPolicy() throws {
            // Wrong if a session made without a certificate opens a door that asks for one.
            let files = TestCertificates.shared
            let ends = try Ends()
            _ = try ends.connected()
            #expect(try ends.connected().server.isResumed)
            var options = TLSServerOptions(identities: [try files.identity("ec")])
            options.clientCertificates = .required(try files.anchors())
            let policy = try TLSServerPolicy(options)
            let other = TLSAcceptor(policy)
            let link = Link(try ends.connector.open(serverName: "localhost"), other.open())
            link.pump()
            #expect(link.server.failure == .noCertificate)
            // The same for an acceptor that is given another policy.
            let before = ends.acceptor.open()
            ends.acceptor.replacePolicy(policy)
            let after = try ends.connected()
            #expect(after.server.failure == .noCertificate)
            // A connection that began before saves nothing in the new policy's store.
            let late = Link(try Ends().connector.open(serverName: "localhost"), before)
            late.pump()
            #expect(late.server.isOpen)
            let again = Link(try ends.connector.open(serverName: "localhost"), ends.acceptor.open())
            again.pump()
            #expect(again.server.failure == .noCertificate)
        }

        @Test func sessionsKeepTheVerdict() throws {
            // Wrong if a resumed session has forgotten what the client's certificate was worth.
            let files = TestCertificates.shared
            let ends = try Ends(
                server: { $0.clientCertificates = .required(try files.anchors()) },
                client: { $0.identity = try files.identity("client") })
            let first = try ends.connected()
            let second = try ends.connected()
            #expect(second.server.isResumed)
            #expect(second.server.peerVerdict == .trusted)
            #expect(second.server.peerFingerprint == first.server.peerFingerprint)
            let lax = try Ends(
                server: { $0.clientCertificates = .requested(try files.anchors()) },
                client: { $0.identity = try files.identity("client-other") })
            _ = try lax.connected()
            let third = try lax.connected()
            #expect(third.server.isResumed)
            #expect(third.server.peerVerdict == .refused(.notTrusted))
        }

        @Test func aFullStoreForgets() throws {
            // Wrong if the store grows, or a full one forgets what is new.
            let ends = try Ends(server: { $0.sessionCount = 4 })
            for _ in 0..<20 {
                let connector = try Ends().connector
                for isSecond in [false, true] {
                    let link = Link(
                        try connector.open(serverName: "localhost"), ends.acceptor.open())
                    link.pump()
                    #expect(link.server.isResumed == isSecond)
                }
            }
        }

        @Test func replacedCertificates() throws {
            // Wrong if new certificates need a restart, or old connections break.
            let ends = try Ends(["ec"])
            let old = try ends.connected()
            let identity = try TestCertificates.shared.identity("rsa")
            ends.acceptor.replacePolicy(
                try TLSServerPolicy(TLSServerOptions(identities: [identity])))
            let new = try ends.connected()
            #expect(new.client.peerFingerprint == Ends.fingerprint("rsa"))
            let bytes = pattern(3_000)
            #expect(old.carry(bytes, from: old.client, to: old.server) == bytes)
        }
    }

    extension Ends {
        /// SHA-256 of a certificate, by openssl.
        static func fingerprint(_ name: String) -> CertificateFingerprint {
            let result = Command.run(
                "/bin/sh",
                [
                    "-c", "openssl x509 -in \"$1\" -outform DER | sha256sum", "sh",
                    TestCertificates.shared("\(name).pem"),
                ])
            let digits = result.output.utf8.prefix(64).map { UInt8($0 < 58 ? $0 - 48 : $0 - 87) }
            var fingerprint = CertificateFingerprint()
            for index in 0..<32 {
                fingerprint.bytes[index] = digits[index * 2] << 4 | digits[index * 2 + 1]
            }
            return fingerprint
        }
    }

    /// A clock that a test sets.
    final class TestClock: @unchecked Sendable {
        var seconds: Int64 = Int64(time(nil))
    }

#endif
