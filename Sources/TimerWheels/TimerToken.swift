// SPDX-License-Identifier: MIT

/// The name of one armed timer: a place in the wheel's slab and the place's generation, so that a
/// token that outlived its timer names nothing.
///
/// A token is only meaningful to the wheel that gave it. Its generation has 31 bits: a token that
/// is kept while its place is armed 2³¹ more times could be taken for the newest of them.
@frozen
public struct TimerToken: Hashable, Sendable {
    /// The place in the low half, the generation in the high half: for those who store tokens in a
    /// word.
    public let rawValue: UInt64

    /// The token that `rawValue` came from.
    @inlinable
    @inline(__always)
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    @inline(__always)
    init(index: UInt32, generation: UInt32) {
        rawValue = UInt64(generation) &<< 32 | UInt64(index)
    }

    @inlinable
    @inline(__always)
    var index: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    @inlinable
    @inline(__always)
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue &>> 32) }
}
