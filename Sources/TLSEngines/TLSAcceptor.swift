// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL

    /// Opens the server's side of connections, for one loop.
    ///
    /// It owns what its connections share: the policy, the sessions that may be resumed, and spare
    /// buffers. A loop makes its own from a policy, and nothing else can reach its sessions.
    ///
    /// Threads: its loop's, as are the engines that it opens.
    public final class TLSAcceptor {
        /// What its connections have in common.
        public private(set) var policy: TLSServerPolicy
        let sessions: SessionStore
        let buffers = TLSBufferPool()

        /// An acceptor without sessions.
        public init(_ policy: TLSServerPolicy) {
            self.policy = policy
            sessions = SessionStore(count: policy.options.sessionCount)
        }

        /// Goes on with another policy: new certificates, or other demands. Connections that are
        /// open keep theirs; sessions are forgotten, so that none crosses from one to the other.
        public func replacePolicy(_ policy: TLSServerPolicy) {
            self.policy = policy
            sessions.removeAll()
        }

        /// Buffers of 16 kB that connections hold at the moment.
        public var lentBufferCount: Int { buffers.lentCount }

        /// The server's side of a new connection.
        public func open() -> TLSEngine { TLSEngine(self) }
    }

    /// Opens the client's side of connections, for one loop.
    ///
    /// Threads: its loop's, as are the engines that it opens.
    public final class TLSConnector {
        /// What its connections have in common.
        public let policy: TLSClientPolicy
        let sessions = ConnectorSessions()
        let buffers = TLSBufferPool()

        /// A connector without sessions.
        public init(_ policy: TLSClientPolicy) { self.policy = policy }

        /// Buffers of 16 kB that connections hold at the moment.
        public var lentBufferCount: Int { buffers.lentCount }

        /// The client's side of a new connection to a server of that name, which its certificate
        /// must bear. Throws: the name is none in DNS.
        public func open(serverName: String) throws(TLSSetupError) -> TLSEngine {
            guard let name = ServerName.checked(serverName) else {
                throw TLSSetupError(serverName, .badServerName)
            }
            return TLSEngine(self, name)
        }
    }

#endif
