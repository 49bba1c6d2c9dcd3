// SPDX-License-Identifier: MIT

/// What a subscriber is given: the next element, or how many it has missed.
@frozen
public enum BroadcastDelivery<Element> {
    /// A copy of the element.
    case element(Element)
    /// The subscriber fell behind by more than the capacity: so many elements in front of the next
    /// one were overwritten before it came to them.
    case lagged(missedCount: UInt64)
}

extension BroadcastDelivery: Sendable where Element: Sendable {}

extension BroadcastDelivery: Equatable where Element: Equatable {}
