// SPDX-License-Identifier: MIT

/// What was sent, what arrived, what was told: the other half of a storm's checks.
///
/// Threads: the simulation's.
final class Ledger: @unchecked Sendable {
    private(set) var complaints: [String] = []

    /// Notes that something is wrong; the first twenty are kept.
    func complain(_ sentence: @autoclosure () -> String) {
        if complaints.count < 20 { complaints.append(sentence()) }
    }

    func expect(_ holds: Bool, _ sentence: @autoclosure () -> String) {
        if !holds { complain(sentence()) }
    }
}
