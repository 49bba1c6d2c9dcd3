// SPDX-License-Identifier: MIT

/// Why a channel did not take an element, and the element, which is its sender's again.
///
/// It is a result and not an error, because an error cannot carry a noncopyable element.
///
/// ```swift
/// if let refusal = channel.trySend(1) {
///     print("not sent:", refusal.reason, refusal.takeElement())
/// }
/// ```
@frozen
public struct SendRefusal<Element: ~Copyable>: ~Copyable {
    /// Why the element was not taken.
    public let reason: ChannelError
    /// The element.
    public var element: Element

    @inlinable
    init(_ element: consuming Element, _ reason: ChannelError) {
        self.reason = reason
        self.element = element
    }

    /// The element alone.
    @inlinable
    public consuming func takeElement() -> Element { element }
}

extension SendRefusal: Copyable where Element: Copyable {}

extension SendRefusal: Sendable where Element: Sendable & ~Copyable {}

/// An element on its way through the rounds of a waiting sender, which owns it alone: it was sent
/// to the channel and has not arrived. The compiler does not see that through a loop.
@usableFromInline
struct Carried<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
    @usableFromInline
    var element: Element

    @inlinable
    init(_ element: consuming sending Element) { self.element = element }
}

// Swift 6.3 finds a leak in itself where a trivial element is taken out of a noncopyable wrapper.
extension Carried: Copyable where Element: Copyable {}
