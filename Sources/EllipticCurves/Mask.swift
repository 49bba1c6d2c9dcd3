// SPDX-License-Identifier: MIT

/// Decisions without branches: all ones for yes, zero for no.
///
/// A comparison that becomes a `Bool` invites the compiler to branch; these are sums and shifts. It
/// recognises them all the same, and has made a branch of a table's scan: what decides about more
/// than a few words goes through `opaque`. Whether that was enough is checked on the machine code
/// (`./dev constant-time`).
enum Mask {
    /// All ones if the word is zero.
    @inline(__always)
    static func isZero(_ word: UInt64) -> UInt64 { ((word | (0 &- word)) &>> 63) &- 1 }

    /// The same word; the optimiser does not know that.
    ///
    /// Cost: a call, 1 ns.
    @inline(never)
    @_optimize(none)
    static func opaque(_ word: UInt64) -> UInt64 { word }

    /// The first where the mask is all ones, the second where it is zero.
    @inline(__always)
    static func select(_ mask: UInt64, _ first: UInt64, _ second: UInt64) -> UInt64 {
        second ^ (mask & (first ^ second))
    }
}
