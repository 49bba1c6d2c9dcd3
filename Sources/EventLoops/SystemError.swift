// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// What the system refused: the operation and the errno that it answered.
public struct SystemError: Error, Hashable, Sendable {
    /// What was tried.
    public let operation: Operation

    /// The errno, positive.
    public let code: Int32

    /// The operations that can fail.
    public enum Operation: UInt8, Hashable, Sendable {
        case accept, bind, cancel, close, connect, eventDescriptor, handshake, listen, openBackend
        case openSocket
        case operationTable, poll, receive, resolve, send, setOption, shutdown, signals, sleep
        case socketAddress, startThread, timer
    }

    /// An error of an operation.
    public init(_ operation: Operation, code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// Whether the operation ended because it was cancelled.
    public var isCancelled: Bool { code == Int32(MILLRACE_ECANCELED) }

    /// Whether a limit in time was reached.
    public var isTimeout: Bool { code == Int32(MILLRACE_ETIMEDOUT) }
}

extension SystemError: CustomStringConvertible {
    /// "connect: Connection refused (ECONNREFUSED)"
    public var description: String {
        // SAFETY: both functions answer static, NUL-terminated strings.
        let text = unsafe String(cString: millrace_error_text(code))
        let name = unsafe String(cString: millrace_error_name(code))  // SAFETY: as above.
        return "\(operation): \(text) (\(name))"
    }
}
