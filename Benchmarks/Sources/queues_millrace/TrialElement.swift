// SPDX-License-Identifier: MIT

/// What goes through a queue in a trial: it holds a number.
protocol TrialElement: BitwiseCopyable, Sendable {
    init(number: UInt64)
    var number: UInt64 { get }
}

extension UInt64: TrialElement {
    @inline(__always)
    init(number: UInt64) { self = number }
    @inline(__always)
    var number: UInt64 { self }
}

/// Sixty-four bytes: the number stands at both ends.
struct WideElement: TrialElement {
    private let first: UInt64
    private var middle: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4, 5, 6)
    private let last: UInt64

    @inline(__always)
    init(number: UInt64) { (first, last) = (number, number) }
    @inline(__always)
    var number: UInt64 { first & last }
}
