// SPDX-License-Identifier: MIT

#if TLS

    public import EventLoops
    public import TLSEngines

    /// Why a connection did not get to TLS.
    public enum HandshakeError: Error, Sendable {
        /// The ends did not agree, or do not trust each other.
        case tls(TLSError)
        /// The connection broke, the peer ended it (`ECONNRESET`), the deadline came (`ETIMEDOUT`),
        /// or the task was cancelled (`ECANCELED`).
        case system(SystemError)
        /// The server's name cannot be asked for.
        case setup(TLSSetupError)
    }

    extension HandshakeError: CustomStringConvertible {
        /// The reason in words.
        public var description: String {
            switch self {
            case .tls(let error): "handshake: \(error)"
            case .system(let error): error.description
            case .setup(let error): error.description
            }
        }
    }

#endif
