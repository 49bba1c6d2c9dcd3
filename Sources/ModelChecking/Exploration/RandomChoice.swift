// SPDX-License-Identifier: MIT

/// A small generator of random numbers with a state of 64 bits.
///
/// Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
/// 2014.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed &>> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed &>> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed &>> 31
    }

    /// A number below a bound, which is small.
    mutating func index(below bound: Int) -> Int {
        bound <= 1 ? 0 : Int(truncatingIfNeeded: ((next() &>> 32) &* UInt64(bound)) &>> 32)
    }

    /// The number of a step, in executions whose length nobody knows: each scale is as likely. (It
    /// must not depend on other executions, or a seed alone would not lead to the same one.)
    mutating func step() -> Int {
        index(below: 8 << index(below: 5))
    }

    /// The number of one of the set bits.
    mutating func bit(of mask: UInt8) -> Int {
        var rest = mask
        for _ in 0..<index(below: mask.nonzeroBitCount) { rest &= rest &- 1 }
        return rest.trailingZeroBitCount
    }
}

/// Priorities of threads that change a few times in an execution.
struct ThreadPriorities {
    private var values = SIMD8<Int32>()
    private var changeSteps: [Int] = []

    /// Draws priorities, and the steps at which the thread that is on top goes to the bottom.
    mutating func draw(from random: inout SplitMix64, changeCount: Int) {
        var order = Array(1..<threadCountMax)
        order.shuffle(using: &random)
        for (index, thread) in order.enumerated() {
            values[thread] = Int32(changeCount + 1 + index)
        }
        changeSteps = (0..<changeCount).map { _ in random.step() }
    }

    /// The enabled thread on top.
    mutating func next(_ enabled: UInt8, step: Int) -> Int {
        for (index, change) in changeSteps.enumerated() where change == step {
            values[top(enabled)] = Int32(index)
        }
        return top(enabled)
    }

    private func top(_ enabled: UInt8) -> Int {
        var best = enabled.trailingZeroBitCount
        for thread in 1..<threadCountMax where enabled & (1 &<< UInt8(thread)) != 0 {
            if values[thread] > values[best] { best = thread }
        }
        return best
    }
}
