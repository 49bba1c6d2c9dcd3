// SPDX-License-Identifier: MIT

/// Names one submitted operation: a slot of the loop's table, and the slot's generation, so that a
/// name which is no longer current is recognised as such.
@frozen
public struct OperationID: Hashable, Sendable {
    // Layout: bits 0–31 slot index · bits 32–63 generation

    /// The bits, as they travel through the kernel (`user_data`).
    public let rawValue: UInt64

    /// The name with the given bits.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    init(index: UInt32, generation: UInt32) {
        rawValue = UInt64(generation) &<< 32 | UInt64(index)
    }

    /// The slot. Slots from `reservedIndexMin` on are never given out by a loop: a backend may use
    /// them for operations of its own.
    @inlinable
    public var index: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    /// How often the slot was used before.
    @inlinable
    public var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue &>> 32) }

    /// The slot index under which a loop closes descriptors: each close has its own generation, and
    /// nobody is told of its result.
    static var closingIndex: UInt32 { reservedIndexMin - 1 }

    /// The first slot index that loops leave to backends.
    @inlinable
    public static var reservedIndexMin: UInt32 { 0xffff_ff00 }
}
