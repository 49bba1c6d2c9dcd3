// SPDX-License-Identifier: MIT

/// The pauses between attempts: they grow by a factor up to a cap, and chance takes a part of each
/// away, so that clients which lost one server do not come back in step.
///
/// The same seed gives the same pauses. Generator: SplitMix64 (G. Steele, D. Lea, C. Flood,
/// OOPSLA 2014).
struct ReconnectPauses: Sendable {
    private let initial: UInt64
    private let multiplier: UInt64
    private let cap: UInt64
    private let jitterPercent: UInt64
    private var state: UInt64

    init(configuration: PoolConfiguration, seed: UInt64) {
        initial = configuration.backoffInitialNanoseconds
        multiplier = configuration.backoffMultiplier
        cap = configuration.backoffCapNanoseconds
        jitterPercent = configuration.jitterPercent
        state = seed
    }

    /// The longest pause after `failures` failed attempts in a row.
    func longest(afterFailures failures: Int) -> UInt64 {
        assert(failures > 0)
        var pause = initial
        var step = 1
        // Ends at the cap after at most 64 steps, unless the factor is one.
        while step < failures, pause < cap, multiplier > 1 {
            let (product, overflow) = pause.multipliedReportingOverflow(by: multiplier)
            pause = overflow ? cap : min(product, cap)
            step += 1
        }
        return pause
    }

    /// The shortest pause after `failures` failed attempts in a row.
    func shortest(afterFailures failures: Int) -> UInt64 {
        let pause = longest(afterFailures: failures)
        return pause - spread(of: pause)
    }

    /// Draws a pause between the shortest and the longest.
    mutating func draw(afterFailures failures: Int) -> UInt64 {
        let pause = longest(afterFailures: failures)
        let taken = next().multipliedFullWidth(by: spread(of: pause) &+ 1).high
        assert(taken <= spread(of: pause))
        return pause - taken
    }

    private func spread(of pause: UInt64) -> UInt64 {
        // The product fits 128 bits and, as at most 100 percent are taken, the quotient 64.
        UInt64(100).dividingFullWidth(pause.multipliedFullWidth(by: jitterPercent)).quotient
    }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }
}
