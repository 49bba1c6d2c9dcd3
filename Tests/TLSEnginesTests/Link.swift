// SPDX-License-Identifier: MIT

#if TLS

    @testable import TLSEngines
    import TLSTestSupport

    /// Two engines joined in memory: what one sends the other receives, in pieces.
    final class Link {
        let client: TLSEngine
        let server: TLSEngine
        /// The greatest piece.
        var pieceByteCount: Int
        /// What the wire does to bytes for the server, and for the client.
        var toServer: ([UInt8]) -> [UInt8] = { $0 }
        var toClient: ([UInt8]) -> [UInt8] = { $0 }
        /// Bytes so far.
        private(set) var byteCount = 0

        init(_ client: TLSEngine, _ server: TLSEngine, pieceByteCount: Int = 100_000) {
            self.client = client
            self.server = server
            self.pieceByteCount = pieceByteCount
        }

        /// Moves bytes until neither end has any, or takes any.
        func pump() {
            while true {
                let up = move(client, server, toServer)
                let down = move(server, client, toClient)
                if up + down == 0 { return }
            }
        }

        private func move(
            _ from: TLSEngine, _ to: TLSEngine, _ wire: ([UInt8]) -> [UInt8]
        ) -> Int {
            var total = 0
            // SAFETY: valid until `didSend`.
            while case let bytes = unsafe from.outgoing.prefix(pieceByteCount),
                unsafe !bytes.isEmpty
            {
                // SAFETY: valid until it is sent.
                let piece = unsafe Array(bytes)

                let changed = wire(piece)
                if changed.isEmpty {
                    from.didSend(piece.count)
                    continue
                }
                let taken = to.receive(changed.span)
                if taken == 0 { break }
                from.didSend(changed.count == piece.count ? taken : piece.count)
                total += taken
            }
            byteCount += total
            return total
        }

        /// Sends bytes from one end to the other through records, and returns what arrived.
        func carry(_ bytes: [UInt8], from: TLSEngine, to: TLSEngine) -> [UInt8] {
            var written = 0
            var arrived: [UInt8] = []
            while arrived.count < bytes.count {
                let before = written + arrived.count
                written += from.write(bytes.span.extracting(written..<bytes.count))
                if written == bytes.count || from.write([UInt8]().span) == 0 {
                    from.flush()
                }
                pump()
                to.withReceived { span in
                    for index in 0..<span.count {
                        arrived.append(
                            span[index])
                    }
                    return span.count
                }
                if written + arrived.count == before { break }
            }
            return arrived
        }
    }

    /// A server and a client with usual options.
    struct Ends {
        let acceptor: TLSAcceptor
        let connector: TLSConnector

        init(
            _ identities: [String] = ["ec"], anchors: String = "ca",
            server: (inout TLSServerOptions) throws -> Void = { _ in },
            client: (inout TLSClientOptions) throws -> Void = { _ in }
        ) throws {
            let files = TestCertificates.shared
            var serverOptions = try TLSServerOptions(identities: identities.map(files.identity))
            try server(&serverOptions)
            var clientOptions = try TLSClientOptions(anchors: files.anchors(anchors))
            try client(&clientOptions)
            acceptor = TLSAcceptor(try TLSServerPolicy(serverOptions))
            connector = TLSConnector(try TLSClientPolicy(clientOptions))
        }

        /// A new connection, before its first byte.
        func link(_ name: String = "localhost", pieceByteCount: Int = 100_000) throws -> Link {
            Link(
                try connector.open(serverName: name), acceptor.open(),
                pieceByteCount: pieceByteCount)
        }

        /// A connection after its handshake, whatever came of it.
        func connected(_ name: String = "localhost", pieceByteCount: Int = 100_000) throws -> Link {
            let link = try link(name, pieceByteCount: pieceByteCount)
            link.pump()
            return link
        }
    }

    /// Bytes that differ.
    func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

#endif
