// SPDX-License-Identifier: MIT

internal import StressSupport

/// The numbers that one part of a simulation draws. Parts have streams of their own, so that a
/// change of one does not change what the others draw.
struct SimulationRandom {
    private var generator: SplitMix64

    init(seed: UInt64, stream: Int) {
        generator = SplitMix64(seed: seed, stream: stream)
    }

    mutating func next() -> UInt64 { generator.next() }

    /// A number from 0 to below `bound`. Lemire's multiplication, without the last correction.
    mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "nothing is below zero")
        return Int(generator.next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number from `range`.
    mutating func within(_ range: ClosedRange<UInt64>) -> UInt64 {
        let (width, overflow) = (range.upperBound - range.lowerBound).addingReportingOverflow(1)
        if overflow { return generator.next() }
        return range.lowerBound + generator.next().multipliedFullWidth(by: width).high
    }

    /// True so many times in a million.
    mutating func chance(_ perMillion: UInt32) -> Bool {
        perMillion > 0 && below(1_000_000) < Int(perMillion)
    }
}
