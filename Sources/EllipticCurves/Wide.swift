// SPDX-License-Identifier: MIT

/// Words with carries.
///
/// `UInt128`'s halves are taken by their names: the generic conversions cost twelve times as much
/// in a build for debugging, and the same in an optimised one.
enum Wide {
    /// A product of two words.
    @inline(__always)
    static func product(_ a: UInt64, _ b: UInt64) -> UInt128 {
        UInt128(_low: a, _high: 0) &* UInt128(_low: b, _high: 0)
    }

    /// `a · b + c + carry`: the low word; the high one is the next carry. It cannot overflow.
    @inline(__always)
    static func multiplyAdd(
        _ a: UInt64, _ b: UInt64, _ c: UInt64, _ carry: inout UInt64
    ) -> UInt64 {
        let sum =
            product(a, b) &+ UInt128(_low: c, _high: 0) &+ UInt128(_low: carry, _high: 0)
        carry = sum._high
        return sum._low
    }

    /// `a + b + carry`, with the carry out, 0 or 1.
    @inline(__always)
    static func add(_ a: UInt64, _ b: UInt64, _ carry: inout UInt64) -> UInt64 {
        let sum =
            UInt128(_low: a, _high: 0) &+ UInt128(_low: b, _high: 0)
            &+ UInt128(_low: carry, _high: 0)
        carry = sum._high
        return sum._low
    }

    /// `a − b − borrow`, with the borrow out, 0 or 1.
    @inline(__always)
    static func subtract(_ a: UInt64, _ b: UInt64, _ borrow: inout UInt64) -> UInt64 {
        let difference =
            UInt128(_low: a, _high: 0) &- UInt128(_low: b, _high: 0)
            &- UInt128(_low: borrow, _high: 0)
        borrow = difference._high & 1
        return difference._low
    }
}
