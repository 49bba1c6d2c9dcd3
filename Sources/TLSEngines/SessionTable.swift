// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// The functions with which BearSSL saves a session and asks for one.
    @safe
    final class SessionTable: @unchecked Sendable {
        static let shared = SessionTable()

        let table: UnsafePointer<br_ssl_session_cache_class>

        private init() {
            let table = UnsafeMutablePointer<br_ssl_session_cache_class>.allocate(capacity: 1)
            // SAFETY: never freed: there is one.
            unsafe table.initialize(
                to: br_ssl_session_cache_class(
                    context_size: MemoryLayout<millrace_tls_hook>.size,
                    save: { table, _, parameters in
                        // SAFETY: the owner makes the call, so it lives.
                        guard let table = unsafe table, let parameters = unsafe parameters else {
                            return
                        }
                        // SAFETY: the owner makes the call, so it lives.
                        unsafe SessionTable.engine(table).saveSession(parameters.pointee)
                    },
                    load: { table, _, parameters in
                        // SAFETY: the owner makes the call, so it lives.
                        guard let table = unsafe table, let parameters = unsafe parameters else {
                            return 0
                        }
                        // SAFETY: the owner makes the call, so it lives.
                        return unsafe SessionTable.engine(table).loadSession(parameters) ? 1 : 0
                    }))
            unsafe self.table = UnsafePointer(table)
        }

        /// The engine in whose memory the table's address lies.
        private static func engine(
            _ table: UnsafeMutablePointer<UnsafePointer<br_ssl_session_cache_class>?>
        ) -> TLSEngine {
            // SAFETY: the owner stands behind the table, and calls into BearSSL.
            let hook = unsafe UnsafeMutableRawPointer(table)
                .assumingMemoryBound(to: millrace_tls_hook.self)
            guard let owner = unsafe hook.pointee.owner else {
                preconditionFailure("a session without its engine")
            }
            // SAFETY: the owner makes the call, so it lives.
            return unsafe Unmanaged<TLSEngine>.fromOpaque(owner).takeUnretainedValue()
        }
    }

    extension TLSEngine {
        /// The handshake is over: another connection of this client may go on from it.
        fileprivate func saveSession(_ parameters: br_ssl_session_parameters) {
            guard case .server(let acceptor, let policy) = role, acceptor.policy === policy else {
                return
            }
            readVerdict()
            var entry = SessionStore.Entry()
            entry.parameters = parameters
            entry.nameHash = nameHash
            entry.verdict = peerVerdict
            if let peerFingerprint { entry.fingerprint = peerFingerprint }
            entry.hasFingerprint = peerFingerprint != nil
            entry.end = policy.options.clock.seconds() + policy.options.sessionSeconds
            acceptor.sessions.save(entry)
        }

        fileprivate func loadSession(
            _ parameters: UnsafeMutablePointer<br_ssl_session_parameters>
        ) -> Bool {
            guard case .server(let acceptor, let policy) = role, acceptor.policy === policy,
                // SAFETY: the owner makes the call, so it lives.
                let entry = unsafe acceptor.sessions.load(
                    parameters.pointee, nameHash: nameHash, now: policy.options.clock.seconds())
            else { return false }
            // SAFETY: the owner makes the call, so it lives.
            unsafe parameters.pointee = entry.parameters
            peerVerdict = entry.verdict
            peerFingerprint = entry.hasFingerprint ? entry.fingerprint : nil
            isResumed = true
            return true
        }
    }

#endif
