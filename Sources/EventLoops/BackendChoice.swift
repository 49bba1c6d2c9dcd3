// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// Which backend a loop shall run on.
public enum BackendChoice: String, CaseIterable, Sendable {
    /// io_uring if the system allows it, else epoll.
    case automatic = "auto"
    /// io_uring or an error.
    case ioUring = "io_uring"
    /// epoll.
    case epoll
}

/// A backend, and why it is this one.
public struct SelectedBackend {
    /// The backend.
    public let backend: any EventBackend
    /// One sentence for a log: "io_uring: probed and supported" or "epoll: io_uring is refused
    /// (EPERM)".
    public let reason: String

    /// A backend with a reason to show.
    public init(backend: any EventBackend, reason: String) {
        self.backend = backend
        self.reason = reason
    }
}

extension BackendChoice {
    /// Opens a backend: probes io_uring when asked to, and falls back to epoll only when the choice
    /// is automatic.
    public func open(options: LoopOptions) throws(SystemError) -> SelectedBackend {
        switch self {
        case .epoll:
            return SelectedBackend(
                backend: try EpollBackend(options: options), reason: "epoll: asked for")
        case .ioUring:
            return try openIOUring(options: options, reason: "io_uring: asked for")
        case .automatic:
            do {
                return try openIOUring(options: options, reason: "io_uring: probed and supported")
            } catch {
                let cause = Self.explain(error)
                return SelectedBackend(
                    backend: try EpollBackend(options: options), reason: "epoll: \(cause)")
            }
        }
    }

    private func openIOUring(
        options: LoopOptions, reason: String
    ) throws(SystemError) -> SelectedBackend {
        #if IOUring
            return SelectedBackend(backend: try IOUringBackend(options: options), reason: reason)
        #else
            throw SystemError(.openBackend, code: Int32(MILLRACE_ENOSYS))
        #endif
    }

    private static func explain(_ error: SystemError) -> String {
        #if IOUring
            return "io_uring is refused here, \(error)"
        #else
            return "built without the IOUring trait"
        #endif
    }
}
