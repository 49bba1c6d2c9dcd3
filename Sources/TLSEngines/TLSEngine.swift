// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// Where a connection stands.
    public enum TLSPhase: Equatable, Sendable, BitwiseCopyable {
        /// The ends agree on keys; no data flows.
        case handshake
        /// Data flows.
        case open
        /// One end has said that it sends no more, and the other's word, or its sending, is due.
        case closing
        /// Both ends have closed as they should.
        case closed
        /// The connection has failed; an alert may be left to send.
        case failed(TLSError)
    }

    /// One end of a TLS connection, without a socket: bytes of the wire on one side, plain bytes on
    /// the other.
    ///
    ///     wire ──► receive ───┐            ┌──► withReceived ──► program
    ///                         │   engine   │
    ///     wire ◄── outgoing ──┘            └◄── write, flush, close ◄── program
    ///
    /// | Guarantee | all operations                                                            |
    /// |-----------|---------------------------------------------------------------------------|
    /// | Progress  | never waits; a handshake computes for 0.1 to 2 ms, with large keys longer   |
    /// | Cost      | about 0.3 ns a byte with AES-GCM and the processor's help                  |
    /// | Memory    | 4.5 kB; while it holds bytes up to two buffers of 16 kB of its acceptor    |
    /// | Threads   | its loop's                                                                |
    ///
    /// After each call the caller sends what `outgoing` has, also after a failure: an alert may be
    /// among it. Received data must be consumed before more of the wire is taken.
    ///
    /// Close: `close` sends close_notify. Data is complete when `hasPeerClosed`; a stream that ends
    /// without that is `truncated`, which `wireEnded` finds.
    ///
    /// Sources: RFC 5246; BearSSL's bearssl_ssl.h. TLS 1.2 alone, by suites with ephemeral keys and
    /// authenticated encryption; no renegotiation, no compression, no tickets.
    @safe
    public final class TLSEngine {
        /// BearSSL's part; it begins with the engine.
        let memory: UnsafeMutableRawPointer
        let memoryByteCount: Int
        let engine: UnsafeMutablePointer<br_ssl_engine_context>
        let buffers: TLSBufferPool
        let role: Role
        /// The check of the peer's certificates; none if they are not asked for, and after the
        /// handshake.
        var check: UnsafeMutablePointer<millrace_tls_check>?

        var input: UnsafeMutableRawPointer?
        var output: UnsafeMutableRawPointer?
        var gate = ClientHelloGate()
        var isGateOpen: Bool
        var nameHash: UInt64 = 0
        /// Keeps the chain and keys that the handshake uses.
        var chosen: (ec: TLSIdentity?, rsa: TLSIdentity?) = (nil, nil)

        /// Why the connection has failed; nil if it has not.
        public internal(set) var failure: TLSError?
        /// Whether both ends have closed.
        var hasEnded = false
        var hasOpened = false
        var isClosing = false
        /// What is left to send after a failure: the alert.
        var alert = TLSAlertRecord()

        /// What the peer's certificate is worth; told when the handshake is over.
        public internal(set) var peerVerdict = PeerVerdict.notAsked
        /// The peer's certificate, if it sent one; also of a resumed session.
        public internal(set) var peerFingerprint: CertificateFingerprint?
        /// Whether the keys are those of an earlier connection.
        public internal(set) var isResumed = false

        enum Role {
            case server(TLSAcceptor, TLSServerPolicy)
            case client(TLSConnector, name: [UInt8])
        }

        init(_ acceptor: TLSAcceptor) {
            let policy = acceptor.policy
            role = .server(acceptor, policy)
            buffers = acceptor.buffers
            // SAFETY: a size, no pointer.
            memoryByteCount = unsafe MemoryLayout<millrace_tls_server>.stride
            isGateOpen = false
            // SAFETY: freed in `deinit`; the engine is the first part.
            let server = UnsafeMutablePointer<millrace_tls_server>.allocate(capacity: 1)
            unsafe memory = UnsafeMutableRawPointer(server)
            unsafe engine = memory.assumingMemoryBound(to: br_ssl_engine_context.self)
            // SAFETY: memory of its own; the policy keeps what it points to.
            unsafe millrace_tls_copy_server(server, policy.pattern)
            begin(policy.options.entropy)
            if let anchors = policy.options.clientCertificates.anchors {
                openCheck(anchors, policy.options.clock)
                if case .optional = policy.options.clientCertificates {
                    // SAFETY: made by `openCheck`.
                    unsafe check?.pointee.ends_if_refused = true
                }
            }
            if policy.options.sessionCount > 0 {
                // SAFETY: BearSSL calls back only while this one calls it.
                unsafe millrace_tls_set_sessions(
                    server, SessionTable.shared.table, Unmanaged.passUnretained(self).toOpaque())
            }
            // SAFETY: all that it needs is set.
            unsafe br_ssl_server_reset(&server.pointee.context)
            afterEngine()
            settle()
        }

        init(_ connector: TLSConnector, _ name: [UInt8]) {
            let policy = connector.policy
            role = .client(connector, name: name)
            buffers = connector.buffers
            // SAFETY: a size, no pointer.
            memoryByteCount = unsafe MemoryLayout<br_ssl_client_context>.stride
            isGateOpen = true
            // SAFETY: freed in `deinit`; the engine is the first part.
            let client = UnsafeMutablePointer<br_ssl_client_context>.allocate(capacity: 1)
            unsafe memory = UnsafeMutableRawPointer(client)
            unsafe engine = memory.assumingMemoryBound(to: br_ssl_engine_context.self)
            // SAFETY: memory of its own; the policy keeps what it points to.
            unsafe memory.copyMemory(from: policy.pattern, byteCount: memoryByteCount)
            begin(policy.options.entropy)
            openCheck(policy.options.anchors, policy.options.clock)
            // SAFETY: the policy keeps the identity.
            if let identity = policy.options.identity { unsafe setCertificate(client, identity) }
            unsafe resume(client, connector, name)
            settle()
        }

        deinit {
            // SAFETY: from `init`, not used any more; keys are written over.
            closeCheck()
            if let input = unsafe input { unsafe buffers.giveInput(input) }
            if let output = unsafe output { unsafe buffers.giveOutput(output) }
            // SAFETY: as many bytes as were allocated; nobody has them any more.
            unsafe TLSMemory.erase(memory, memoryByteCount)
            unsafe memory.deallocate()
        }

        /// Buffers and the seed. A copy of a pattern has no seed yet, so no two engines share one.
        private func begin(_ entropy: TLSEntropy) {
            // SAFETY: given back by `settle` or `deinit`.
            unsafe input = buffers.takeInput()
            unsafe output = buffers.takeOutput()
            unsafe millrace_tls_attach(engine, input, output)
            guard let fill = entropy.fill else { return }
            var seed = InlineArray<32, UInt8>(repeating: 0)
            var span = seed.mutableSpan
            if fill(&span) {
                // SAFETY: copied within the call.
                unsafe seed.span.withUnsafeBytes {
                    unsafe millrace_tls_seed(engine, $0.baseAddress, $0.count)
                }
            } else {
                // SAFETY: the engine is this one's.
                unsafe engine.pointee.rng_os_rand_done = 1
            }
        }

        private func openCheck(_ anchors: TrustAnchors, _ clock: TLSClock) {
            let check = UnsafeMutablePointer<millrace_tls_check>.allocate(capacity: 1)
            // SAFETY: freed by `closeCheck`; the policy keeps the anchors.
            unsafe millrace_tls_open_check(
                check, engine, anchors.entries.baseAddress, anchors.count, clock.seconds())
            unsafe self.check = check
        }

        func closeCheck() {
            // SAFETY: from `openCheck`.
            guard let check = unsafe check else { return }
            // SAFETY: no handshake follows that would use it.
            unsafe br_ssl_engine_set_x509(engine, nil)
            unsafe check.deallocate()
            unsafe self.check = nil
        }

        private func setCertificate(
            _ client: UnsafeMutablePointer<br_ssl_client_context>, _ identity: TLSIdentity
        ) {
            // SAFETY: the policy keeps the identity.
            let chain = unsafe identity.chain.entries
            // SAFETY: the policy keeps the identity.
            if let key = unsafe identity.key.ec {
                unsafe br_ssl_client_set_single_ec(
                    client, chain.baseAddress, chain.count, key, UInt32(BR_KEYTYPE_SIGN), 0,
                    CurveArithmetic.shared.table, CurveSignatures.sign)
                // SAFETY: as above.
            } else if let key = unsafe identity.key.rsa {
                unsafe br_ssl_client_set_single_rsa(
                    client, chain.baseAddress, chain.count, key,
                    br_rsa_pkcs1_sign_get_default())
            }
        }

        private func resume(
            _ client: UnsafeMutablePointer<br_ssl_client_context>, _ connector: TLSConnector,
            _ name: [UInt8]
        ) {
            var canResume: Int32 = 0
            if connector.policy.options.resumesSessions,
                let session = connector.sessions.load(name)
            {
                // SAFETY: copied into the engine.
                var parameters = session.parameters
                unsafe br_ssl_engine_set_session_parameters(engine, &parameters)
                peerFingerprint = session.fingerprint
                canResume = 1
            }
            // SAFETY: the name is copied within the call.
            unsafe name.withUnsafeBytes {
                // SAFETY: ends with a zero.
                _ = unsafe br_ssl_client_reset(
                    client, $0.baseAddress?.assumingMemoryBound(to: CChar.self), canResume)
            }
            afterEngine()
        }
    }

#endif
