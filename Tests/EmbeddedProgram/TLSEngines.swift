// SPDX-License-Identifier: MIT

import TLSEngines

/// A handshake between two ends, data, and a close.
func useTLSEngines() {
    do throws(TLSSetupError) {
        let text = bytes(certificate) + bytes(key)
        let identity = try TLSIdentity(chain: text, chainSource: "a", key: text, keySource: "b")
        let clock = TLSClock { 1_800_000_000 }
        var serverOptions = TLSServerOptions(identities: [identity])
        serverOptions.clock = clock
        var clientOptions = TLSClientOptions(anchors: try TrustAnchors(pem: text, source: "a"))
        clientOptions.clock = clock
        let acceptor = TLSAcceptor(try TLSServerPolicy(serverOptions))
        let connector = TLSConnector(try TLSClientPolicy(clientOptions))
        for isSecond in [false, true] {
            let client = try connector.open(serverName: "e.test")
            let server = acceptor.open()
            exchange(client, server)
            check(client.isOpen, "TLSEngines: the client is not open")
            check(server.isOpen, "TLSEngines: the server is not open")
            check(server.isResumed == isSecond, "TLSEngines: the session was not resumed")
            talk(client, server)
        }
    } catch {
        check(false, "TLSEngines: a good certificate was refused")
    }
}

private func talk(_ client: TLSEngine, _ server: TLSEngine) {
    let word: [UInt8] = [1, 2, 3]
    check(client.write(word.span) == 3, "TLSEngines: nothing could be written")
    client.close()
    exchange(client, server)
    var sum = 0
    server.withReceived { span in
        for index in 0..<span.count {
            sum += Int(span[index])
        }
        return span.count
    }
    exchange(client, server)
    check(sum == 6, "TLSEngines: the data is another")
    check(server.hasPeerClosed, "TLSEngines: the close did not come")
    check(client.failure == nil, "TLSEngines: the connection failed")
}

/// Moves bytes until neither end has any.
private func exchange(_ client: TLSEngine, _ server: TLSEngine) {
    while move(client, server) + move(server, client) > 0 {}
}

private func move(_ from: TLSEngine, _ to: TLSEngine) -> Int {
    var total = 0
    from.withOutgoing { bytes in
        total = to.receive(bytes)
        return total
    }
    return total
}

private func bytes(_ text: StaticString) -> [UInt8] {
    // SAFETY: a literal lives as long as the program.
    unsafe [UInt8](UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
}

/// For e.test, until 2126, signed by itself; for this program alone.
private let certificate: StaticString = """
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

private let key: StaticString = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRJf9h7cSL93E+ZDT
    W6qaAMTiRQEGKA+mQ9JqSxEY8QOhRANCAAQMJYsw8TSletmfaF1zmlim/QT/6AnY
    lO9lWKMaMbQENcaPummSdEt8QmagUHCvEVJutiA5yy+c0UbEE7hduCVw
    -----END PRIVATE KEY-----

    """
