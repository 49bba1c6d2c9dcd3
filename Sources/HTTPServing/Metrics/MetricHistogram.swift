// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// How values are spread over buckets, from any thread: one search among the bounds and two
/// relaxed additions.
///
/// What is read while others write may have a sum that is a few values ahead of the counts or
/// behind them; the counts among themselves are always consistent, as the total is their sum.
@safe
public final class MetricHistogram: @unchecked Sendable {
    /// The most bounds.
    public static let boundCountMax = 64

    /// The bounds of a histogram of times, in seconds: from half a millisecond to ten seconds.
    public static let secondsBounds: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// The bounds of a histogram of sizes and the like: powers of four.
    public static let sizeBounds: [Double] = [
        1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
    ]

    /// The largest value of each bucket, ascending; one more bucket takes the rest.
    public let bounds: [Double]

    private let block: SharedBlock
    private let sum = MetricGauge()

    init(bounds: [Double]) {
        precondition(!bounds.isEmpty && bounds.count <= Self.boundCountMax, "1 to 64 bounds")
        precondition(
            zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "the bounds do not ascend")
        self.bounds = bounds
        block = SharedBlock(byteCount: (bounds.count + 1) * MemoryLayout<Atomic<UInt64>>.stride)
    }

    /// Counts a value. One that is no number is left out.
    public func record(_ value: Double) {
        if value.isNaN { return }
        var index = 0
        while index < bounds.count, bounds[index] < value { index += 1 }
        // SAFETY: the block has a word for each bound and one more.
        unsafe bucket(index).pointee.wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    /// How many values each bucket has, the one without a bound last, and their sum.
    public func snapshot() -> (counts: [UInt64], sum: Double) {
        let counts = (0...bounds.count).map { index in
            // SAFETY: as in `record`.
            unsafe bucket(index).pointee.load(ordering: .relaxed)
        }
        return (counts, sum.value)
    }

    private func bucket(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: zeroed words inside the block, which lives as long as this object.
        unsafe block.pointer(
            at: index * MemoryLayout<Atomic<UInt64>>.stride, to: Atomic<UInt64>.self)
    }
}
