// SPDX-License-Identifier: MIT

/// What became of an element that was offered to a `BroadcastRing`.
@frozen
public enum PublishOutcome: Hashable, Sendable {
    /// It is in its place; each subscriber will come to it, unless it lags.
    case published
    /// Somebody is inside the slot that is next: a subscriber that copies the element to be
    /// overwritten, or the publisher of that element. Try again, after a pause.
    case occupied
    /// The ring is closed.
    case closed
}
