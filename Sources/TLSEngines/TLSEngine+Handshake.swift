// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    // The handshake: what happens before BearSSL sees a client's hello, and behind each step.

    extension TLSEngine {
        /// Gathers the client's hello and, when it is complete, hands it to BearSSL. Returns how
        /// many bytes were taken; nil if the hello is refused.
        func passGate(_ bytes: UnsafeRawBufferPointer) -> Int? {
            guard case .server(_, let policy) = role else { return 0 }
            // SAFETY: BearSSL writes nothing there before it has the hello.
            let memory = unsafe UnsafeMutableRawBufferPointer(
                start: output, count: Int(MILLRACE_TLS_OUTPUT_SIZE))
            do throws(ClientHelloFault) {
                // SAFETY: the engine lives as long as this.
                let taken = try unsafe gate.take(bytes, into: memory)
                if gate.isComplete {
                    let start = ClientHelloGate.messageStart
                    // SAFETY: the engine lives as long as this.
                    let message = unsafe UnsafeRawBufferPointer(
                        rebasing: memory[start..<start + gate.messageByteCount])
                    try judge(unsafe Span(_unsafeBytes: message), policy)
                    // SAFETY: the engine lives as long as this.
                    unsafe handOver(memory)
                }
                return taken
            } catch {
                failure = .clientHello(error)
                alert.write(error.alert, version: gate.alertVersion)
                settle()
                return nil
            }
        }

        /// Reads the hello, and decides what it decides.
        private func judge(
            _ message: borrowing Span<UInt8>, _ policy: TLSServerPolicy
        ) throws(ClientHelloFault) {
            let hello = try ClientHello(parsing: message, suites: policy.suites)
            try choose(message.extracting(hello.serverName), policy)
            if policy.protocols.names.isEmpty || hello.protocols.isEmpty { return }
            for name in policy.protocols.names where hello.offers(name, in: message) { return }
            if policy.options.requiresCommonProtocol { throw .noCommonProtocol }
            // With none in common, BearSSL reads beyond its list when a session is resumed.
            // SAFETY: the engine lives as long as this.
            unsafe br_ssl_engine_set_protocol_names(engine, nil, 0)
        }

        private func choose(
            _ name: borrowing Span<UInt8>, _ policy: TLSServerPolicy
        ) throws(ClientHelloFault) {
            nameHash = SessionStore.hash(name)
            guard let found = policy.identities(for: name) else { throw .unknownServerName }
            chosen = found
            // SAFETY: the server's part lives as long as this, and the identities do.
            let server = unsafe memory.assumingMemoryBound(to: millrace_tls_server.self)
            if let identity = found.ec { unsafe server.pointee.ec = identity.choice }
            if let identity = found.rsa { unsafe server.pointee.rsa = identity.choice }
        }

        /// Hands the hello over in one record.
        private func handOver(_ memory: UnsafeMutableRawBufferPointer) {
            let count = gate.messageByteCount
            let header: InlineArray<5, UInt8> = [22, 3, 1, UInt8(count >> 8), UInt8(count & 0xff)]
            // SAFETY: five bytes are left free for it.
            for index in header.indices { unsafe memory[index] = header[index] }
            isGateOpen = true
            let taken = unsafe millrace_tls_take(engine, memory.baseAddress, count + 5, false)
            // SAFETY: the engine lives as long as this.
            assert(unsafe taken == count + 5 || millrace_tls_has_ended(engine))
        }

        /// Looks where BearSSL stands.
        func afterEngine() {
            if failure != nil || hasEnded { return }
            // SAFETY: the engine lives as long as this.
            if !hasOpened, unsafe millrace_tls_is_open(engine) { didOpen() }
            // SAFETY: the engine lives as long as this.
            guard unsafe millrace_tls_has_ended(engine) else { return }
            if let error = TLSError(code: unsafe br_ssl_engine_last_error(engine)) {
                fail(error)
            } else {
                hasEnded = true
                closeCheck()
            }
        }

        /// Ends the connection, and says so to the peer if it does not know.
        func fail(_ error: TLSError) {
            failure = error
            closeCheck()
            if case .handshakeRefused = error { return }
            // SAFETY: the engine lives as long as this.
            if isGateOpen, let reason = error.alert { unsafe alert.seal(reason, engine) }
        }

        private func didOpen() {
            hasOpened = true
            switch role {
            case .server(let acceptor, _): didOpenServer(acceptor)
            case .client(let connector, let name): didOpenClient(connector, name)
            }
            closeCheck()
            chosen = (nil, nil)
        }

        private func didOpenServer(_ acceptor: TLSAcceptor) {
            // SAFETY: the server's part lives as long as this.
            let server = unsafe memory.assumingMemoryBound(to: millrace_tls_server.self)
            if unsafe server.pointee.has_chosen {
                isResumed = false
                readVerdict()
            }
        }

        private func didOpenClient(_ connector: TLSConnector, _ name: [UInt8]) {
            // SAFETY: the check lives until `closeCheck`.
            guard let check = unsafe check else { return }
            peerVerdict = .trusted
            isResumed = unsafe !check.pointee.has_ended
            if !isResumed { readVerdict() }
            if connector.policy.options.resumesSessions, let peerFingerprint {
                // SAFETY: the engine lives as long as this.
                unsafe connector.sessions.save(name, engine.pointee.session, peerFingerprint)
            }
        }

        /// What the check has found.
        func readVerdict() {
            peerFingerprint = nil
            // SAFETY: the check lives until `closeCheck`.
            guard let check = unsafe check else {
                peerVerdict = .notAsked
                return
            }
            // SAFETY: the engine lives as long as this.
            guard unsafe check.pointee.has_ended else {
                peerVerdict = .absent
                return
            }
            // SAFETY: the engine lives as long as this.
            let code = unsafe check.pointee.fault
            let fault = CertificateFault(rawValue: UInt8(truncatingIfNeeded: code))
            peerVerdict = code == 0 ? .trusted : .refused(fault ?? .invalidValue)
            var fingerprint = CertificateFingerprint()
            for index in 0..<32 {
                // SAFETY: the engine lives as long as this.
                fingerprint.bytes[index] = unsafe withUnsafeBytes(of: check.pointee.leaf_hash) {
                    unsafe $0[index]
                }
            }
            peerFingerprint = fingerprint
        }
    }

    extension TLSIdentity {
        /// As BearSSL's side knows it; lives as long as this.
        var choice: millrace_tls_choice {
            // SAFETY: pointers into what this owns.
            unsafe millrace_tls_choice(
                chain: chain.entries.baseAddress, count: chain.entries.count, rsa: key.rsa,
                ec: key.ec)
        }
    }

#endif
