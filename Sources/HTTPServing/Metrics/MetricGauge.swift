// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// A number that goes up and down, or a sum of fractions, from any thread.
///
/// Lock-free: an addition tries anew when another one came between. Orderings are relaxed: a gauge
/// carries nothing but itself.
public final class MetricGauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    init() {}

    /// Puts a value in the place of the old one.
    public func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    /// Adds to it; a negative amount takes away.
    public func add(_ amount: Double) {
        var expected = bits.load(ordering: .relaxed)
        while true {  // Retries only after another addition went through.
            let desired = (Double(bitPattern: expected) + amount).bitPattern
            let (isDone, current) = bits.weakCompareExchange(
                expected: expected, desired: desired, ordering: .relaxed)
            if isDone { return }
            expected = current
        }
    }

    /// The value now.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}
