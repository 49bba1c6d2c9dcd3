// SPDX-License-Identifier: MIT

#if TLS

    import Testing

    @testable import TLSEngines
    import TLSTestSupport

    /// Who the client is.
    struct ClientCertificateTests {
        enum Policy: CaseIterable { case ignored, optional, required, requested }

        private func connect(_ policy: Policy, _ client: String?) throws -> Link {
            let files = TestCertificates.shared
            return try Ends(
                server: {
                    let anchors = try files.anchors()
                    switch policy {
                    case .ignored: $0.clientCertificates = .ignored
                    case .optional: $0.clientCertificates = .optional(anchors)
                    case .required: $0.clientCertificates = .required(anchors)
                    case .requested: $0.clientCertificates = .requested(anchors)
                    }
                }, client: { if let client { $0.identity = try files.identity(client) } }
            ).connected()
        }

        @Test(arguments: ["client", "client-rsa"], [Policy.optional, .required, .requested])
        func rightCertificates(_ name: String, _ policy: Policy) throws {
            // Wrong if a client's certificate is refused, or its verdict or fingerprint is lost.
            let link = try connect(policy, name)
            #expect(link.server.isOpen)
            #expect(link.client.isOpen)
            #expect(link.server.peerVerdict == .trusted)
            let print = try #require(link.server.peerFingerprint)
            let result = Command.run(
                "/bin/sh",
                [
                    "-c", "openssl x509 -in \"$1\" -outform DER | sha256sum", "sh",
                    TestCertificates.shared("\(name).pem"),
                ])
            let hex = print.bytes.indices.map { index in
                let text = String(print.bytes[index], radix: 16)
                return text.count == 1 ? "0" + text : text
            }.joined()
            #expect(result.output.hasPrefix(hex))
        }

        @Test func noCertificate() throws {
            // Wrong if a client without a certificate gets in where one is required.
            for policy in [Policy.optional, .requested] {
                let link = try connect(policy, nil)
                #expect(link.server.isOpen)
                #expect(link.server.peerVerdict == .absent)
                #expect(link.server.peerFingerprint == nil)
            }
            let link = try connect(.required, nil)
            #expect(link.server.failure == .noCertificate)
            #expect(link.client.failure == .alertReceived(.handshakeFailure))
        }

        @Test(arguments: [
            ("client-other", CertificateFault.notTrusted), ("client-expired", .expired),
        ])
        func wrongCertificates(_ name: String, _ fault: CertificateFault) throws {
            // Wrong if BearSSL's tolerance of a missing certificate covers a wrong one too.
            for policy in [Policy.optional, .required] {
                let link = try connect(policy, name)
                #expect(link.server.failure == .certificate(fault))
                #expect(link.client.failure == .alertReceived(fault.alert))
                #expect(link.server.peerVerdict == .notAsked)
            }
            let link = try connect(.requested, name)
            #expect(link.server.isOpen)
            #expect(link.server.peerVerdict == .refused(fault))
        }

        @Test func nobodyIsAsked() throws {
            // Wrong if a client's certificate counts where none is asked for.
            let link = try connect(.ignored, "client-other")
            #expect(link.server.isOpen)
            #expect(link.server.peerVerdict == .notAsked)
        }

        @Test func serverCertificateIsNoClientCertificate() throws {
            // Wrong if an authority's own key passes for a client: only what it issued does.
            let link = try connect(.required, "self")
            #expect(link.server.failure == .certificate(.notTrusted))
        }
    }

#endif
