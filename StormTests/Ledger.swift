// SPDX-License-Identifier: MIT

/// What was sent, what arrived, what was told: the other half of a storm's checks.
///
/// Threads: the simulation's.
final class Ledger: @unchecked Sendable {
    private(set) var complaints: [String] = []
    /// The last events before the first complaint.
    private(set) var timeline: [String] = []
    /// Tells the last events.
    var events: (() -> [String])?

    /// Notes that something is wrong; the first twenty are kept.
    func complain(_ sentence: @autoclosure () -> String) {
        if complaints.isEmpty { timeline = events?() ?? [] }
        if complaints.count < 20 { complaints.append(sentence()) }
    }

    func expect(_ holds: Bool, _ sentence: @autoclosure () -> String) {
        if !holds { complain(sentence()) }
    }
}
