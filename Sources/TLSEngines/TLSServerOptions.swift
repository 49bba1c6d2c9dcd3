// SPDX-License-Identifier: MIT

#if TLS

    /// Bounds of configurations.
    public enum TLSLimits {
        /// Application protocols of one policy.
        public static let protocolCountMax = 16
        /// Sessions that one acceptor remembers, at most.
        public static let sessionCountMax = 1 << 20
        /// Names whose sessions one connector remembers.
        public static let connectorSessionCountMax = 64
        /// Buffers that one acceptor or connector keeps for the next connection.
        public static let spareBufferCountMax = 64
    }

    /// What a server asks of its clients.
    public enum ClientCertificatePolicy: Sendable {
        /// Nothing.
        case ignored
        /// A certificate of these authorities, or none.
        case optional(TrustAnchors)
        /// A certificate of these authorities.
        case required(TrustAnchors)
        /// Any certificate or none; `TLSEngine.peerVerdict` says what it is worth. Of one that is
        /// refused, the client has not shown that it has the key.
        case requested(TrustAnchors)

        var anchors: TrustAnchors? {
            switch self {
            case .ignored: nil
            case .optional(let anchors), .required(let anchors), .requested(let anchors): anchors
            }
        }
    }

    /// What a server's connections have in common.
    public struct TLSServerOptions: Sendable {
        /// Who the server is. A client's server name chooses; without one, or for an unknown name,
        /// the first is taken. Beside it may stand one for the same names with the other kind of
        /// key.
        public var identities: [TLSIdentity]
        /// Application protocols (RFC 7301), the best first; empty: whatever the client offers is
        /// not answered.
        public var protocols: [String] = []
        /// Whether a client that offers protocols, but none of those, is refused (RFC 7301, 3.2).
        public var requiresCommonProtocol = true
        /// Whether a client that asks for an unknown name is refused.
        public var refusesUnknownServerNames = false
        /// What is asked of clients.
        public var clientCertificates = ClientCertificatePolicy.ignored
        /// Sessions that each acceptor remembers, 160 bytes each; 0: none.
        public var sessionCount = 1024
        /// How long a session may be resumed.
        public var sessionSeconds: Int64 = 3600
        /// The date.
        public var clock = TLSClock.system
        /// Random numbers.
        public var entropy = TLSEntropy.system

        /// The usual options.
        public init(identities: [TLSIdentity]) { self.identities = identities }
    }

    /// What a client's connections have in common.
    public struct TLSClientOptions: Sendable {
        /// Whose certificates are trusted.
        public var anchors: TrustAnchors
        /// Who the client is, if the server asks.
        public var identity: TLSIdentity?
        /// Application protocols (RFC 7301), the best first.
        public var protocols: [String] = []
        /// Whether sessions are remembered and resumed.
        public var resumesSessions = true
        /// The date.
        public var clock = TLSClock.system
        /// Random numbers.
        public var entropy = TLSEntropy.system

        /// The usual options.
        public init(anchors: TrustAnchors) { self.anchors = anchors }
    }

#endif
