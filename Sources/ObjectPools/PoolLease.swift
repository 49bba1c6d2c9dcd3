// SPDX-License-Identifier: MIT

/// A lease of a pooled object that ends with its owner: a value that cannot be copied, and gives
/// the object back when it dies.
///
/// | Guarantee | making one / its end                                                             |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | as `tryAcquire` and `release` of the pool                                        |
/// | Cost      | the same, and one plain store on the slot's line; 16 bytes, no reference count   |
/// | Threads   | may move to another thread and end there; one uses it at a time                  |
///
/// The pool must not end before its leases: it looks, and traps. The look needs what every end
/// needs, that the last use of a lease happened before it, e.g. by joining the thread. A pool in a
/// `Shared` box may end before its scope does: see there.
///
/// Not for a name that the kernel or another program keeps: use the handle (`detach`, then
/// `ObjectPool.adopt`).
///
/// ```swift
/// let pool = ObjectPool<[UInt8]>(capacity: 64, make: { [] }, reset: { $0.removeAll() })
/// if var lease = pool.tryLease() {
///     lease.withObject { $0.append(1) }
/// }  // The object is reset and goes back here.
/// ```
@frozen
@safe
public struct PoolLease<Object: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Edges: the pool's. That a lease is owned is noted relaxed: by its owner, for the pool's end.

    @usableFromInline
    let core: UnsafePointer<PoolCore<Object>>

    /// The name of the lease, which ends with it.
    public let handle: PoolHandle

    @inlinable
    @inline(__always)
    @unsafe
    init(_ handle: PoolHandle, of core: UnsafePointer<PoolCore<Object>>) {
        // SAFETY: the pool keeps it alive, and traps if it ends before the lease.
        unsafe self.core = core
        self.handle = handle
        unsafe core.pointee.setOwned(handle, to: true)  // SAFETY: as above.
    }

    @inlinable
    deinit {
        // SAFETY: the pool lives as long as its leases.
        unsafe core.pointee.setOwned(handle, to: false)
        unsafe core.pointee.release(handle)  // SAFETY: as above.
    }

    /// Lends the object to `body`.
    @inlinable
    @inline(__always)
    public mutating func withObject<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Object) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        // SAFETY: the lease is the only user of its object, which the pool keeps.
        try unsafe body(&core.pointee.pointer(to: handle).pointee)
    }

    /// The object's address, which stays the same for the pool's lifetime; the caller sees to it
    /// that it is not used past the lease.
    @inlinable
    @inline(__always)
    @unsafe
    public var pointer: UnsafeMutablePointer<Object> {
        unsafe core.pointee.pointer(to: handle)  // SAFETY: the pool lives as long as its leases.
    }

    /// Gives up the lease without ending it: its handle must be released, or adopted again.
    @inlinable
    public consuming func detach() -> PoolHandle {
        let handle = handle
        // SAFETY: the pool lives as long as its leases.
        unsafe core.pointee.setOwned(handle, to: false)
        discard self
        return handle
    }
}
