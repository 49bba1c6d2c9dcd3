// SPDX-License-Identifier: MIT

/// Weakens an ordering of the program under test while it runs.
struct OrderingAudit {
    /// What an operation becomes.
    func weakened(_ operation: AtomicOperation) -> AtomicOperation { operation }
}
