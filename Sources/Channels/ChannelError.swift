// SPDX-License-Identifier: MIT

/// Why a channel did not take an element, or gave none.
@frozen
public enum ChannelError: Error, Hashable, Sendable {
    /// The channel is closed; for a receiver: and nothing is left in it.
    case closed
    /// The deadline passed first.
    case timedOut
    /// The task was cancelled first.
    case cancelled
    /// It could not be done at once, and the call does not wait (`trySend`).
    case wouldWait
}
