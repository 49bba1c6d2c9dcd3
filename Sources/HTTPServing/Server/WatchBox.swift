// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// The watch of a connection that waits for its client by itself, without a task: one pointer while
/// it does not.
///
/// Threads: the connection's loop.
final class WatchBox {
    var watch: SendWatch
    /// When it began to wait.
    var since: MonotonicInstant

    init(_ watch: SendWatch, since: MonotonicInstant) {
        self.watch = watch
        self.since = since
    }

    /// Until when it may wait.
    func limit(_ pauseNanoseconds: UInt64) -> MonotonicInstant {
        since.advanced(byNanoseconds: watch.patience(pauseNanoseconds))
    }
}
