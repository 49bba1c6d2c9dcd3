// SPDX-License-Identifier: MIT

/// The owner of one value in a drain allocator's memory, which goes back when the owner dies.
///
/// | Guarantee | making one / its end                                                             |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | as `allocate` and `deallocate` of the allocator; its value is lent without a     |
/// |           | wait or an atomic operation                                                      |
/// | Cost      | the same, and the value's move in and its end; no reference count                |
/// | Memory    | the value and the allocator's header before it, out until the end or `take()`    |
/// | Edges     | what was done before its end is seen after `drained` of the allocator            |
/// | Threads   | if the value is `Sendable`, it may move to another thread and end there; one at  |
/// |           | a time changes the value                                                         |
///
/// The allocator must not die before it; if it does, it traps.
///
/// Not for bytes without a type, or an address that outlives the owner's scope: use `allocate`. Not
/// for objects that are used again and again: use `PoolLease`. Not for many values that end at
/// once: use `MemoryArena`.
@frozen
@safe
public struct DrainAllocation<Value: ~Copyable>: ~Copyable {
    private let address: UnsafeMutablePointer<Value>
    private let control: DrainControl

    @unsafe
    init(_ address: UnsafeMutablePointer<Value>, _ control: DrainControl) {
        // SAFETY: the allocator made it for this owner.
        unsafe self.address = address
        self.control = control
    }

    deinit {
        // SAFETY: the owner is the only one who uses the value, and it is going away.
        unsafe address.deinitialize(count: 1)
        unsafe control.deallocate(address)  // SAFETY: as above.
    }

    /// Lends the value out.
    public func withValue<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(address.pointee)  // SAFETY: the owner keeps the value alive.
    }

    /// Lends the value out to be changed.
    public mutating func withMutableValue<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(&address.pointee)  // SAFETY: the owner has it alone.
    }

    /// Takes the value out and gives the memory back.
    public consuming func take() -> Value {
        let value = unsafe address.move()  // SAFETY: the owner has it alone.
        unsafe control.deallocate(address)  // SAFETY: as above.
        discard self
        return value
    }
}

extension DrainAllocation: @unchecked Sendable where Value: Sendable & ~Copyable {}
