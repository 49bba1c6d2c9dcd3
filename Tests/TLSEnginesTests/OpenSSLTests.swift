// SPDX-License-Identifier: MIT

#if TLS

    import Glibc
    import Testing

    @testable import TLSEngines
    import TLSTestSupport

    /// OpenSSL's ends, as programs, against ours.
    @Suite(.serialized)
    struct OpenSSLTests {
        private let files = TestCertificates.shared

        /// Runs `openssl s_client` against one connection of ours.
        private func serve(
            _ ends: Ends, _ arguments: [String], input: String = "", until word: String = "",
            _ body: (Wire, TLSEngine, ChildProcess) throws -> Void
        ) throws -> String {
            let listener = Wire.listen()
            defer { close(listener.fd) }
            let child = ChildProcess(
                "/usr/bin/openssl",
                ["s_client", "-connect", "127.0.0.1:\(listener.port)", "-CAfile", files("ca.pem")]
                    + arguments, input: input)
            let wire = Wire.accept(listener.fd)
            try body(wire, ends.acceptor.open(), child)
            shutdown(wire.fd, Int32(SHUT_WR))
            child.closeInput()
            return child.readAll()
        }

        private static let good = [
            "-servername", "localhost", "-verify_hostname", "localhost",
            "-verify_return_error",
        ]

        @Test(arguments: [
            ("ec", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("ec", "ECDHE-ECDSA-AES256-GCM-SHA384"),
            ("ec", "ECDHE-ECDSA-CHACHA20-POLY1305"), ("rsa", "ECDHE-RSA-AES128-GCM-SHA256"),
            ("rsa", "ECDHE-RSA-AES256-GCM-SHA384"), ("rsa", "ECDHE-RSA-CHACHA20-POLY1305"),
        ])
        func clientsOfEverySuite(_ identity: String, _ suite: String) throws {
            // Wrong if OpenSSL's client does not understand our server by some suite.
            let ends = try Ends([identity])
            let output = try serve(
                ends, OpenSSLTests.good + ["-cipher", suite, "-ign_eof"], input: "hello\n"
            ) { wire, engine, _ in
                wire.drive(engine) { wire.receivedText.contains("\n") }
                #expect(wire.receivedText == "hello\n")
                wire.write(Array("answer\n".utf8), engine)
                engine.close()
                wire.drive(engine) { false }
                #expect(engine.phase == .closed)
            }
            #expect(output.contains("Verification: OK"))
            #expect(output.contains(suite))
            #expect(output.contains("answer"))
            #expect(output.contains("Secure Renegotiation IS supported"))
        }

        @Test(arguments: ["X25519", "P-256", "P-384", "P-521"])
        func clientsOfEveryCurve(_ curve: String) throws {
            // Wrong if a curve that we offer does not work.
            let ends = try Ends(["rsa"])
            let output = try serve(ends, OpenSSLTests.good + ["-curves", curve]) {
                wire, engine, child in
                wire.drive(engine) { engine.isOpen }
                #expect(engine.isOpen)
                child.closeInput()
                wire.drive(engine) { false }
                #expect(engine.phase == .closed)
            }
            #expect(output.contains("Verification: OK"))
        }

        @Test(arguments: [
            ("-tls1", "protocol version"), ("-tls1_1", "protocol version"),
            ("-tls1_3", "protocol version"),
        ])
        func otherVersions(_ option: String, _ reason: String) throws {
            // Wrong if another version is agreed on, or OpenSSL cannot read why not.
            let output = try serve(
                Ends(), OpenSSLTests.good + [option, "-cipher", "ALL:@SECLEVEL=0"]
            ) { wire, engine, _ in
                wire.drive(engine) { engine.isOpen }
                #expect(!engine.isOpen)
            }
            #expect(output.contains(reason) || output.contains("handshake failure"), "\(output)")
        }

        @Test(arguments: [
            "AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA",
            "ECDHE-ECDSA-AES128-SHA256",
            "DHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM",
        ])
        func weakSuites(_ suite: String) throws {
            // Wrong if a suite is agreed on that has no place here.
            let output = try serve(
                Ends(["ec", "rsa"]), ["-tls1_2", "-cipher", "\(suite):@SECLEVEL=0"]
            ) { wire, engine, _ in
                wire.drive(engine) { engine.isOpen }
                #expect(engine.failure == .clientHello(.noCommonSuite))
            }
            #expect(output.contains("handshake failure"))
        }

        @Test func renegotiation() throws {
            // Wrong if a client may begin anew.
            let output = try serve(
                Ends(), ["-tls1_2", "-servername", "localhost"], input: ""
            ) { wire, engine, child in
                wire.drive(engine) { engine.isOpen }
                child.send("R\n")
                wire.drive(engine) { false }
                #expect(engine.phase != .open)
            }
            #expect(output.contains("no renegotiation"), "\(output)")
        }

        @Test func resumption() throws {
            // Wrong if OpenSSL's client cannot resume a session of ours.
            let ends = try Ends()
            let session = files("session.pem")
            for isSecond in [false, true] {
                let option = isSecond ? "-sess_in" : "-sess_out"
                let output = try serve(
                    ends, OpenSSLTests.good + ["-tls1_2", option, session]
                ) { wire, engine, child in
                    wire.drive(engine) { engine.isOpen }
                    #expect(engine.isResumed == isSecond)
                    child.closeInput()
                    wire.drive(engine) { false }
                }
                #expect(output.contains(isSecond ? "Reused" : "New"))
            }
        }

        @Test func protocolsAndNames() throws {
            // Wrong if what OpenSSL's client asks for is read wrongly.
            let ends = try Ends(["b", "ec"], server: { $0.protocols = ["h2", "http/1.1"] })
            let output = try serve(
                ends, OpenSSLTests.good + ["-alpn", "http/1.1,h2"]
            ) { wire, engine, child in
                wire.drive(engine) { engine.isOpen }
                #expect(engine.selectedProtocol == "h2")
                #expect(engine.serverName == "localhost")
                child.closeInput()
                wire.drive(engine) { false }
            }
            #expect(output.contains("ALPN protocol: h2"))
            let other = try serve(ends, ["-alpn", "imap"]) { wire, engine, _ in
                wire.drive(engine) { engine.isOpen }
                #expect(engine.failure == .clientHello(.noCommonProtocol))
            }
            #expect(other.contains("no application protocol"))
        }

        @Test(arguments: [
            ("client", nil), ("client-rsa", nil), ("client-other", "unknown ca"),
            ("client-expired", "certificate expired"), ("", "handshake failure"),
        ])
        func clientCertificates(_ name: String, _ reason: String?) throws {
            // Wrong if OpenSSL's client is let in or kept out by mistake, or not told why.
            let ends = try Ends(server: { $0.clientCertificates = .required(try files.anchors()) })
            let identity = ["-cert", files("\(name).pem"), "-key", files("\(name).key")]
            let output = try serve(
                ends, OpenSSLTests.good + ["-tls1_2"] + (name.isEmpty ? [] : identity)
            ) { wire, engine, child in
                wire.drive(engine) { engine.isOpen }
                #expect(engine.isOpen == (reason == nil))
                if engine.isOpen {
                    #expect(engine.peerVerdict == .trusted)
                    child.closeInput()
                    wire.drive(engine) { false }
                }
            }
            if let reason { #expect(output.contains(reason), "\(output)") }
        }

        @Test func truncation() throws {
            // Wrong if a client that dies looks like one that has closed.
            _ = try serve(Ends(), OpenSSLTests.good) { wire, engine, child in
                wire.drive(engine) { engine.isOpen }
                kill(child.id, SIGKILL)
                wire.drive(engine) { false }
                #expect(engine.failure == .truncated)
            }
        }

        // MARK: OpenSSL's server

        /// Runs `openssl s_server` and one connection of ours to it.
        private func connect(
            _ ends: Ends, _ arguments: [String], _ name: String = "localhost",
            _ body: (Wire, TLSEngine, ChildProcess) throws -> Void
        ) throws -> String {
            let listener = Wire.listen()
            close(listener.fd)
            let child = ChildProcess(
                "/usr/bin/openssl",
                ["s_server", "-accept", "127.0.0.1:\(listener.port)", "-naccept", "1"] + arguments,
                input: "")
            let engine = try ends.connector.open(serverName: name)
            let wire = Wire.connect(listener.port)
            try body(wire, engine, child)
            shutdown(wire.fd, Int32(SHUT_WR))
            child.closeInput()
            return child.readAll()
        }

        private func identity(_ name: String) -> [String] {
            ["-cert", files("\(name).pem"), "-key", files("\(name).key"), "-tls1_2"]
        }

        @Test(arguments: ["ec", "rsa", "rsa4096"])
        func servers(_ name: String) throws {
            // Wrong if our client does not understand OpenSSL's server.
            let output = try connect(Ends(), identity(name) + ["-rev"]) { wire, engine, _ in
                wire.drive(engine) { engine.isOpen }
                #expect(engine.failure == nil)
                wire.write(Array("hello\n".utf8), engine)
                wire.drive(engine) { wire.receivedText.contains("\n") }
                #expect(wire.receivedText == "olleh\n")
                engine.close()
                wire.drive(engine) { false }
                #expect(engine.phase == .closed)
            }
            #expect(output.contains("CONNECTION ESTABLISHED"))
        }

        @Test(arguments: [
            ("ec", "elsewhere.test", CertificateFault.wrongServerName, "certificate unknown"),
            ("self", "localhost", .notTrusted, "unknown ca"),
            ("expired", "localhost", .expired, "certificate expired"),
        ])
        func refusedServers(
            _ name: String, _ host: String, _ fault: CertificateFault, _ reason: String
        ) throws {
            // Wrong if our client takes a certificate that it must not, or does not say why.
            let output = try connect(Ends(), identity(name), host) { wire, engine, _ in
                wire.drive(engine) { engine.isOpen }
                #expect(engine.failure == .certificate(fault))
            }
            #expect(output.contains(reason), "\(output)")
        }

        @Test func oldServers() throws {
            // Wrong if our client goes back to an older version.
            _ = try connect(
                Ends(),
                Array(identity("ec").dropLast()) + ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]
            ) { wire, engine, _ in
                wire.drive(engine) { engine.isOpen }
                #expect(!engine.isOpen)
                #expect(engine.failure != nil)
                #expect(engine.failure != .truncated)
            }
        }

        @Test func serversThatAsk() throws {
            // Wrong if our client does not show its certificate, or the key is not its own.
            for name in ["client", "client-rsa"] {
                let ends = try Ends(client: { $0.identity = try files.identity(name) })
                let output = try connect(
                    ends,
                    identity("ec") + [
                        "-Verify", "1", "-verify_return_error", "-CAfile", files("ca.pem"),
                    ]
                ) { wire, engine, _ in
                    wire.drive(engine) { engine.isOpen }
                    #expect(engine.isOpen)
                    engine.close()
                    wire.drive(engine) { false }
                }
                #expect(
                    output.contains("CN = \(name)") || output.contains("CN=\(name)"), "\(output)")
            }
        }
    }

#endif
