// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// A number that only grows, from any thread: one relaxed addition. It wraps after 2^64.
///
/// Orderings are relaxed: a counter carries nothing but itself.
public final class MetricCounter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    /// Adds to it.
    public func add(_ amount: UInt64) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    /// What was added so far.
    public var value: UInt64 { count.load(ordering: .relaxed) }

    /// Starts again at zero.
    public func reset() { count.store(0, ordering: .relaxed) }
}
