// SPDX-License-Identifier: MIT

public import AtomicSupport

/// What both kinds of domain have in common: fixed slots that belong to no thread.
@frozen
@usableFromInline
enum ReclamationSlots {
    /// Where a thread begins to look for a free slot: living threads begin at different ones, as
    /// long as there are as many.
    @inlinable
    @inline(__always)
    static var hint: Int { ThreadIndex.current ?? 0 }

    /// A power of two, so that a thread's index becomes a slot by a mask.
    static func roundedCount(_ count: Int) -> Int {
        precondition(count >= 1, "a domain needs at least one slot")
        precondition(count <= 1 << 16, "so many slots are too many to look at")
        if count == 1 { return 1 }
        return 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
    }
}
