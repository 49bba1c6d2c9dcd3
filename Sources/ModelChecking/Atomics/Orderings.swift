// SPDX-License-Identifier: MIT

/// How strong an access is: what all the ordering types are in the model.
@frozen
public enum MemoryOrder: UInt8, Sendable {
    /// Atomic, and nothing else.
    case relaxed
    /// What the writer released is seen from here on.
    case acquiring
    /// What was done before is seen by whoever acquires this.
    case releasing
    /// Both.
    case acquiringAndReleasing
    /// Both, and in one order that all threads agree on.
    case sequentiallyConsistent

    /// Whether an access of this order acquires.
    @inlinable
    public var isAcquiring: Bool {
        self == .acquiring || self == .acquiringAndReleasing || self == .sequentiallyConsistent
    }

    /// Whether an access of this order releases.
    @inlinable
    public var isReleasing: Bool {
        self == .releasing || self == .acquiringAndReleasing || self == .sequentiallyConsistent
    }
}

/// The orderings of a load, spelled as in `Synchronization`.
@frozen
public struct AtomicLoadOrdering: Equatable, Sendable {
    /// The strength.
    public let order: MemoryOrder

    @inlinable
    init(_ order: MemoryOrder) { self.order = order }

    /// Atomic, and nothing else.
    @inlinable
    public static var relaxed: Self { Self(.relaxed) }
    /// Sees what the writer of the value released.
    @inlinable
    public static var acquiring: Self { Self(.acquiring) }
    /// As acquiring, and in the one order of all sequentially consistent accesses.
    @inlinable
    public static var sequentiallyConsistent: Self { Self(.sequentiallyConsistent) }
}

/// The orderings of a store, spelled as in `Synchronization`.
@frozen
public struct AtomicStoreOrdering: Equatable, Sendable {
    /// The strength.
    public let order: MemoryOrder

    @inlinable
    init(_ order: MemoryOrder) { self.order = order }

    /// Atomic, and nothing else.
    @inlinable
    public static var relaxed: Self { Self(.relaxed) }
    /// Lets whoever acquires the value see what was done before.
    @inlinable
    public static var releasing: Self { Self(.releasing) }
    /// As releasing, and in the one order of all sequentially consistent accesses.
    @inlinable
    public static var sequentiallyConsistent: Self { Self(.sequentiallyConsistent) }
}

/// The orderings of a read-modify-write and of a fence, spelled as in `Synchronization`.
@frozen
public struct AtomicUpdateOrdering: Equatable, Sendable {
    /// The strength.
    public let order: MemoryOrder

    @inlinable
    init(_ order: MemoryOrder) { self.order = order }

    /// Atomic, and nothing else.
    @inlinable
    public static var relaxed: Self { Self(.relaxed) }
    /// Sees what the writer of the value released.
    @inlinable
    public static var acquiring: Self { Self(.acquiring) }
    /// Lets whoever acquires the value see what was done before.
    @inlinable
    public static var releasing: Self { Self(.releasing) }
    /// Both.
    @inlinable
    public static var acquiringAndReleasing: Self { Self(.acquiringAndReleasing) }
    /// Both, and in the one order of all sequentially consistent accesses.
    @inlinable
    public static var sequentiallyConsistent: Self { Self(.sequentiallyConsistent) }

    /// What the load of a failed compare-exchange of this ordering is.
    @inlinable
    var failure: MemoryOrder {
        switch order {
        case .relaxed: .relaxed
        case .acquiring: .acquiring
        case .releasing: .relaxed
        case .acquiringAndReleasing: .acquiring
        case .sequentiallyConsistent: .sequentiallyConsistent
        }
    }
}
