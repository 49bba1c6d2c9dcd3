// SPDX-License-Identifier: MIT

/// The name of one lease of a pooled object: the slot's number and how often it has changed hands.
///
/// It fits a word (`rawValue`), for instance the user data of a kernel operation, so that a late
/// answer to an operation that has ended is told from an answer to its successor in the same slot.
@frozen
public struct PoolHandle: Hashable, Sendable {
    /// The slot's number, below the pool's capacity.
    public let index: UInt32

    /// Odd while leased, two more at each lease of the slot; wraps after 2^31 leases of one slot.
    public let generation: UInt32

    /// A handle of these parts.
    @inlinable
    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    /// The handle whose `rawValue` this is.
    @inlinable
    public init(rawValue: UInt64) {
        index = UInt32(truncatingIfNeeded: rawValue)
        generation = UInt32(truncatingIfNeeded: rawValue &>> 32)
    }

    /// Both parts in one word: the generation above, the index below.
    @inlinable
    public var rawValue: UInt64 { UInt64(generation) &<< 32 | UInt64(index) }
}

/// What a pool has done so far: exact when nobody else is inside, else recent.
@frozen
public struct ObjectPoolStatistics: Equatable, Sendable {
    /// Leases handed out.
    public var acquired: UInt64 = 0
    /// Leases given back.
    public var released: UInt64 = 0
    /// Tries that found every slot leased.
    public var exhausted: UInt64 = 0
    /// Times that a magazine fetched a chain from the free list.
    public var refilled: UInt64 = 0
    /// Times that a full magazine gave a chain back to the free list.
    public var flushed: UInt64 = 0
    /// Slots that were taken out of another thread's magazine.
    public var stolen: UInt64 = 0

    /// Nothing done yet.
    @inlinable
    public init() {}
}
