// SPDX-License-Identifier: MIT

internal import ArgumentParser
package import EventLoops

/// `--backend` of the contenders that run on Millrace's loop.
package enum BackendArgument: String, ExpressibleByArgument, CaseIterable {
    case automatic = "auto"
    case ioUring = "io_uring"
    case epoll

    package var choice: BackendChoice {
        switch self {
        case .automatic: .automatic
        case .ioUring: .ioUring
        case .epoll: .epoll
        }
    }
}
