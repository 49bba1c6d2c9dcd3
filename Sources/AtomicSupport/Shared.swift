// SPDX-License-Identifier: MIT

/// A box that lets closures and several owners share one noncopyable primitive.
///
/// As every object of a class, it may end behind its last use, which in an optimised build can be
/// before the end of its scope. What comes from the primitive and must end before it, a `PoolLease`
/// or a `LocalPoolMagazine`, is no use of the box: where nothing else needs the box later, put
/// `withExtendedLifetime(box) { … }` around. A primitive that a `let` holds itself lives as long as
/// its scope.
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
