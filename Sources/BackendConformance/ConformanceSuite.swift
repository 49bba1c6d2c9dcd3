// SPDX-License-Identifier: MIT

/// What every backend must do, whoever wrote it.
///
/// Each check takes a backend apart from the outside: it makes one from the factory, drives it as a
/// loop does or puts a loop on it, and talks to it through sockets and pipes of its own.
///
/// ```swift
/// for check in ConformanceSuite.checks {
///     try check.run { options in
///         SelectedBackend(backend: try MyBackend(options: options), reason: "mine")
///     }
/// }
/// ```
public enum ConformanceSuite {
    /// All checks. Each stands alone: they run in any order, and side by side on several threads.
    public static let checks: [ConformanceCheck] =
        acceptChecks + connectChecks + receiveChecks + sendChecks + batchChecks + numberChecks
        + takingChecks + cancelChecks + pollChecks + outputChecks + limitChecks + creditChecks
        + holdingChecks + sharingChecks + timerChecks + postingChecks + stoppingChecks + endChecks
        + waitingOutputChecks + layerChecks + layerEndChecks
}
