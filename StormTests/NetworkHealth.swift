// SPDX-License-Identifier: MIT

internal import Glibc

/// What makes the network of this system well: a command for the shell, which is run once.
///
/// Threads: any.
final class NetworkHealth: @unchecked Sendable {
    private let command: String?
    private let lock = OutputLock()
    /// Guarded by `lock`.
    private var isRestored = false

    init(command: String?) {
        self.command = command
    }

    /// Runs the command, unless it was; when this returns, it has been.
    @Sendable func restore() {
        guard let command else { return }
        lock.withLock {
            if isRestored { return }
            isRestored = true
            // SAFETY: the string lives during the call.
            if unsafe system(command) == 0 { return }
            print("simulate: '\(command)' failed")
            fflush(nil)
            exit(1)
        }
    }
}
