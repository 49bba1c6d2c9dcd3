// SPDX-License-Identifier: MIT

#if TLS

    public import TLSEngines

    /// What the ends of a connection have agreed on.
    public struct ConnectionSecurity: Sendable {
        /// The suite's number (IANA, TLS Cipher Suites).
        public let suite: UInt16
        /// The application protocol (RFC 7301); nil if none was agreed on.
        public let applicationProtocol: String?
        /// The server's name, as the client asked for it; nil if it did not.
        public let serverName: String?
        /// What the peer's certificate is worth.
        public let peerVerdict: PeerVerdict
        /// The peer's certificate, if it sent one.
        public let peerFingerprint: CertificateFingerprint?
        /// Whether the keys are those of an earlier connection.
        public let isResumed: Bool

        package init(_ engine: TLSEngine) {
            suite = engine.suite
            applicationProtocol = engine.selectedProtocol
            serverName = engine.serverName
            peerVerdict = engine.peerVerdict
            peerFingerprint = engine.peerFingerprint
            isResumed = engine.isResumed
        }
    }

#endif
