// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// What a client's connections have in common, checked and ready to be copied.
    ///
    /// Made once, used by the connectors of all loops; it never changes.
    @safe
    public final class TLSClientPolicy: @unchecked Sendable {
        let options: TLSClientOptions
        let protocols: ProtocolNames
        /// A connection's beginning.
        let pattern: UnsafeMutablePointer<br_ssl_client_context>

        /// Throws: what cannot be used, and why.
        public init(_ options: TLSClientOptions) throws(TLSSetupError) {
            self.options = options
            protocols = try ProtocolNames(options.protocols)
            unsafe pattern = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
            unsafe br_ssl_client_zero(pattern)
            let engine = unsafe UnsafeMutableRawPointer(pattern)
                .assumingMemoryBound(to: br_ssl_engine_context.self)
            // SAFETY: the pattern lives as long as this.
            unsafe millrace_tls_set_algorithms(
                engine, CurveArithmetic.shared.table, CurveSignatures.verify)
            unsafe br_ssl_client_set_default_rsapub(pattern)
            let suites = TLSSuites.ordered
            // SAFETY: the pattern lives as long as this.
            unsafe br_ssl_engine_set_suites(engine, suites, suites.count)
            unsafe br_ssl_engine_set_all_flags(engine, TLSFlags.noRenegotiation)
            unsafe br_ssl_engine_set_protocol_names(
                engine, protocols.pointers.baseAddress, protocols.names.count)
        }

        deinit { unsafe pattern.deallocate() }  // SAFETY: from `init`, not used any more.
    }

#endif
