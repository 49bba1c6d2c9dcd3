// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// What a server's connections have in common, checked and ready to be copied.
    ///
    /// Made once, used by the acceptors of all loops; it never changes.
    @safe
    public final class TLSServerPolicy: @unchecked Sendable {
        let options: TLSServerOptions
        let protocols: ProtocolNames
        let suites: [UInt16]
        /// A connection's beginning: copying it is the cheapest way to begin one.
        let pattern: UnsafeMutablePointer<millrace_tls_server>

        /// Throws: what cannot be used, and why.
        public init(_ options: TLSServerOptions) throws(TLSSetupError) {
            if options.identities.isEmpty { throw TLSSetupError("identities", .noIdentity) }
            precondition((0...TLSLimits.sessionCountMax).contains(options.sessionCount))
            self.options = options
            protocols = try ProtocolNames(options.protocols)
            suites = TLSSuites.ordered
            unsafe pattern = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
            unsafe TLSMemory.erase(pattern, MemoryLayout<millrace_tls_server>.size)
            fill()
        }

        deinit { unsafe pattern.deallocate() }  // SAFETY: from `init`, not used any more.

        private func fill() {
            // SAFETY: the pattern lives as long as this; names and anchors do too.
            unsafe br_ssl_server_zero(&pattern.pointee.context)
            unsafe pattern.pointee.sign_ec = CurveSignatures.sign
            let engine = unsafe UnsafeMutableRawPointer(pattern)
                .assumingMemoryBound(to: br_ssl_engine_context.self)
            // SAFETY: the pattern lives as long as this.
            unsafe millrace_tls_set_algorithms(
                engine, CurveArithmetic.shared.table, CurveSignatures.verify)
            unsafe br_ssl_engine_set_suites(engine, suites, suites.count)
            var flags = TLSFlags.serverPreference | TLSFlags.noRenegotiation
            switch options.clientCertificates {
            case .optional, .requested: flags |= TLSFlags.toleratesNoCertificate
            default: break
            }
            if options.requiresCommonProtocol { flags |= TLSFlags.needsProtocol }
            // SAFETY: the pattern lives as long as this.
            unsafe br_ssl_engine_set_all_flags(engine, flags)
            unsafe br_ssl_engine_set_protocol_names(
                engine, protocols.pointers.baseAddress, protocols.names.count)
            if let anchors = options.clientCertificates.anchors {
                // SAFETY: the pattern lives as long as this.
                unsafe br_ssl_server_set_trust_anchor_names_alt(
                    &pattern.pointee.context, anchors.entries.baseAddress, anchors.count)
            }
        }

        /// The identities for a server's name: one with a key of each kind, if there are. Nil if
        /// the name is unknown and must not be.
        ///
        /// Cost: O(names of all certificates).
        func identities(
            for name: borrowing Span<UInt8>
        ) -> (ec: TLSIdentity?, rsa: TLSIdentity?)? {
            var ec: TLSIdentity?
            var rsa: TLSIdentity?
            for identity in options.identities where !name.isEmpty && identity.isFor(name) {
                if identity.isElliptic { ec = ec ?? identity } else { rsa = rsa ?? identity }
            }
            if ec != nil || rsa != nil { return (ec, rsa) }
            if !name.isEmpty, options.refusesUnknownServerNames { return nil }
            let first = options.identities[0]
            let other = options.identities.first {
                $0.isElliptic != first.isElliptic && $0.names == first.names
            }
            return first.isElliptic ? (first, other) : (other, first)
        }
    }

    /// BearSSL's flags, whose macros do not reach Swift: bearssl_ssl.h, BR_OPT_*.
    enum TLSFlags {
        static let serverPreference: UInt32 = 1 << 0
        static let noRenegotiation: UInt32 = 1 << 1
        static let toleratesNoCertificate: UInt32 = 1 << 2
        static let needsProtocol: UInt32 = 1 << 3
    }

#endif
