// SPDX-License-Identifier: MIT

#if TLS

    import Testing

    @testable import TLSEngines
    import TLSTestSupport

    /// Files that cannot be used: which one, and why.
    struct SetupTests {
        private let files = TestCertificates.shared

        private func check(
            _ chain: String, _ key: String, in source: String, _ fault: TLSSetupFault,
            at location: SourceLocation = #_sourceLocation
        ) {
            let error = TLSSetupError(files(source), fault)
            #expect(throws: error, sourceLocation: location) {
                try TLSIdentity(chainFile: files(chain), keyFile: files(key))
            }
            #expect(error.description.hasPrefix(files(source)))
        }

        @Test func chains() {
            // Wrong if a chain that cannot be used is taken, or the wrong file is blamed.
            check("missing.pem", "ec.key", in: "missing.pem", .unreadable(2))
            check("", "ec.key", in: "", .unreadable(21))
            check("empty.pem", "ec.key", in: "empty.pem", .noCertificate)
            check("ec.key", "ec.key", in: "ec.key", .noCertificate)
            check("torn.pem", "ec.key", in: "torn.pem", .badPEM)
            let broken = #expect(throws: TLSSetupError.self) {
                try TLSIdentity(chainFile: files("broken.pem"), keyFile: files("ec.key"))
            }
            guard case .badCertificate(number: 1, _) = broken?.fault else {
                Issue.record("another fault: \(String(describing: broken))")
                return
            }
        }

        @Test func keys() {
            // Wrong if a key that cannot be used is taken, or the wrong file is blamed.
            check("ec.pem", "missing.key", in: "missing.key", .unreadable(2))
            check("ec.pem", "empty.pem", in: "empty.pem", .noKey)
            check("ec.pem", "ec.pem", in: "ec.pem", .noKey)
            check("ec.pem", "two.key", in: "two.key", .severalKeys)
            check("ec.pem", "ec-secret.key", in: "ec-secret.key", .encryptedKey)
            check("ec.pem", "broken.key", in: "broken.key", .badKey)
            check("weak.pem", "weak.key", in: "weak.key", .badKeySize(bits: 1024))
        }

        @Test func otherKinds() {
            // Wrong if a key of another curve is taken.
            for name in ["koblitz.key", "ed25519.key"] {
                let error = #expect(throws: TLSSetupError.self) {
                    try TLSIdentity(chainFile: files("ec.pem"), keyFile: files(name))
                }
                #expect(error?.source == files(name))
                #expect(error?.fault == .badKey || error?.fault == .unsupportedKey)
            }
        }

        @Test func mismatches() {
            // Wrong if a key is taken that is not the certificate's.
            for (chain, key) in [
                ("ec", "b"), ("ec", "rsa"), ("rsa", "ec"), ("rsa", "client-rsa"), ("ec", "client"),
                ("client", "ec"), ("rsa4096", "rsa"),
            ] {
                check(
                    "\(chain).pem", "\(key).key", in: "\(key).key",
                    .keyMismatch(chain: files("\(chain).pem")))
            }
        }

        @Test func oneFileForBoth() throws {
            // Wrong if a chain and its key must be apart.
            let identity = try TLSIdentity(chainFile: files("both.pem"), keyFile: files("both.pem"))
            #expect(identity.names.count == 3)
        }

        @Test func anchors() throws {
            // Wrong if anchors are missing and nobody is told.
            #expect(throws: TLSSetupError(files("empty.pem"), .noAnchor)) {
                try TrustAnchors(file: files("empty.pem"))
            }
            #expect(throws: TLSSetupError(files("none.pem"), .unreadable(2))) {
                try TrustAnchors(file: files("none.pem"))
            }
            #expect(try TrustAnchors(file: files("ca.pem")).count == 1)
        }

        @Test func theSystemsAnchors() throws {
            // Wrong if the authorities that Debian trusts cannot be read.
            let result = Command.run(
                "/bin/sh", ["-c", "grep -c BEGIN \(TrustAnchors.systemFile)"])
            let count = try #require(Int(result.output.split(separator: "\n")[0]))
            #expect(try TrustAnchors.system().count == count)
        }

        @Test func policies() throws {
            // Wrong if a policy is made that no connection could follow.
            #expect(throws: TLSSetupError("identities", .noIdentity)) {
                try TLSServerPolicy(TLSServerOptions(identities: []))
            }
            for name in ["", "a\0b", String(repeating: "a", count: 256)] {
                #expect(throws: TLSSetupError("protocols", .badProtocolName)) {
                    try Ends(server: { $0.protocols = [name] })
                }
            }
            #expect(throws: TLSSetupError("protocols", .tooManyProtocols)) {
                try Ends(client: { $0.protocols = (0..<17).map(String.init) })
            }
        }

        @Test func everyFaultHasWords() {
            // Wrong if somebody is told a number, or nothing.
            for fault in CertificateFault.allCases { #expect(fault.description.count > 10) }
            for fault in ClientHelloFault.allCases { #expect(fault.description.count > 10) }
            for code in Int32(1)..<768 {
                guard let error = TLSError(code: code) else { continue }
                #expect(error.description.count > 10)
                if case .internalFault(let inner) = error {
                    #expect(inner == code)
                    #expect(![3, 5, 7, 8, 10, 14, 16, 24, 26, 27, 28, 29].contains(code))
                }
            }
        }
    }

#endif
