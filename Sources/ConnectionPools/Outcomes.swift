// SPDX-License-Identifier: MIT

#if TLS
    public import TLSEngines
#endif

/// What a client means by "delivered". The README's table says what each mode can and cannot know.
@frozen
public enum DeliveryMode: UInt8, Sendable, CaseIterable {
    /// The local kernel took every byte. A peer that dies may still lose the message.
    case written
    /// The peer's kernel acknowledged every byte (TCP). The peer's program may not have read it.
    case acknowledged
    /// The peer's program answered. Sent again when a connection dies, so duplicates are possible.
    case confirmed

    /// The mode in letters, as printed in summaries.
    public var word: String {
        switch self {
        case .written: "written"
        case .acknowledged: "acknowledged"
        case .confirmed: "confirmed"
        }
    }
}

/// Why a connection ended, an attempt failed, or a message was not delivered.
@frozen
public enum FailureReason: UInt8, Sendable, CaseIterable {
    // What ends a message.

    /// The pool reconnected as often as it may, without success.
    case gaveUp
    /// The drain deadline of `close` passed first.
    case closed
    /// `shutdownNow` was called.
    case cancelled

    // What ends a connection or an attempt; the pool sends its messages again.

    /// Nobody listens at the destination.
    case refused
    /// There is no route to the destination.
    case unreachable
    /// The connection was not established in time.
    case connectTimeout
    /// The kernel took no byte for the time limit although bytes were waiting.
    case writeTimeout
    /// Messages were outstanding and none settled within the time limit.
    case answerTimeout
    /// The connection was idle; a quiet end, not a failure.
    case idle
    /// The peer reset the connection.
    case reset
    /// The peer ended its side of the stream.
    case peerClosed
    /// The process or the kernel has no descriptor, port or memory left.
    case noResources
    /// The ends did not come to TLS, or lost it; `ConnectionError.security` says why.
    case security
    /// Another error of the system; the error number says which.
    case systemError

    /// The reason in letters and dashes, stable for scripts.
    public var word: String {
        switch self {
        case .gaveUp: "gave-up"
        case .closed: "closed"
        case .cancelled: "cancelled"
        case .refused: "refused"
        case .unreachable: "unreachable"
        case .connectTimeout: "connect-timeout"
        case .writeTimeout: "write-timeout"
        case .answerTimeout: "answer-timeout"
        case .idle: "idle"
        case .reset: "reset"
        case .peerClosed: "peer-closed"
        case .noResources: "no-resources"
        case .security: "tls"
        case .systemError: "system-error"
        }
    }
}

/// The error of one connection: the reason, and the kernel's error number where there is one.
public struct ConnectionError: Error, Hashable, Sendable {
    /// Why the connection ended.
    public var reason: FailureReason

    /// The error number (errno(3)), or zero.
    public var systemErrorNumber: Int32

    #if TLS
        /// What TLS says.
        public var security: TLSError?
    #endif

    /// An error with a reason.
    public init(_ reason: FailureReason, systemErrorNumber: Int32 = 0) {
        self.reason = reason
        self.systemErrorNumber = systemErrorNumber
    }
}

/// How the life of one message ended.
@frozen
public enum MessageOutcome: Hashable, Sendable {
    /// The message reached what the delivery mode calls delivered.
    case ok
    /// It did not. `wasPartlyWritten` tells whether a byte of it was ever given to a kernel: if
    /// not, the peer certainly never saw it.
    case failed(FailureReason, wasPartlyWritten: Bool)
}

/// Why a client takes no more messages.
@frozen
public enum PoolError: Error, Hashable, Sendable {
    /// `close` was called.
    case closed
    /// `shutdownNow` was called.
    case cancelled
    /// The pool gave up; the error is that of its last connection or attempt.
    case gaveUp(ConnectionError)
    /// The message has no byte.
    case empty
    /// The message is longer than `ClientConfiguration.messageByteCountMax`.
    case tooLong
    /// A message with this ticket has an outcome that was not yet asked for.
    case ticketInUse

    /// The error in letters and dashes.
    public var word: String {
        switch self {
        case .closed: FailureReason.closed.word
        case .cancelled: FailureReason.cancelled.word
        case .gaveUp: FailureReason.gaveUp.word
        case .empty: "empty"
        case .tooLong: "too-long"
        case .ticketInUse: "ticket-in-use"
        }
    }
}
