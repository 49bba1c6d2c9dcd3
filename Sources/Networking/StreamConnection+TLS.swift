// SPDX-License-Identifier: MIT

#if TLS

    internal import AsyncRuntime
    public import AtomicSupport
    internal import CLinuxShims
    internal import EventLoops
    public import TLSEngines

    // TLS: reading and writing stay what they are, and carry plain bytes.
    extension StreamConnection {
        /// Goes on with TLS as the client: the handshake, and the check of the server's
        /// certificate. Nothing may be under way on the connection; what was enqueued leaves first.
        ///
        /// When it throws, the connection must be closed; the peer has been told why, as far as
        /// that is possible.
        ///
        /// - Parameters:
        ///   - connector: of this loop; it remembers sessions.
        ///   - serverName: which the server's certificate must bear, a name in DNS.
        ///   - deadline: of the handshake.
        public func startTLS(
            _ connector: TLSConnector, serverName: String, until deadline: MonotonicInstant = .never
        ) async throws(HandshakeError) {
            let engine: TLSEngine
            do throws(TLSSetupError) {
                engine = try connector.open(serverName: serverName)
            } catch {
                throw .setup(error)
            }
            try await shakeHands(engine, until: deadline)
        }

        /// Goes on with TLS as the server; as the other form.
        ///
        /// - Parameters:
        ///   - acceptor: of this loop.
        ///   - deadline: of the handshake. Clients that are silent hold a connection until then.
        public func startTLS(
            _ acceptor: TLSAcceptor, until deadline: MonotonicInstant = .never
        ) async throws(HandshakeError) {
            try await shakeHands(acceptor.open(), until: deadline)
        }

        private func shakeHands(
            _ engine: TLSEngine, until deadline: MonotonicInstant
        ) async throws(HandshakeError) {
            precondition(layer == nil, "a connection has one layer")
            let layer = TLSLayer(engine, over: stream, and: output)
            do throws(SystemError) {
                try await flush(until: deadline)
                self.layer = layer
                marks = DeliveryMarks(behind: wireByteCount)
                layer.insert()
                stream.start()
                let result = await reading.wait(forOpeningOf: stream, until: deadline)
                try Socket.check(result, .handshake)
                // What came behind the handshake, an end too, is for whoever reads.
                if engine.suite != 0 { return }
                if let end = stream.end, engine.failure == nil { try refuse(end) }
            } catch {
                throw .system(error)
            }
            guard let failure = engine.failure else { return }
            await sendAlert()
            throw .tls(failure)
        }

        /// The stream has ended without a failure of TLS.
        private func refuse(_ end: ReceiveStream.End) throws(SystemError) {
            guard case .failed(let code) = end else {
                throw SystemError(.handshake, code: Int32(MILLRACE_ECONNRESET))
            }
            throw SystemError(.handshake, code: code)
        }

        /// The peer learns why, if it reads at all.
        private func sendAlert() async {
            let limit = MonotonicInstant.now.advanced(byNanoseconds: Self.alertNanoseconds)
            _ = await writing.wait(for: output, isEmpty: true, until: limit)
        }

        private static var alertNanoseconds: UInt64 { 100_000_000 }

        /// What was agreed on; nil without TLS, and before the handshake is over.
        public var security: ConnectionSecurity? {
            guard let layer = layer as? TLSLayer, layer.engine.suite != 0 else { return nil }
            return ConnectionSecurity(layer.engine)
        }

        /// Why TLS has failed, when reading or writing throws `EPROTO`; nil if it has not.
        public var securityFailure: TLSError? { (layer as? TLSLayer)?.engine.failure }
    }

#endif
