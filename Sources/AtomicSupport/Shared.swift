// SPDX-License-Identifier: MIT

/// A box that lets closures and several owners share one noncopyable primitive.
///
/// ```swift
/// let queue = Shared(BoundedMPMCQueue<Int>(capacity: 64))
/// Task { _ = queue.value.tryPush(1) }
/// ```
public final class Shared<Value: ~Copyable & Sendable>: Sendable {
    /// The primitive itself.
    public let value: Value

    /// Moves a primitive into a box.
    public init(_ value: consuming Value) {
        self.value = value
    }
}
