// SPDX-License-Identifier: MIT

#if TLS
    internal import AtomicSupport
    internal import LoopSimulation
    internal import TLSEngines

    /// The server's identity in storms, whom clients trust, and the world's clock and chance for
    /// both.
    enum EchoSecrets {
        static func policies(
            _ world: any StormWorld
        ) throws(TLSSetupError) -> (TLSServerPolicy, TLSClientPolicy) {
            let chain = Array(certificate.utf8)
            let identity = try TLSIdentity(
                chain: chain, chainSource: "certificate", key: Array(key.utf8), keySource: "key")
            // The world's time, behind a date of the certificate's life.
            let clock = TLSClock {
                1_800_000_000 + Int64(MonotonicInstant.now.nanoseconds / 1_000_000_000)
            }
            let entropy = TLSEntropy { bytes in
                for index in bytes.indices { bytes[index] = UInt8(world.draw(below: 256)) }
                return true
            }
            var server = TLSServerOptions(identities: [identity])
            server.clock = clock
            server.entropy = entropy
            var client = TLSClientOptions(
                anchors: try TrustAnchors(pem: chain, source: "certificate"))
            client.clock = clock
            client.entropy = entropy
            return (try TLSServerPolicy(server), try TLSClientPolicy(client))
        }

        private static let certificate: String = """
            -----BEGIN CERTIFICATE-----
            MIIBiDCCAS+gAwIBAgIUNw7YCuALGBJR87J9ws/I5+XBO2MwCgYIKoZIzj0EAwIw
            ETEPMA0GA1UEAwwGZS50ZXN0MCAXDTI2MTEyNjAyNDQxNVoYDzIxMjYxMTAyMDI0
            NDE1WjARMQ8wDQYDVQQDDAZlLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
            AAQMJYsw8TSletmfaF1zmlim/QT/6AnYlO9lWKMaMbQENcaPummSdEt8QmagUHCv
            EVJutiA5yy+c0UbEE7hduCVwo2MwYTAdBgNVHQ4EFgQUAkUWL/ETdGvhBtFr7Ko7
            CxGj7bswHwYDVR0jBBgwFoAUAkUWL/ETdGvhBtFr7Ko7CxGj7bswEQYDVR0RBAow
            CIIGZS50ZXN0MAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0EAwIDRwAwRAIgdVorh12k
            APu1Fo3K8mUtmM0AEhaMLNNvyBt8HLrjWzcCIBn0hrlm2teMCoDuz9SGhy2H4rhR
            ZMz3xepztzcjdW9B
            -----END CERTIFICATE-----

            """

        private static let key: String = """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRJf9h7cSL93E+ZDT
            W6qaAMTiRQEGKA+mQ9JqSxEY8QOhRANCAAQMJYsw8TSletmfaF1zmlim/QT/6AnY
            lO9lWKMaMbQENcaPummSdEt8QmagUHCvEVJutiA5yy+c0UbEE7hduCVw
            -----END PRIVATE KEY-----

            """
    }
#endif
