// SPDX-License-Identifier: MIT

internal import CLinuxShims
public import EventLoops

/// None of several addresses could be connected to: each that was tried, with its reason.
public struct ConnectFailure: Error, Hashable, Sendable {
    /// Why there is no connection.
    public enum Cause: Hashable, Sendable {
        /// The name could not be resolved; nothing was tried.
        case unresolved(Resolver.Failure)
        /// Every address was tried, and each failed. Without any address, there was none to try.
        case allFailed
        /// The deadline came first: attempts that were under way have the reason `ETIMEDOUT`.
        case deadlineReached
        /// The task was cancelled: attempts that were under way have the reason `ECANCELED`.
        case cancelled
    }

    /// One address that was tried.
    public struct Attempt: Hashable, Sendable {
        /// The address.
        public let address: SocketAddress
        /// What it answered, or why the attempt was ended.
        public let reason: SystemError
    }

    /// Why there is no connection.
    public let cause: Cause
    /// What was tried, in the order in which it was begun.
    public let attempts: [Attempt]

    /// The failure as one error, for those who tell them apart by errno: `ETIMEDOUT` at the
    /// deadline, `ECANCELED` when cancelled, else the last attempt's; `EADDRNOTAVAIL` if there was
    /// no address.
    public var summary: SystemError {
        switch cause {
        case .deadlineReached: SystemError(.connect, code: Int32(MILLRACE_ETIMEDOUT))
        case .cancelled: SystemError(.connect, code: Int32(MILLRACE_ECANCELED))
        case .unresolved: SystemError(.resolve, code: Int32(MILLRACE_EADDRNOTAVAIL))
        case .allFailed:
            attempts.last?.reason ?? SystemError(.connect, code: Int32(MILLRACE_EADDRNOTAVAIL))
        }
    }
}

extension ConnectFailure: CustomStringConvertible {
    /// "no connection: [::1]:80: connect: Connection refused (ECONNREFUSED); 127.0.0.1:80: …"
    public var description: String {
        let list = attempts.map { "\($0.address): \($0.reason)" }.joined(separator: "; ")
        switch cause {
        case .unresolved(let failure): return "no connection: \(failure)"
        case .allFailed: return "no connection: \(list.isEmpty ? "no address" : list)"
        case .deadlineReached:
            return list.isEmpty ? "no connection in time" : "no connection in time: \(list)"
        case .cancelled: return list.isEmpty ? "cancelled" : "cancelled: \(list)"
        }
    }
}
