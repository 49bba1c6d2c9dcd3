// SPDX-License-Identifier: MIT

/// Names a message to its sender: the number that the sender gave, or one counted by the client.
@frozen
public struct MessageTicket: Hashable, Sendable {
    /// The number.
    public var rawValue: UInt64

    /// The ticket with a number.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A message and its outcome.
@frozen
public struct SettledMessage: Hashable, Sendable {
    /// Which message.
    public var ticket: MessageTicket
    /// What became of it.
    public var outcome: MessageOutcome

    @usableFromInline
    init(ticket: MessageTicket, outcome: MessageOutcome) {
        self.ticket = ticket
        self.outcome = outcome
    }
}
