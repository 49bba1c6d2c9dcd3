// SPDX-License-Identifier: MIT

public import EventLoops

/// The backend of the event loops, as it is written: `auto`, `io_uring`, `epoll`.
public enum BackendArgument: String, CaseIterable, Sendable {
    /// io_uring if the system allows it, else epoll.
    case automatic = "auto"
    /// io_uring or an error.
    case ioUring = "io_uring"
    /// epoll.
    case epoll

    /// What the loops are told.
    public var choice: BackendChoice {
        switch self {
        case .automatic: .automatic
        case .ioUring: .ioUring
        case .epoll: .epoll
        }
    }
}
