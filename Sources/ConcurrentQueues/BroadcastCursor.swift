// SPDX-License-Identifier: MIT

/// Where a subscriber of a `BroadcastRing` stands: which element it is given next.
///
/// It is the subscriber's own, one thread's at a time; the ring knows nothing of it, so there may
/// be any number, and one that is dropped leaves nothing behind. A copy is a second subscriber that
/// stands at the same place. It belongs to the ring that made it.
@frozen
public struct BroadcastCursor: Sendable, Hashable {
    /// The ticket of the next element; its bit 0 is clear.
    @usableFromInline
    package var ticket: UInt64

    @inlinable
    package init(ticket: UInt64) { self.ticket = ticket }
}
